"""A number together with what makes it defensible: kind, interval, boundary and source."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

#: Every kind with its subkinds, strongest first.
KINDS = {
    "measured": ("meter", "counter"),
    "estimated": ("activity", "spec"),
    "assumed": ("declared", "default", "published"),
}
DISTRIBUTIONS = ("fixed", "normal", "uniform", "triangular")

CORE_RAIL = "FPGA core rail"
USB_BOARD = "board at USB 5 V"
PACKAGE, PACKAGE_DRAM = "host package", "host package+DRAM"
#: What RAPL calls psys: the computer behind its voltage regulators.
PLATFORM = "host platform"
#: A meter in the mains lead.
WALL = "computer at the wall"
#: Boundaries that lie inside another one: adding both would count the same joules twice.
INSIDE = {
    CORE_RAIL: (USB_BOARD, "board"),
    USB_BOARD: ("board",),
    PACKAGE: (PACKAGE_DRAM, PLATFORM, WALL),
    PACKAGE_DRAM: (PLATFORM, WALL),
    PLATFORM: (WALL,),
}


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One number of an energy claim.

    Two equal figures, and all figures of one correlation group, are the same source of error:
    they share their draw, and repeating them does not average the error down.

    Parameters
    ----------
    name : str
        What the number is, as printed in a report.
    value : float or None
        The nominal value; None is *unknown*, which is never replaced by 0.
    unit : str
        For example ``"W"``, ``"J"``, ``"s/epoch"``, ``"g/kWh"``, or ``"1"`` for a fraction.
    kind : str
        ``"measured"``, ``"estimated"`` or ``"assumed"``.
    subkind : str
        One of ``KINDS[kind]``.
    boundary : str
        What the number contains, for example ``"FPGA core rail"``.
    source : str
        Where it comes from: instrument, publication with year, or who declared it.
    interval : tuple of float, optional
        Low and high. For ``normal`` the central 95 %, for the others the whole support.
    distribution : str
        ``"fixed"`` (no interval), ``"normal"`` (mean at the value), ``"uniform"`` or
        ``"triangular"`` (mode at the value).
    group : str, optional
        Correlation group, for example ``"PUE"`` or the gain of one sensor.

    Raises
    ------
    ValueError
        If something is missing or contradicts itself.
    """

    name: str
    value: float | None
    unit: str
    kind: str = ""
    subkind: str = ""
    boundary: str = ""
    source: str = ""
    interval: tuple[float, float] | None = None
    distribution: str = "fixed"
    group: str | None = None

    def __post_init__(self) -> None:
        for field in ("name", "unit", "kind", "subkind", "boundary", "source"):
            if not getattr(self, field):
                raise ValueError(f"figure {self.name!r} has no {field}")
        if self.kind not in KINDS:
            raise ValueError(f"{self.name}: kind must be one of {list(KINDS)}, not {self.kind!r}")
        if self.subkind not in KINDS[self.kind]:
            raise ValueError(
                f"{self.name}: subkind of {self.kind!r} must be one of"
                f" {list(KINDS[self.kind])}, not {self.subkind!r}"
            )
        if self.distribution not in DISTRIBUTIONS:
            raise ValueError(
                f"{self.name}: distribution must be one of {list(DISTRIBUTIONS)},"
                f" not {self.distribution!r}"
            )
        if (self.interval is None) != (self.distribution == "fixed"):
            raise ValueError(
                f"{self.name}: distribution {self.distribution!r} with interval {self.interval!r}"
                " ('fixed' has no interval, every other one needs it)"
            )
        if self.value is None:
            if self.interval is not None:
                raise ValueError(f"{self.name}: an unknown value has no interval")
            return
        if not math.isfinite(self.value):
            raise ValueError(f"{self.name}: value must be finite or None, not {self.value!r}")
        if self.interval is not None:
            low, high = self.interval
            if not (math.isfinite(low) and math.isfinite(high) and low <= self.value <= high):
                raise ValueError(
                    f"{self.name}: interval [{low}, {high}] does not contain the value {self.value}"
                )
            object.__setattr__(self, "interval", (float(low), float(high)))
        # Numbers of numpy compare equal but do not pass through JSON.
        object.__setattr__(self, "value", float(self.value))

    def quantile(self, q: ArrayLike) -> NDArray[np.float64]:
        """Return the quantiles ``q`` (each in 0..1, exclusive) of the value.

        Raises
        ------
        ValueError
            If the value is unknown.
        """
        if self.value is None:
            raise ValueError(f"{self.name} is unknown and cannot be sampled")
        q = np.asarray(q, dtype=np.float64)
        if self.interval is None or self.interval[0] == self.interval[1]:
            return np.full(q.shape, self.value)
        low, high = self.interval
        if self.distribution == "normal":
            return self.value + (high - low) / (2 * ndtri(0.975)) * ndtri(q)
        if self.distribution == "uniform":
            return low + (high - low) * q
        rising = low + np.sqrt(q * (high - low) * (self.value - low))
        falling = high - np.sqrt((1 - q) * (high - low) * (high - self.value))
        return np.where(q * (high - low) < self.value - low, rising, falling)

    def times(self, factor: float, *, name: str, unit: str) -> "Figure":
        """Return this figure times an exact, non-negative ``factor``, renamed, in ``unit``."""
        if not (math.isfinite(factor) and factor >= 0):
            raise ValueError(f"{name}: factor must be finite and at least 0, not {factor!r}")
        value = None if self.value is None else self.value * factor
        interval = self.interval and (self.interval[0] * factor, self.interval[1] * factor)
        return replace(self, name=name, unit=unit, value=value, interval=interval)

    def to_json(self) -> dict[str, Any]:
        """Return a dictionary that ``json.dumps`` accepts."""
        return asdict(self)

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> "Figure":
        """Build a figure from what :meth:`to_json` returned, also after a trip through JSON."""
        surplus = sorted(set(record) - {field.name for field in fields(cls)})
        if surplus:
            raise ValueError(f"figure {record.get('name')!r} has unknown fields {surplus}")
        absent = sorted({"name", "value", "unit"} - set(record))
        if absent:
            raise ValueError(f"figure {record.get('name')!r} lacks the fields {absent}")
        values: dict[str, Any] = dict(record)
        if values.get("interval") is not None:
            low, high = values["interval"]
            values["interval"] = (low, high)
        return cls(**values)


@dataclass(frozen=True)
class Total:
    """Sum of figures of one unit, which remembers its parts; built by :func:`total`."""

    name: str
    unit: str
    parts: tuple[Figure, ...]

    @property
    def unknown(self) -> tuple[str, ...]:
        """Names of the parts without a value."""
        return tuple(part.name for part in self.parts if part.value is None)

    @property
    def value(self) -> float | None:
        """The sum, or None if a part is unknown."""
        if self.unknown:
            return None
        return math.fsum(part.value for part in self.parts if part.value is not None)

    @property
    def shares(self) -> dict[str, float]:
        """Fraction of the sum by kind; empty if the sum is unknown or 0."""
        return shares_by_kind((part.kind, part.value) for part in self.parts)

    @property
    def boundary(self) -> str:
        """The boundaries of the parts, each once."""
        return " + ".join(dict.fromkeys(part.boundary for part in self.parts))

    def __str__(self) -> str:
        if self.unknown:
            return f"{self.name}: unknown ({', '.join(self.unknown)})"
        return f"{self.name}: {self.value:g} {self.unit} ({share_text(self.shares)})"


def total(figures: Iterable[Figure], name: str) -> Total:
    """Add figures of one unit.

    Raises
    ------
    ValueError
        If there is nothing to add, if two units differ, or if one boundary contains another.
    """
    parts = tuple(figures)
    if not parts:
        raise ValueError(f"{name}: nothing to add")
    first = parts[0]
    for part in parts:
        if part.unit != first.unit:
            raise ValueError(
                f"{name}: cannot add {part.name!r} in {part.unit!r}"
                f" to {first.name!r} in {first.unit!r}"
            )
    boundaries = {part.boundary for part in parts}
    for inner, outers in INSIDE.items():
        for outer in outers:
            if inner in boundaries and outer in boundaries:
                raise ValueError(f"{name}: {inner!r} is inside {outer!r}; adding both overlaps")
    return Total(name, first.unit, parts)


def shares_by_kind(values: Iterable[tuple[str, float | None]]) -> dict[str, float]:
    """Return the fraction of each kind in a sum of (kind, value), strongest kind first."""
    sums = dict.fromkeys(KINDS, 0.0)
    for kind, value in values:
        if value is None:
            return {}
        sums[kind] += value
    whole = sum(sums.values())
    return {kind: part / whole for kind, part in sums.items() if part} if whole else {}


def share_text(shares: Mapping[str, float]) -> str:
    """Return shares as text, for example ``"65 % measured, 35 % assumed"``."""
    return ", ".join(f"{100 * share:.0f} % {kind}" for kind, share in shares.items())


def weakest(figures: Iterable[Figure]) -> Figure:
    """Return the figure that decides the kind of a result of all of them: the weakest one."""
    return max(figures, key=lambda f: (list(KINDS).index(f.kind), KINDS[f.kind].index(f.subkind)))


def error_sources(figures: Iterable[Figure]) -> dict[Figure | str, list[Figure]]:
    """Collect figures that share one error, by group, or by the figure itself without a group.

    The order depends on the figures only, not on the order in which they came.
    """
    sources: dict[Figure | str, list[Figure]] = {}
    for figure in sorted(set(figures), key=repr):
        sources.setdefault(figure.group or figure, []).append(figure)
    return sources


def sample(
    figures: Sequence[Figure], rng: np.random.Generator, n: int
) -> dict[Figure, NDArray[np.float64]]:
    """Draw ``n`` values of every figure; figures of one correlation group move together.

    Returns
    -------
    dict
        For each different figure an array of shape (n,).
    """
    draws: dict[Figure, NDArray[np.float64]] = {}
    for members in error_sources(figures).values():
        # The open interval keeps the normal quantile finite.
        q = rng.uniform(np.finfo(float).tiny, 1.0, n)
        draws |= {figure: figure.quantile(q) for figure in members}
    return draws
