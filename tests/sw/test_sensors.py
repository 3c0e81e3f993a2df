"""Sensors besides RAPL, on fake trees and fake drivers."""

import re

import numpy as np
import pytest

from hubel.sw.energy import estimate
from hubel.sw.figure import Figure, total
from hubel.sw.host_sensors import ina_sensors, nvml_sensors
from hubel.sw.instruments import JoulescopeSensor, Ppk2Sensor
from hubel.sw.meter_log import MeterLog
from hubel.sw.probe_registry import open_probes, survey
from hubel.sw.sensors import (
    Accumulator,
    ActivitySensor,
    ConstantSensor,
    MeterSensor,
    ReplaySensor,
    declared_power,
)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def hwmon(root, folder="hwmon0", name="ina226", **files):
    path = root / folder
    path.mkdir()
    (path / "name").write_text(f"{name}\n")
    for file, content in files.items():
        (path / file).write_text(f"{content}\n")
    return path


def test_energy_counter_of_an_ina228(tmp_path):
    path = hwmon(tmp_path, name="ina228", energy1_input=5_000_000, power1_input=1, in1_label="VCC")
    hwmon(tmp_path, "hwmon1", "coretemp", power1_input=9)
    (sensor,) = ina_sensors(tmp_path)
    sensor.start()
    (path / "energy1_input").write_text("8500000")
    sensor.update()
    energy = sensor.energy(1.0)
    assert (energy.value, energy.boundary) == (pytest.approx(3.5), "rail VCC")
    assert energy.source == "ina228 hwmon0 energy1_input"
    assert energy.interval == pytest.approx((3.5 * 0.985, 3.5 * 1.015))
    (path / "energy1_input").write_text("100")
    sensor.update()
    energy = sensor.energy(1.0)
    assert (energy.value, energy.kind) == (None, "measured")
    assert "ran backwards from 8.5 to 0.0001 J" in energy.source


@pytest.mark.parametrize(
    "files, watts",
    [({"power1_input": 2_500_000}, 2.5), ({"in1_input": 5000, "curr1_input": 300}, 1.5)],
)
def test_power_of_an_ina(tmp_path, files, watts):
    hwmon(tmp_path, **files)
    (sensor,) = ina_sensors(tmp_path, boundary="board at USB 5 V")
    clock = Clock()
    sensor._new = lambda: Accumulator(
        lambda: sensor_read(tmp_path, files), counter=False, name="ina226", clock=clock
    )
    sensor.start()
    for clock.now in (0.5, 1.0, 1.5):
        sensor.update()
    energy = sensor.energy(1.5)
    assert (energy.value, energy.boundary) == (pytest.approx(1.5 * watts), "board at USB 5 V")


def sensor_read(root, files):
    """What the sensor itself would read now, taken through a fresh one."""
    (fresh,) = ina_sensors(root)
    return fresh._sum._read()


def test_trapezoids_and_gaps():
    clock, power = Clock(), iter([1.0, 3.0, OSError(5, "I/O error"), 3.0, 3.0])

    def read():
        value = next(power)
        if isinstance(value, Exception):
            raise value
        return value

    meter = Accumulator(read, counter=False, name="m", clock=clock)
    meter.update()
    clock.now = 1.0
    meter.update()
    assert (meter.joules, meter.gap) == (2.0, None)
    clock.now = 1.75
    meter.update()
    assert meter.gap == "gap of 0.75 s: m unreadable: I/O error"
    clock.now = 2.0
    meter.update()
    clock.now = 5.0
    meter.update()
    assert meter.gap == "gap of 3 s: m was not read"


def test_nan_is_a_gap():
    meter = Accumulator(lambda: float("nan"), counter=True, name="m", clock=Clock())
    meter.update()
    assert meter.gap == "gap of 0 s: m unreadable: it says nan"


class Nvml:
    """Two GPUs, of which the second falls off the bus."""

    class NVMLError(Exception):
        pass

    def __init__(self, driver=True):
        self.driver, self.millijoules, self.lost = driver, 1000, False

    def nvmlInit(self):
        if not self.driver:
            raise self.NVMLError("driver not loaded")

    def nvmlDeviceGetCount(self):
        return 2

    def nvmlDeviceGetHandleByIndex(self, index):
        return index

    def nvmlDeviceGetTotalEnergyConsumption(self, handle):
        if handle == 1 and self.lost:
            raise self.NVMLError("GPU is lost")
        return self.millijoules * (handle + 1)


def test_gpus():
    nvml = Nvml()
    gpus = nvml_sensors(nvml)
    for gpu in gpus:
        gpu.start()
    nvml.millijoules, nvml.lost = 4000, True
    for gpu in gpus:
        gpu.update()
    first, second = (gpu.energy(1.0) for gpu in gpus)
    assert (first.value, first.boundary) == (3.0, "GPU 0 board")
    assert second.value is None
    assert second.source.endswith("GPU 1 unreadable: GPU is lost")
    assert nvml_sensors(Nvml(driver=False)) == []


def test_constant():
    power = declared_power("rest of the PC", 25.0, "rest of the PC")
    energy = ConstantSensor(power).energy(4.0)
    assert (energy.value, energy.kind, energy.name) == (100.0, "assumed", "rest of the PC energy")
    with pytest.raises(ValueError, match="must be in 'W', not 'x energy' in 'J'"):
        ConstantSensor(power.times(1, name="x energy", unit="J"))


def test_replay():
    log = MeterLog(times=np.array([5.0, 6.0, 7.0]), watts=np.array([1.0, 3.0, 3.0]),
                   boundary="FPGA core rail", source="log.csv")  # fmt: skip
    assert ReplaySensor(log).energy(1.5).value == pytest.approx(2 + 1.5)
    short = ReplaySensor(log).energy(3.0)
    assert short.value is None
    assert short.source == "log.csv; gap of 1 s: the log ends after 2 s"


def test_activity():
    counters = {"cycles": 1000}
    sensor = ActivitySensor(
        lambda: counters,
        lambda grown, seconds: estimate(
            "iCE40UP5K", grown["cycles"], 12e6, 100, wall_seconds=seconds
        ),
    )
    sensor.start()
    counters = {"cycles": 13_000}
    sensor.update()
    energy = sensor.energy(2.0)
    expected = total(estimate("iCE40UP5K", 12_000, 12e6, 100, wall_seconds=2.0), "x")
    assert energy.value == pytest.approx(expected.value)
    assert (energy.kind, energy.boundary) == ("assumed", "FPGA core rail")
    assert energy.interval is not None and energy.interval[0] < energy.interval[1]


class Scope:
    def statistics_callback_register(self, callback, source):
        assert source == "sensor"
        self.callback = callback

    def say(self, joules):
        self.callback({"accumulators": {"energy": {"value": joules, "units": "J"}}})


def test_joulescope():
    device = Scope()
    sensor = JoulescopeSensor(device=device)
    device.say(1.0)
    sensor.start()
    device.say(1.75)
    sensor.update()
    energy = sensor.energy(1.0)
    assert (energy.value, energy.boundary) == (0.75, "FPGA core rail")


class Kit:
    def __init__(self):
        self.said, self.pending = [], []

    def get_data(self):
        data, self.pending = self.pending, []
        return data

    def get_samples(self, data):
        return data, []

    def __getattr__(self, name):
        return lambda *arguments: self.said.append((name, *arguments))


def test_ppk2():
    kit = Kit()
    sensor = Ppk2Sensor("", millivolts=1200, kit=kit)
    assert ("set_source_voltage", 1200) in kit.said
    kit.pending = [7.0] * 50
    sensor.start()
    kit.pending = [1000.0] * 50_000
    sensor.update()
    sensor.update()
    kit.pending = [3000.0] * 50_000
    sensor.update()
    assert sensor.energy(1.0).value == pytest.approx(0.002 * 1.2)
    lost = sensor.energy(1.5)
    assert lost.value is None
    assert "gap of 0.5 s: PPK2 samples did not arrive" in lost.source
    with pytest.raises(ValueError, match="PPK2 supplies 800 to 5000 mV, not 12000"):
        Ppk2Sensor("", millivolts=12000, kit=kit)


def test_registry(tmp_path, monkeypatch):
    power = Figure(name="p", value=1.0, unit="W", kind="assumed", subkind="declared",
                   boundary="b", source="s")  # fmt: skip

    class Point:
        name, value = "mine", "my_package:probe"

        @staticmethod
        def load():
            return lambda argument: [ConstantSensor(power.times(float(argument), name="p",
                                                                 unit="W"))]  # fmt: skip

    monkeypatch.setattr("hubel.sw.probe_registry.metadata.entry_points", lambda group: [Point])
    found = open_probes(["constant:25W", "mine:3"])
    assert [sensor.energy(2.0).value for sensor in found] == [50.0, 6.0]
    assert any(v.probe == "mine" and v.usable for v in survey(tmp_path, tmp_path))
    for name, message in (
        ("watts", "no probe 'watts'; there are auto, rapl, psys, ina2xx, nvml, constant, replay,"
         " joulescope, ppk2, mine"),
        ("constant:x", "probe constant:x: give watts, as in constant:25"),
        ("constant:-1", "declared must be at least 0 W, not -1.0"),
        (f"rapl:{tmp_path}", f"probe rapl: no RAPL package counter under {tmp_path}; see: hubel"
         " doctor energy"),
        (f"psys:{tmp_path}", f"probe psys: no psys zone under {tmp_path}; see: hubel doctor"
         " energy"),
        (f"ina2xx:{tmp_path}", f"probe ina2xx: no INA2xx under {tmp_path}"),
        ("ppk2", "probe ppk2: give port and millivolts, as in ppk2:/dev/ttyACM0@1200"),
    ):  # fmt: skip
        with pytest.raises((ValueError, OSError), match=f"^{re.escape(message)}$"):
            open_probes([name])


def test_survey_of_a_virtual_machine(tmp_path):
    found = {v.probe: v for v in survey(tmp_path, tmp_path)}
    assert not found["rapl"].usable
    assert "a virtual machine" in found["rapl"].reason
    assert "assumed, 25 W [10, 65]" in found["rapl"].mend
    assert not found["ina2xx"].usable and found["constant"].usable


def test_survey_of_a_computer(tmp_path):
    for index, name in enumerate(["package-0", "psys"]):
        zone = tmp_path / f"intel-rapl:{index}"
        zone.mkdir()
        for file, content in (("name", name), ("energy_uj", 1), ("max_energy_range_uj", 10**9)):
            (zone / file).write_text(str(content))
    hwmon(tmp_path, in1_input=1, curr1_input=1)
    lines = [(v.probe, v.usable, v.reason) for v in survey(tmp_path, tmp_path)][:3]
    assert lines == [
        ("rapl", True, "intel-rapl:0 package-0: used"),
        ("psys", True, "intel-rapl:1 psys: instead of the packages, never beside them"),
        ("ina2xx", True, "ina226 hwmon0 in1_input x curr1_input, rail hwmon0"),
    ]


def test_a_meter_is_a_sensor():
    clock, joules = Clock(), 5.0
    sensor = MeterSensor("m", lambda: joules, counter=True, boundary="b", source="s", gain=0.1,
                         clock=clock)  # fmt: skip
    sensor.start()
    joules = 7.0
    sensor.update()
    assert sensor.energy(1.0).interval == pytest.approx((1.8, 2.2))
    sensor.start()
    assert sensor.energy(0.0).value == 0.0
