"""What a report is made of: plain values that survive a trip through JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Accuracy of one kind of network, 0..1, after 1, 2, ... steps."""

    label: str
    accuracy: tuple[float, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "accuracy", tuple(float(a) for a in self.accuracy))


@dataclass(frozen=True, kw_only=True)
class Raster:
    """Spikes of a population in one sample: (step, neuron), both from 0."""

    name: str
    neurons: int
    spikes: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        pairs = tuple((int(step), int(neuron)) for step, neuron in self.spikes)
        object.__setattr__(self, "spikes", pairs)

    @classmethod
    def of(cls, name: str, spikes: npt.NDArray[np.bool_]) -> "Raster":
        """Raster of ``spikes``, shape (steps, neurons)."""
        pairs = tuple((step, neuron) for step, neuron in np.argwhere(spikes).tolist())
        return cls(name=name, neurons=spikes.shape[1], spikes=pairs)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One input and what the network made of it.

    Parameters
    ----------
    label, decided : int
        True class, and the class that the network decided for.
    image : 2-D list of float
        Rows of pixels, 0 or more; the largest is drawn strongest.
    rasters : tuple of Raster
        From the input to the output.
    counts : tuple of int
        Spikes of each class.
    """

    label: int
    decided: int
    image: tuple[tuple[float, ...], ...]
    rasters: tuple[Raster, ...]
    counts: tuple[int, ...]

    def __post_init__(self) -> None:
        image = tuple(tuple(float(pixel) for pixel in row) for row in self.image)
        object.__setattr__(self, "label", int(self.label))
        object.__setattr__(self, "decided", int(self.decided))
        object.__setattr__(self, "image", image)
        object.__setattr__(self, "rasters", tuple(self.rasters))
        object.__setattr__(self, "counts", tuple(int(count) for count in self.counts))


@dataclass(frozen=True, kw_only=True)
class ReportData:
    """All that a report shows. What is None or empty is reported as not run.

    Parameters
    ----------
    title : str
        Title of the report.
    created : str
        When the results were made, ISO 8601 in UTC.
    network : str
        Neurons of each layer, for example ``"64-128-10"``.
    steps, lanes, weight_width, state_width : int, optional
        T, and the sizes of the core.
    ann_accuracy : float, optional
        Accuracy of the network that was converted, 0..1.
    test_images : int, optional
        Samples behind every accuracy.
    curves, samples : tuple of Curve, of Sample
        Accuracy over ``steps`` steps or more, and samples to look at. The label of a curve of
        integers begins with their width: ``"int8 golden"``.
    ranges : tuple of dict
        :class:`hubel.sw.ranges.PopulationRanges`, as dictionaries.
    checks : tuple of dict
        :meth:`hubel.sw.backends.Check.to_json`.
    builds : tuple of dict
        What :meth:`hubel.boards.report.BuildReport.save` writes.
    energy : dict of str to list of dict
        Figures in joules an inference (:meth:`hubel.sw.figure.Figure.to_json`), by board.
    nature : dict, optional
        :func:`hubel.sw.footprint.ledger_nature`.
    profile : tuple of str
        The arithmetic, one rule a line.
    tools : dict of str to str
        Name and version of the tools.
    """

    title: str
    created: str
    network: str = ""
    steps: int | None = None
    lanes: int | None = None
    weight_width: int | None = None
    state_width: int | None = None
    ann_accuracy: float | None = None
    test_images: int | None = None
    curves: tuple[Curve, ...] = ()
    samples: tuple[Sample, ...] = ()
    ranges: tuple[Json, ...] = ()
    checks: tuple[Json, ...] = ()
    builds: tuple[Json, ...] = ()
    energy: dict[str, list[Json]] = field(default_factory=dict)
    nature: Json | None = None
    profile: tuple[str, ...] = ()
    tools: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if datetime.fromisoformat(self.created).utcoffset() != timedelta(0):
            raise ValueError(f"created must be in UTC, not {self.created!r}")
        for curve in self.curves:
            if self.steps is not None and len(curve.accuracy) < self.steps:
                raise ValueError(
                    f"curve {curve.label!r} ends after {len(curve.accuracy)} of {self.steps} steps"
                )

    @property
    def used_curve(self) -> Curve | None:
        """The curve of the integers that the hardware has, otherwise the first one."""
        label = f"int{self.weight_width} "
        return next(
            (c for c in self.curves if c.label.startswith(label)), next(iter(self.curves), None)
        )

    def to_json(self) -> Json:
        """A dictionary that ``json.dumps`` accepts."""
        return asdict(self)

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> "ReportData":
        """The data that :meth:`to_json` returned, also after a trip through JSON.

        Raises
        ------
        ValueError
            If a field is unknown or missing; the message names it.
        """
        surplus = sorted(set(record) - {f.name for f in fields(cls)})
        absent = sorted({"title", "created"} - set(record))
        if surplus or absent:
            raise ValueError(f"not the data of a report: unknown fields {surplus}, absent {absent}")
        values = dict(record)
        for name in ("ranges", "checks", "builds", "profile"):
            values[name] = tuple(values.get(name, ()))
        values["curves"] = tuple(Curve(**curve) for curve in values.get("curves", ()))
        values["samples"] = tuple(
            Sample(**sample | {"rasters": tuple(Raster(**r) for r in sample["rasters"])})
            for sample in values.get("samples", ())
        )
        return cls(**values)
