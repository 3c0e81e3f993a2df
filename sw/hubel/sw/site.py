"""Where the computer stands: facility, grid and carbon intensity behind every IT joule."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .figure import Figure

_WRONG_UNIT = {
    "J": ": an energy is not multiplied by seconds",
    "kWh": ": an energy is not multiplied by seconds",
    "g/kWh": ": a carbon intensity is no part of a power; CO2e is a separate output",
}


def expect_unit(figure: Figure, units: tuple[str, ...], role: str) -> None:
    """Raise a ValueError that names ``role`` and both units if ``figure`` is in another unit."""
    if figure.unit not in units:
        wanted = " or ".join(repr(unit) for unit in units)
        raise ValueError(
            f"{role} must be in {wanted}, not {figure.name!r} in {figure.unit!r}"
            + _WRONG_UNIT.get(figure.unit, "")
        )


@dataclass(frozen=True, kw_only=True)
class Site:
    """What the joules of a computer cost further up the line.

    Parameters
    ----------
    pue : Figure
        Power usage effectiveness, unit "1", at least 1.
    loss : Figure
        Lost fraction in grid transmission and distribution, unit "1", in 0..1 (exclusive).
    psu_efficiency : Figure, optional
        Efficiency of the power supply, unit "1", above 0 and at most 1; only when the power is
        measured on its DC side.
    intensity : Figure, optional
        Carbon intensity in g/kWh. Its boundary is "generation", or "consumption" when it contains
        the grid loss, which is then refused a second time.

    Raises
    ------
    ValueError
        If a unit or a range is wrong.
    """

    pue: Figure
    loss: Figure
    psu_efficiency: Figure | None = None
    intensity: Figure | None = None

    def __post_init__(self) -> None:
        checks = [
            ("PUE", self.pue, lambda x: x >= 1, "at least 1"),
            ("grid loss", self.loss, lambda x: 0 <= x < 1, "in 0..1, without 1"),
        ]
        if self.psu_efficiency is not None:
            in_range = (self.psu_efficiency, lambda x: 0 < x <= 1, "above 0 and at most 1")
            checks.append(("PSU efficiency", *in_range))
        for role, figure, inside, text in checks:
            expect_unit(figure, ("1",), role)
            if figure.value is not None:
                for value in figure.interval or (figure.value,):
                    if not inside(value):
                        raise ValueError(f"{role} must be {text}, not {value!r}")
        if self.intensity is not None:
            expect_unit(self.intensity, ("g/kWh",), "carbon intensity")
            if self.intensity.boundary not in ("generation", "consumption"):
                raise ValueError(
                    "boundary of a carbon intensity must be 'generation' or 'consumption',"
                    f" not {self.intensity.boundary!r}"
                )
            if self.intensity.boundary == "consumption" and self.loss.value != 0:
                raise ValueError(
                    "a carbon intensity of consumption contains the grid loss: declare a loss of 0"
                )

    @property
    def figures(self) -> tuple[Figure, ...]:
        """The figures that turn IT joules into NATURE joules."""
        return (self.pue, self.loss, *([self.psu_efficiency] if self.psu_efficiency else []))

    def gross(self, x: Mapping[Figure, Any]) -> Any:
        """Return joules at the generator for one joule drawn, with the values ``x``."""
        return x[self.pue] / (1 - x[self.loss])

    def psu(self, x: Mapping[Figure, Any]) -> Any:
        """Return joules drawn for one joule at the probe, with the values ``x``."""
        return 1.0 if self.psu_efficiency is None else 1 / x[self.psu_efficiency]


#: A machine on a desk has no facility around it.
DESK_PUE = Figure(
    name="PUE of a desk machine",
    value=1.0,
    unit="1",
    kind="assumed",
    subkind="declared",
    boundary="facility",
    source="no cooling or power distribution of its own",
    group="PUE",
)
#: A data centre that does not publish its PUE.
UNKNOWN_PUE = Figure(
    name="PUE of an unknown data centre",
    value=1.56,
    unit="1",
    kind="assumed",
    subkind="published",
    boundary="facility",
    source="Uptime Institute global survey 2024; from large cloud sites to old small ones",
    interval=(1.1, 2.0),
    distribution="triangular",
    group="PUE",
)
#: Means of data centres by year, and of one site: published values without an interval.
PUBLISHED_PUE = {
    which: Figure(
        name=f"PUE {which}",
        value=value,
        unit="1",
        kind="assumed",
        subkind="published",
        boundary="facility",
        source=f"Google, {which}" if which == "Iowa" else f"Uptime Institute global survey {which}",
        group="PUE",
    )
    for which, value in (
        *(("2018", 1.58), ("2019", 1.67), ("2020", 1.59), ("2021", 1.57), ("2022", 1.55)),
        *(("2023", 1.58), ("2024", 1.56), ("Iowa", 1.11)),
    )
}
#: Loss in transmission and distribution; the world value is a rounded, weaker one.
GRID_LOSS = {
    place: Figure(
        name=f"grid loss {place}",
        value=value,
        unit="1",
        kind="assumed",
        subkind="published",
        boundary="grid",
        source=source,
        interval=interval,
        distribution="triangular",
        group="grid loss",
    )
    for place, value, interval, source in (
        ("USA", 0.05, (0.04, 0.06), "EIA, mean of 2018-2022"),
        ("IND", 0.214, (0.18, 0.24), "India, 2019-20"),
        ("world", 0.08, (0.04, 0.20), "world mean, about; confidence medium"),
    )
}
