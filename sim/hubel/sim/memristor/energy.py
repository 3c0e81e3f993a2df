"""Joules of an array, entry by entry, array and periphery always apart."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from .source import Constant, Source

Floats = npt.NDArray[np.float64]

PLACES = ("array", "periphery")
#: Microsiemens to siemens.
_MICRO = 1e-6


@dataclass(frozen=True, kw_only=True)
class Pulse:
    """A programming pulse: by its voltage and length through the device, or a published energy.

    Parameters
    ----------
    volts : float
        Amplitude.
    seconds : float
        Length.
    farads : float
        What is charged beside the device: C V^2 a pulse.
    joules : float, optional
        Energy of a pulse where it is published as such; the conductance then does not matter.
    source : Source
    """

    volts: float
    seconds: float
    source: Source
    farads: float = 0.0
    joules: float | None = None

    def __post_init__(self) -> None:
        for name in ("volts", "seconds", "farads", "joules"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{name} of a pulse must be 0 or more, not {value!r}")

    def energy(self, before: Floats, after: Floats) -> Floats:
        """Joules of a pulse that takes a device from ``before`` to ``after``, both uS: V^2 times
        the mean conductance times the length, and C V^2 (NeuroSim, 1T1R)."""
        if self.joules is not None:
            return np.full(np.broadcast(before, after).shape, self.joules)
        mean = (before + after) * (_MICRO / 2)
        return self.volts**2 * (mean * self.seconds + self.farads)


@dataclass(frozen=True, kw_only=True)
class ReadPulse:
    """A read: V^2 G t, or a published energy."""

    volts: float
    seconds: float
    source: Source
    joules: float | None = None

    def __post_init__(self) -> None:
        for name in ("volts", "seconds", "joules"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{name} of a read must be 0 or more, not {value!r}")

    def energy(self, g: Floats) -> Floats:
        """Joules of a read of devices of ``g`` uS."""
        if self.joules is not None:
            return np.full(np.shape(g), self.joules)
        return self.volts**2 * self.seconds * _MICRO * np.asarray(g)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Joules of ``count`` events of one kind at one place."""

    name: str
    place: str
    count: int
    joules: float
    source: Source

    def __post_init__(self) -> None:
        if self.place not in PLACES:
            raise ValueError(f"{self.name}: place must be one of {list(PLACES)}")
        if self.count < 0 or not (math.isfinite(self.joules) and self.joules >= 0):
            raise ValueError(
                f"{self.name}: {self.count!r} events of together {self.joules!r} J; both must be "
                f"0 or more"
            )


@dataclass(frozen=True)
class Ledger:
    """Entries; two ledgers add up, and entries of one name, place and source become one."""

    entries: tuple[Entry, ...] = ()

    def __add__(self, other: "Ledger") -> "Ledger":
        merged: dict[tuple, Entry] = {}
        for entry in (*self.entries, *other.entries):
            key = (entry.name, entry.place, entry.source)
            if (had := merged.get(key)) is not None:
                entry = replace(
                    had, count=had.count + entry.count, joules=had.joules + entry.joules
                )
            merged[key] = entry
        return Ledger(tuple(merged.values()))

    def joules_of(self, place: str) -> float:
        """Sum of the entries at ``place``, "array" or "periphery"."""
        if place not in PLACES:
            raise ValueError(f"place must be one of {list(PLACES)}, not {place!r}")
        return math.fsum(entry.joules for entry in self.entries if entry.place == place)

    @property
    def joules(self) -> float:
        """Array and periphery together; never printed without its two parts."""
        return self.joules_of("array") + self.joules_of("periphery")

    def __str__(self) -> str:
        array, periphery = self.joules_of("array"), self.joules_of("periphery")
        return f"array {array:.4g} J, periphery {periphery:.4g} J"


def total(ledgers: Iterable[Ledger]) -> Ledger:
    """All of them added up."""
    result = Ledger()
    for ledger in ledgers:
        result = result + ledger
    return result


@dataclass(frozen=True, kw_only=True)
class Periphery:
    """What the circuits around an array take.

    Parameters
    ----------
    adc, driver, sample_hold : Constant
        Joules of a conversion, of a driven line and of a sampled column.
    leakage : Constant
        Watts of a stored bit, from the array and its circuits, while it is powered.
    """

    adc: Constant
    driver: Constant
    sample_hold: Constant
    leakage: Constant

    def __post_init__(self) -> None:
        for name, unit in (
            ("adc", "J"), ("driver", "J"), ("sample_hold", "J"), ("leakage", "W/bit"),
        ):  # fmt: skip
            if getattr(self, name).unit != unit:
                raise ValueError(f"{name} must be in {unit}, not in {getattr(self, name).unit}")

    def reads(self, conversions: int, lines: int) -> Ledger:
        """``conversions`` of columns while ``lines`` lines are driven."""
        return Ledger(
            (
                _periphery("ADC conversions", conversions, self.adc),
                _periphery("sample and hold", conversions, self.sample_hold),
                _periphery("line drivers", lines, self.driver),
            )
        )

    def standby(self, bits: int, seconds: float) -> Ledger:
        """Leakage of ``bits`` that are powered for ``seconds``."""
        if not (math.isfinite(seconds) and seconds >= 0):
            raise ValueError(f"seconds must be 0 or more, not {seconds!r}")
        joules = self.leakage.value * bits * seconds
        source = self.leakage.source
        return Ledger((Entry(name="leakage", place="periphery", count=bits, joules=joules,
                             source=source),))  # fmt: skip


def _periphery(name: str, count: int, constant: Constant) -> Entry:
    return Entry(
        name=name,
        place="periphery",
        count=count,
        joules=count * constant.value,
        source=constant.source,
    )


_YAO = Source(
    "Yao et al. 2020, Fully hardware-implemented memristor CNN, Nature 577",
    "simulated",
    "share of one 1-bit pass of a 2k-cell array, from a secondary source; the joules of a pass "
    "spread over its 128 lines and columns",
)
_NVM = Source("NVMExplorer, EducationalTutorial, RRAM 1 MB at 22 nm", "simulated", "3.43 mW a MB")
_BITS_A_MB = 8 * 2**20

#: Circuits of a demonstrated system; the array is less than one percent of it.
YAO_2020 = Periphery(
    adc=Constant(2.55e-12, "J", _YAO),
    driver=Constant(1.72e-12 / 128, "J", _YAO),
    sample_hold=Constant(19.2e-12 / 128, "J", _YAO),
    leakage=Constant(3.43e-3 / _BITS_A_MB, "W/bit", _NVM),
)
