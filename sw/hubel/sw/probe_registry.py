"""Probes by name, those of other packages included, and what this machine can measure.

A probe is asked for as ``name`` or ``name:argument``. Packages add theirs with an entry point of
the group ``hubel.probes``: a function that takes the argument (or "") and returns sensors.
"""

import os
from collections.abc import Callable, Sequence
from errno import EACCES
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from . import host_sensors, probes, sensors
from .meter_log import load_log
from .window import Sensor

GROUP = "hubel.probes"
Factory = Callable[[str], Sequence[Sensor]]


class Verdict(NamedTuple):
    """Whether a probe can be used here.

    Attributes
    ----------
    probe : str
    usable : bool
    reason : str
        What it reads, or why it cannot.
    mend : str
        What makes it usable, where something does.
    """

    probe: str
    usable: bool
    reason: str
    mend: str = ""


def _rapl(argument: str) -> list[Sensor]:
    sensor = probes.HostSensor(argument or probes.POWERCAP)
    if not sensor.polled:
        raise OSError(f"probe rapl: {sensor.reason}; see: hubel doctor energy")
    return [sensor]


def _psys(argument: str) -> list[Sensor]:
    sensor = probes.HostSensor(argument or probes.POWERCAP, psys=True)
    if not sensor.polled:
        raise OSError(f"probe psys: {sensor.reason}; see: hubel doctor energy")
    return [sensor]


def _ina(argument: str) -> list[Sensor]:
    found = host_sensors.ina_sensors(argument or host_sensors.HWMON)
    if not found:
        raise OSError(f"probe ina2xx: no INA2xx under {argument or host_sensors.HWMON}")
    return list(found)


def _nvml(argument: str) -> list[Sensor]:
    found = host_sensors.nvml_sensors()
    if not found:
        raise OSError("probe nvml: no NVIDIA driver, or no GPU")
    return list(found)


def _constant(argument: str) -> list[Sensor]:
    try:
        watts = float(argument.removesuffix("W"))
    except ValueError:
        raise ValueError(f"probe constant:{argument}: give watts, as in constant:25") from None
    power = sensors.declared_power("declared", watts, "declared load")
    return [sensors.ConstantSensor(power)]


def _replay(argument: str) -> list[Sensor]:
    path, _, boundary = argument.partition("@")
    if not path:
        raise ValueError("probe replay: give a file, as in replay:log.csv@FPGA core rail")
    return [sensors.ReplaySensor(load_log(path, boundary=boundary or "rail of the log"))]


def _joulescope(argument: str) -> list[Sensor]:
    from .instruments import JoulescopeSensor

    return [JoulescopeSensor(**({"boundary": argument} if argument else {}))]


def _ppk2(argument: str) -> list[Sensor]:
    from .instruments import Ppk2Sensor

    port, _, millivolts = argument.partition("@")
    if not port or not (millivolts or "0").isdigit():
        raise ValueError("probe ppk2: give port and millivolts, as in ppk2:/dev/ttyACM0@1200")
    return [Ppk2Sensor(port, millivolts=int(millivolts or 1200))]


BUILT_IN: dict[str, Factory] = {
    "rapl": _rapl,
    "psys": _psys,
    "ina2xx": _ina,
    "nvml": _nvml,
    "constant": _constant,
    "replay": _replay,
    "joulescope": _joulescope,
    "ppk2": _ppk2,
}


def plug_ins() -> dict[str, metadata.EntryPoint]:
    """Probes that other packages bring."""
    return {point.name: point for point in metadata.entry_points(group=GROUP)}


def open_probes(names: Sequence[str], *, powercap: Path | str = probes.POWERCAP) -> list[Sensor]:
    """Sensors for ``names``; ``auto`` is RAPL (or the assumed default, which says why) and every
    INA2xx and GPU.

    Raises
    ------
    ValueError, OSError, ImportError
        If a probe is unknown or unusable: a meter that was asked for is never replaced by a guess.
    """
    found: list[Sensor] = []
    for name in names:
        kind, _, argument = name.partition(":")
        if kind == "auto":
            found += [probes.HostSensor(powercap), *_automatic()]
        elif kind in BUILT_IN:
            found += BUILT_IN[kind](argument)
        elif kind in (others := plug_ins()):
            found += others[kind].load()(argument)
        else:
            known = ", ".join(["auto", *BUILT_IN, *others])
            raise ValueError(f"no probe {kind!r}; there are {known}")
    return found


def _automatic() -> list[Sensor]:
    try:
        return [*host_sensors.ina_sensors(), *host_sensors.nvml_sensors()]
    except ImportError:
        return list(host_sensors.ina_sensors())


def survey(
    powercap: Path | str = probes.POWERCAP, hwmon: Path | str = host_sensors.HWMON
) -> list[Verdict]:
    """What this machine can measure, probe by probe; it never asks for more rights itself."""
    found = [_survey_zone(zone) for zone in probes.zones(powercap)]
    if not found:
        reason = f"no RAPL zone under {powercap}: no counter, or a virtual machine"
        mend = f"declare a power (constant:25); host energy is {_fallback()} otherwise"
        found.append(Verdict("rapl", False, reason, mend))
    monitors = host_sensors.ina_sensors(hwmon)
    found += [Verdict("ina2xx", True, f"{s.source}, {s.boundary}") for s in monitors]
    if not monitors:
        found.append(Verdict("ina2xx", False, f"no INA2xx under {hwmon}", "modprobe ina2xx"))
    found.append(_survey_package("nvml", "pynvml", "nvidia-ml-py", host_sensors.nvml_sensors))
    for name, module in (("joulescope", "joulescope"), ("ppk2", "ppk2-api")):
        found.append(_survey_instrument(name, module))
    found += [
        Verdict("constant", True, "a power that you declare: constant:25"),
        Verdict("replay", True, "the log of a meter: replay:log.csv"),
        *(Verdict(name, True, f"plug-in {p.value}") for name, p in plug_ins().items()),
    ]
    return found


def _fallback() -> str:
    power = probes.DEFAULT_POWER
    low, high = power.interval or (power.value, power.value)
    return f"assumed, {power.value:g} W [{low:g}, {high:g}]"


def _survey_zone(zone: probes.Zone) -> Verdict:
    name = "psys" if zone.name == "psys" else "rapl"
    where = f"{zone.path.name} {zone.name}"
    if zone.name == "psys" and zone.reason == "contains the packages":
        return Verdict(name, True, f"{where}: instead of the packages, never beside them")
    denied = zone.blocked and zone.reason == f"unreadable: {os.strerror(EACCES)}"
    reason = f"{where}: {zone.reason or 'used'}"
    return Verdict(name, zone.reason is None, reason, probes.UDEV_FIX if denied else "")


def _survey_package(
    name: str, module: str, package: str, find: Callable[[], Sequence[object]]
) -> Verdict:
    try:
        found = find()
    except ImportError:
        return Verdict(name, False, f"{module} is not installed", f"pip install {package}")
    if not found:
        return Verdict(name, False, "no NVIDIA driver, or no GPU")
    return Verdict(name, True, f"{len(found)} GPUs, total energy counter")


def _survey_instrument(name: str, package: str) -> Verdict:
    try:
        version = metadata.version(package)
    except metadata.PackageNotFoundError:
        return Verdict(name, False, f"{package} is not installed", f"pip install {package}")
    return Verdict(name, True, f"{package} {version}; plug the instrument in")
