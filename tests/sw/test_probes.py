"""RAPL on fake sysfs trees: wraps, overlaps, and counters that cannot be read."""

import errno
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hubel.sw import probes
from hubel.sw.figure import Figure, total
from hubel.sw.probes import DEFAULT_POWER, UDEV_FIX, HostSensor, PowerWindow, describe, zones
from hubel.sw.residual import residual
from hubel.sw.window import EnergyWindow

RANGE_UJ = 262_143_328_850


def add_zone(
    root: Path, folder: str, name: str, energy_uj: int = 1000, range_uj: int = RANGE_UJ
) -> Path:
    path = root / folder
    path.mkdir()
    (path / "name").write_text(f"{name}\n")
    (path / "energy_uj").write_text(f"{energy_uj}\n")
    (path / "max_energy_range_uj").write_text(f"{range_uj}\n")
    return path


@pytest.fixture
def server(tmp_path: Path) -> Path:
    """Two sockets with DRAM, and every zone that would count joules twice."""
    for folder, name in (
        ("intel-rapl:0", "package-0"),
        ("intel-rapl:0:0", "core"),
        ("intel-rapl:0:1", "uncore"),
        ("intel-rapl:0:2", "dram"),
        ("intel-rapl:1", "package-1"),
        ("intel-rapl:1:0", "dram"),
        ("intel-rapl:2", "psys"),
        ("intel-rapl-mmio:0", "package-0"),
        ("intel-rapl-mmio:0:0", "dram"),
    ):
        add_zone(tmp_path, folder, name)
    (tmp_path / "intel-rapl").mkdir()
    return tmp_path


def step(path: Path, joules: float) -> None:
    counter = path / "energy_uj"
    # Replaced, not rewritten: the sampler must never see an empty file.
    fresh = path / "fresh"
    fresh.write_text(str((int(counter.read_text()) + round(joules * 1e6)) % RANGE_UJ))
    fresh.replace(counter)


def measure(root: Path, during: Callable[[], object], period: float = 0.01) -> Figure:
    """Measure a window too short for a good resolution, which its warning says."""
    window = PowerWindow(root, period=period)
    with pytest.warns(UserWarning, match="poor resolution$"), window:
        during()
    return window.energy


def test_only_disjoint_zones_are_used(server: Path) -> None:
    assert {zone.path.name: zone.reason for zone in zones(server)} == {
        "intel-rapl:0": None,
        "intel-rapl:0:0": "inside a package",
        "intel-rapl:0:1": "inside a package",
        "intel-rapl:0:2": None,
        "intel-rapl:1": None,
        "intel-rapl:1:0": None,
        "intel-rapl:2": "contains the packages",
        "intel-rapl-mmio:0": "repeats package-0",
        "intel-rapl-mmio:0:0": "repeats package-0",
    }


def test_sum_over_sockets_and_dram(server: Path) -> None:
    def work() -> None:
        for index, zone in enumerate(zones(server)):
            step(zone.path, 0.02 * 2.0**index)

    used = [0.02 * 2.0**index for index, zone in enumerate(zones(server)) if zone.reason is None]
    figure = measure(server, work)
    assert figure.value == pytest.approx(sum(used))
    assert (figure.kind, figure.subkind, figure.unit) == ("measured", "meter", "J")
    assert figure.boundary == "host package+DRAM"
    assert figure.source == "RAPL package-0, dram, package-1, dram"
    assert figure.interval == pytest.approx((0.95 * sum(used), 1.05 * sum(used)))
    assert figure.group == "RAPL gain"


def test_two_identical_sockets_are_two(tmp_path: Path) -> None:
    paths = [add_zone(tmp_path, f"intel-rapl:{n}", "package-0") for n in (0, 1)]
    figure = measure(tmp_path, lambda: [step(path, 3.0) for path in paths])
    assert figure.value == pytest.approx(6.0)
    assert figure.boundary == "host package"


@pytest.mark.parametrize("start", [RANGE_UJ - 2_000_000, RANGE_UJ - 5_000_000, 0])
def test_counter_wrap(tmp_path: Path, start: int) -> None:
    path = add_zone(tmp_path, "intel-rapl:0", "package-0", energy_uj=start)
    assert measure(tmp_path, lambda: step(path, 5.0)).value == pytest.approx(5.0)


def test_wraps_inside_a_window_are_all_seen(tmp_path: Path) -> None:
    """A small counter wraps ten times; only reading it in between can tell."""
    path = add_zone(tmp_path, "intel-rapl:0", "package-0", range_uj=1_000_000_000)
    now = 0.0
    meter = probes._Meter(zones(tmp_path)[0], clock=lambda: now)
    meter.update()
    for index in range(1, 101):
        now = index * 0.5
        (path / "energy_uj").write_text(str((1000 + index * 100_000_000) % 1_000_000_000))
        meter.update()
    assert meter.gap is None
    assert meter.joules == pytest.approx(10_000.0)


@pytest.mark.parametrize("seconds, ambiguous", [(0.99, False), (1.0, True), (50.0, True)])
def test_reading_later_than_a_wrap_is_a_gap(
    tmp_path: Path, seconds: float, ambiguous: bool
) -> None:
    add_zone(tmp_path, "intel-rapl:0", "package-0", range_uj=1_000_000_000)
    now = 0.0
    meter = probes._Meter(zones(tmp_path)[0], clock=lambda: now)
    meter.update()
    now = seconds
    meter.update()
    expected = f"gap of {seconds:.3g} s: package-0 was not read, and may wrap in 1 s"
    assert meter.gap == (expected if ambiguous else None)


def test_a_reset_counter_is_a_gap(tmp_path: Path) -> None:
    path = add_zone(tmp_path, "intel-rapl:0", "package-0", energy_uj=9_000_000)
    figure = measure(tmp_path, lambda: (path / "energy_uj").write_text("0"))
    assert figure.value is None
    pattern = r"^RAPL package-0; gap of \S+ s: package-0 jumped from 9000000 to 0 uJ$"
    assert re.search(pattern, figure.source)


def test_a_counter_that_disappears_is_a_gap(tmp_path: Path) -> None:
    path = add_zone(tmp_path, "intel-rapl:0", "package-0")
    figure = measure(tmp_path, (path / "energy_uj").unlink)
    assert figure.value is None
    assert (figure.kind, figure.interval) == ("measured", None)
    pattern = r"; gap of \S+ s: package-0 unreadable: No such file or directory$"
    assert re.search(pattern, figure.source)


def test_no_sensor_is_assumed_and_says_so(tmp_path: Path) -> None:
    with PowerWindow(tmp_path) as window:
        time.sleep(0.05)
    energy = window.energy
    assert (energy.kind, energy.subkind, energy.unit) == ("assumed", "default", "J")
    assert energy.source.endswith(f"; no RAPL package counter under {tmp_path}")
    assert energy.value is not None and energy.interval is not None
    assert 25 * 0.05 <= energy.value < 25 * 1
    assert energy.interval == pytest.approx((energy.value * 10 / 25, energy.value * 65 / 25))
    assert energy.group == "host power default"
    assert (window.power.value, window.power.unit) == (pytest.approx(25.0), "W")
    assert window.power.interval == pytest.approx((10.0, 65.0))


def test_declared_fallback(tmp_path: Path) -> None:
    declared = Figure(
        name="PC",
        value=100.0,
        unit="W",
        kind="assumed",
        subkind="declared",
        boundary="whole PC",
        source="wall meter of last week",
    )
    with PowerWindow(tmp_path, fallback=declared) as window:
        time.sleep(0.01)
    assert window.energy.subkind == "declared"
    assert window.energy.boundary == "whole PC"
    assert window.energy.source.startswith("wall meter of last week; no RAPL")


@pytest.fixture
def locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Two sockets; only root may read the second one. The test itself may run as root."""
    add_zone(tmp_path, "intel-rapl:0", "package-0")
    secret = add_zone(tmp_path, "intel-rapl:1", "package-1") / "energy_uj"
    read = probes._integer

    def guarded(path: Path) -> int:
        if path == secret:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return read(path)

    monkeypatch.setattr(probes, "_integer", guarded)
    yield tmp_path


def test_one_unreadable_socket_is_not_taken_for_zero(locked: Path) -> None:
    with PowerWindow(locked) as window:
        pass
    assert window.energy.kind == "assumed"
    assert window.energy.source.endswith("; package-1 unreadable: Permission denied")


def test_describe_gives_the_udev_fix(locked: Path) -> None:
    assert describe(locked).splitlines()[:2] == [
        "intel-rapl:0 package-0: used",
        "intel-rapl:1 package-1: unreadable: Permission denied",
    ]
    assert describe(locked).endswith(UDEV_FIX)
    assert (
        '\nSUBSYSTEM=="powercap", ACTION=="add", KERNEL=="intel-rapl:*",'
        ' RUN+="/bin/chmod a+r /sys%p/energy_uj"\n'
    ) in UDEV_FIX


def test_describe_without_anything_to_fix(server: Path) -> None:
    text = describe(server)
    assert "intel-rapl:2 psys: contains the packages" in text
    assert "udev" not in text


def test_describe_of_a_virtual_machine(tmp_path: Path) -> None:
    nowhere = tmp_path / "none"
    expected = f"no RAPL zone under {nowhere}: no processor counter, or a virtual machine"
    assert describe(nowhere) == expected


@pytest.mark.parametrize(
    "content, reason",
    [
        (None, "unreadable: No such file or directory"),
        ("0", "unreadable: max_energy_range_uj is 0"),
        ("lots", "unreadable: invalid literal for int() with base 10: 'lots'"),
    ],
)
def test_a_counter_without_range_is_not_used(
    tmp_path: Path, content: str | None, reason: str
) -> None:
    path = add_zone(tmp_path, "intel-rapl:0", "package-0") / "max_energy_range_uj"
    path.unlink() if content is None else path.write_text(content)
    assert describe(tmp_path) == f"intel-rapl:0 package-0: {reason}"
    with PowerWindow(tmp_path) as window:
        pass
    assert window.energy.kind == "assumed"


def test_unreadable_dram_narrows_the_boundary(tmp_path: Path) -> None:
    path = add_zone(tmp_path, "intel-rapl:0", "package-0")
    (add_zone(tmp_path, "intel-rapl:0:0", "dram") / "energy_uj").unlink()
    figure = measure(tmp_path, lambda: step(path, 2.0))
    assert figure.value == pytest.approx(2.0)
    assert figure.boundary == "host package"


def test_a_zone_without_name(tmp_path: Path) -> None:
    (tmp_path / "intel-rapl:0").mkdir()
    assert describe(tmp_path) == "intel-rapl:0 ?: unreadable: No such file or directory"


def test_long_enough_window_does_not_warn_and_reports_its_overhead(tmp_path: Path) -> None:
    path = add_zone(tmp_path, "intel-rapl:0", "package-0")
    with PowerWindow(tmp_path, period=0.05) as window:
        step(path, 30.0)
        time.sleep(1.05)
    assert window.energy.value == pytest.approx(30.0)
    assert 0 < window.overhead_seconds < 0.5


def test_short_window_names_the_limit(tmp_path: Path) -> None:
    add_zone(tmp_path, "intel-rapl:0", "package-0")
    message = r"^window of \S+ s is shorter than 4 s: poor resolution$"
    with pytest.warns(UserWarning, match=message), PowerWindow(tmp_path, period=0.2):
        pass


def test_the_window_survives_an_exception(tmp_path: Path) -> None:
    window = PowerWindow(tmp_path)
    with pytest.raises(RuntimeError), window:
        raise RuntimeError
    assert window.energy.kind == "assumed"


def test_refuses() -> None:
    with pytest.raises(ValueError, match=r"^period must be above 0, not 0$"):
        PowerWindow(period=0)
    joules = DEFAULT_POWER.times(1, name="energy", unit="J")
    with pytest.raises(ValueError, match=r"^fallback must be in 'W', not 'energy' in 'J'$"):
        PowerWindow(fallback=joules)


def test_four_sockets_and_the_platform(tmp_path: Path) -> None:
    """psys holds the packages: it is read instead of them, and never added."""
    packages = [add_zone(tmp_path, f"intel-rapl:{n}", f"package-{n}") for n in range(4)]
    drams = [add_zone(tmp_path, f"intel-rapl:{n}:0", "dram") for n in range(4)]
    psys = add_zone(tmp_path, "intel-rapl:4", "psys")
    add_zone(tmp_path, "intel-rapl-mmio:0", "package-0")

    def work() -> None:
        for path in (*packages, *drams):
            step(path, 0.5)
        step(psys, 7.0)

    window = EnergyWindow([HostSensor(tmp_path), HostSensor(tmp_path, psys=True)], period=0.01)
    with pytest.warns(UserWarning, match="poor resolution$"), window:
        work()
    host, platform = window.energies
    assert (host.value, host.boundary) == (pytest.approx(4.0), "host package+DRAM")
    assert (platform.value, platform.boundary) == (pytest.approx(7.0), "host platform")
    with pytest.raises(ValueError, match="'host package\\+DRAM' is inside 'host platform'"):
        total([host, platform], "computer")
    rest = residual(platform, host, "rest of the platform")
    assert rest.value == pytest.approx(3.0)
    assert rest.boundary == "host platform without host package+DRAM"
    assert rest.interval == pytest.approx((7 * 0.95 - 4 * 1.05, 7 * 1.05 - 4 * 0.95))
    with pytest.raises(ValueError, match="'host platform' is not known to be inside 'host pack"):
        residual(host, platform, "rest")


def test_one_thread_reads_all(tmp_path: Path) -> None:
    add_zone(tmp_path, "intel-rapl:0", "package-0")
    before = threading.active_count()
    window = EnergyWindow([HostSensor(tmp_path) for _ in range(3)], period=0.01)
    with pytest.warns(UserWarning, match="poor resolution$"), window:
        assert threading.active_count() == before + 1
    assert threading.active_count() == before


def test_no_psys(tmp_path: Path) -> None:
    add_zone(tmp_path, "intel-rapl:0", "package-0")
    assert HostSensor(tmp_path, psys=True).reason == f"no psys zone under {tmp_path}"
