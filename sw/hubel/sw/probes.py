"""Energy of the host from its RAPL counters, and an assumed power where there are none.

Only counters that do not overlap are read: ``psys`` contains the packages, ``intel-rapl-mmio``
repeats package 0, core and uncore lie inside a package; DRAM lies outside.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from errno import EACCES
from pathlib import Path

from .figure import PLATFORM, Figure
from .window import EnergyWindow

POWERCAP = Path("/sys/class/powercap")
#: No zone draws more than this, in W: a counter read less often than it could wrap at this power
#: is ambiguous.
MAX_ZONE_WATTS = 1000.0
#: The counters move in steps, at least this often, in s.
UPDATE_SECONDS = 0.01
#: Relative half width of the 95 % interval of RAPL against a meter, declared.
RAPL_GAIN = 0.05
#: What the processor draws when nothing measures it.
DEFAULT_POWER = Figure(
    name="host power",
    value=25.0,
    unit="W",
    kind="assumed",
    subkind="default",
    boundary="host package+DRAM",
    source="default: from an idle processor, 10 W, to the common 65 W class of desktop processors",
    interval=(10.0, 65.0),
    distribution="triangular",
    group="host power default",
)
UDEV_FIX = (
    "to let every user read the counters (a side channel: CVE-2020-8694), put this line into"
    " /etc/udev/rules.d/70-powercap.rules:\n"
    'SUBSYSTEM=="powercap", ACTION=="add", KERNEL=="intel-rapl:*",'
    ' RUN+="/bin/chmod a+r /sys%p/energy_uj"\n'
    "then run: sudo udevadm control --reload &&"
    " sudo udevadm trigger --subsystem-match=powercap --action=add"
)


@dataclass(frozen=True)
class Zone:
    """One powercap zone.

    Attributes
    ----------
    path : Path
        Its folder.
    name : str
        What its ``name`` file says, for example ``package-0``.
    range_uj : int
        Where the counter wraps, in uJ; 0 if the zone is not used.
    reason : str or None
        Why the zone is not used; None if it is.
    blocked : bool
        True if the zone would be used if only it could be read.
    """

    path: Path
    name: str
    range_uj: int = 0
    reason: str | None = None
    blocked: bool = False

    def read(self) -> int:
        """Return the counter in uJ."""
        return _integer(self.path / "energy_uj")


def zones(root: Path | str = POWERCAP) -> list[Zone]:
    """Return every RAPL zone under ``root``, each with the reason why it is not used, if any."""
    return [_zone(path) for path in sorted(Path(root).glob("intel-rapl*:*"))]


def describe(root: Path | str = POWERCAP) -> str:
    """Return one line a zone, and how to make blocked ones readable."""
    found = zones(root)
    if not found:
        return f"no RAPL zone under {root}: no processor counter, or a virtual machine"
    lines = [f"{z.path.name} {z.name}: {z.reason or 'used'}" for z in found]
    denied = any(z.blocked and z.reason == f"unreadable: {os.strerror(EACCES)}" for z in found)
    return "\n".join([*lines, *([UDEV_FIX] if denied else [])])


class HostSensor:
    """Packages, and DRAM where it has a counter, of all sockets.

    Parameters
    ----------
    root : path-like
        The powercap folder.
    fallback : Figure
        Power in W that is assumed where no counter can be read.
    psys : bool
        Read the ``psys`` zone, the whole platform, instead.

    Raises
    ------
    ValueError
        If ``fallback`` is not in W.
    """

    def __init__(
        self,
        root: Path | str = POWERCAP,
        *,
        fallback: Figure = DEFAULT_POWER,
        psys: bool = False,
    ):
        if fallback.unit != "W":
            raise ValueError(f"fallback must be in 'W', not {fallback.name!r} in {fallback.unit!r}")
        self._fallback = fallback
        self._psys = psys
        self._zones, self.reason = _psys(root) if psys else _usable(root)
        self._meters: list[_Meter] = []

    @property
    def polled(self) -> bool:
        """Whether there is a counter to read."""
        return bool(self._zones)

    def start(self) -> None:
        """Begin a window."""
        self._meters = [_Meter(zone) for zone in self._zones]
        self.update()

    def update(self) -> None:
        """Read every counter."""
        for meter in self._meters:
            meter.update()

    def energy(self, seconds: float) -> Figure:
        """``measured`` from all zones; or ``assumed`` from the fallback, with the reason in its
        source; or unknown if the counters failed on the way."""
        if not self._meters:
            energy = self._fallback.times(seconds, name="host energy", unit="J")
            return replace(energy, source=f"{energy.source}; {self.reason}")
        gaps = [meter.gap for meter in self._meters if meter.gap]
        joules = None if gaps else sum(meter.joules for meter in self._meters)
        names = ", ".join(zone.name for zone in self._zones)
        dram = "+DRAM" if any(zone.name == "dram" for zone in self._zones) else ""
        return Figure(
            name="host energy",
            value=joules,
            unit="J",
            kind="measured",
            subkind="meter",
            boundary=PLATFORM if self._psys else f"host package{dram}",
            source="; ".join([f"RAPL {names}", *gaps]),
            interval=None
            if joules is None
            else (joules * (1 - RAPL_GAIN), joules * (1 + RAPL_GAIN)),
            distribution="fixed" if joules is None else "normal",
            group=None if joules is None else "RAPL gain",
        )


class PowerWindow(EnergyWindow):
    """Host energy over a ``with`` block, from a :class:`HostSensor` alone.

    Parameters
    ----------
    root, fallback
        As for :class:`HostSensor`.
    period : float
        As for :class:`EnergyWindow`.

    Attributes
    ----------
    energy, power : Figure
        After the block: energy in J, and the same as mean power in W.
    """

    def __init__(
        self,
        root: Path | str = POWERCAP,
        *,
        period: float = 0.1,
        fallback: Figure = DEFAULT_POWER,
    ):
        super().__init__([HostSensor(root, fallback=fallback)], period=period)

    @property
    def energy(self) -> Figure:
        return self.energies[0]

    @property
    def power(self) -> Figure:
        return self.powers[0]


class _Meter:
    """Sum of the steps of one counter."""

    def __init__(self, zone: Zone, clock: Callable[[], float] = time.monotonic):
        self._zone = zone
        self._clock = clock
        self._last: tuple[float, int] | None = None
        self._begin: float | None = None
        self._sum_uj = 0
        self.gap: str | None = None

    @property
    def joules(self) -> float:
        return self._sum_uj / 1e6

    def update(self) -> None:
        """Add the step since the last reading."""
        zone = self._zone
        begin = self._clock()
        if self._begin is None:
            self._begin = begin
        try:
            reading = zone.read()
        except (OSError, ValueError) as error:
            since = self._begin if self._last is None else self._last[0]
            self.gap = f"gap of {begin - since:.3g} s: {zone.name} unreadable: {_reason(error)}"
            return
        if self._last is not None:
            before, previous = self._last
            # From before one reading to after the next: this thread may wait in either.
            seconds = self._clock() - before
            wrap_seconds = zone.range_uj / 1e6 / MAX_ZONE_WATTS
            if seconds >= wrap_seconds:
                self.gap = (
                    f"gap of {seconds:.3g} s: {zone.name} was not read,"
                    f" and may wrap in {wrap_seconds:.3g} s"
                )
            step_uj = (reading - previous) % zone.range_uj
            # A counter that was reset looks as if it had wrapped; the power gives it away.
            if step_uj / 1e6 > MAX_ZONE_WATTS * (seconds + UPDATE_SECONDS):
                self.gap = (
                    f"gap of {seconds:.3g} s: {zone.name} jumped from {previous} to {reading} uJ"
                )
            self._sum_uj += step_uj
        self._last = (begin, reading)


def _zone(path: Path) -> Zone:
    try:
        name = (path / "name").read_text().strip()
    except OSError as error:
        return Zone(path, "?", reason=f"unreadable: {_reason(error)}")
    if path.name.startswith("intel-rapl-mmio"):
        return Zone(path, name, reason="repeats package-0")
    if name == "psys":
        return Zone(path, name, reason="contains the packages")
    if not name.startswith("package") and name != "dram":
        return Zone(path, name, reason="inside a package")
    return _readable(path, name)


def _readable(path: Path, name: str) -> Zone:
    """The zone to use, if its files can be read."""
    try:
        _integer(path / "energy_uj")
        range_uj = _integer(path / "max_energy_range_uj")
        if range_uj <= 0:
            raise ValueError(f"max_energy_range_uj is {range_uj}")
    except (OSError, ValueError) as error:
        return Zone(path, name, reason=f"unreadable: {_reason(error)}", blocked=True)
    return Zone(path, name, range_uj)


def _usable(root: Path | str) -> tuple[list[Zone], str]:
    """Return the zones to add up, or none and the reason."""
    found = zones(root)
    used = [zone for zone in found if zone.reason is None]
    packages = [z for z in [*used, *(z for z in found if z.blocked)] if z.name != "dram"]
    blocked = [zone for zone in packages if zone.blocked]
    if not packages:
        return [], f"no RAPL package counter under {root}"
    if blocked:
        return [], "; ".join(f"{zone.name} {zone.reason}" for zone in blocked)
    return used, ""


def _psys(root: Path | str) -> tuple[list[Zone], str]:
    """Return the zone of the whole platform, or none and the reason."""
    for zone in zones(root):
        if zone.name == "psys" and not zone.path.name.startswith("intel-rapl-mmio"):
            zone = _readable(zone.path, zone.name)
            return ([zone], "") if zone.reason is None else ([], f"psys {zone.reason}")
    return [], f"no psys zone under {root}"


def _integer(path: Path) -> int:
    return int(path.read_text())


def _reason(error: Exception) -> str:
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)
