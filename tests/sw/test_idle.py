"""The idle baseline: asked for, long enough, and with its sigma."""

import json
import math
from dataclasses import replace

import pytest

from hubel.sw.cli import main
from hubel.sw.figure import Figure
from hubel.sw.idle import Baseline, load_idle, measure_idle, net, save_idle
from hubel.sw.sensors import ConstantSensor, MeterSensor, declared_power, measured

POWER = Figure(name="host power", value=10.0, unit="W", kind="measured", subkind="meter",
               boundary="host package", source="RAPL", interval=(9.5, 10.5),
               distribution="normal", group="RAPL gain")  # fmt: skip
BASE = Baseline(power=POWER, sigma=0.1, seconds=30.0)


def test_net():
    gross = measured(100.0, "host", "host package", 0.05, "RAPL")
    found = net(gross, BASE, 4.0)
    assert (found.value, found.kind, found.name) == (60.0, "measured", "net host energy")
    half = math.hypot(0.05 * 60, 1.959964 * 0.1 * 4)
    assert found.interval == pytest.approx((60 - half, 60 + half))
    assert found.source == "RAPL; less 10 W idle, sigma 0.1 W"
    with pytest.raises(ValueError, match="idle power of 'host package' cannot be taken from 'GPU"):
        net(replace(gross, boundary="GPU 0 board"), BASE, 4.0)
    with pytest.raises(ValueError, match="host energy is unknown: RAPL; gap"):
        net(measured(None, "host", "host package", 0.05, "RAPL", "gap"), BASE, 4.0)


@pytest.mark.filterwarnings("ignore:window of")
def test_measured_from_a_meter():
    """A load of 3 W on a clock that the sleep moves, so that the test takes no time."""
    now = 0.0

    def sleep(seconds):
        nonlocal now
        now += seconds

    sensor = MeterSensor("m", lambda: 3.0 * now, counter=True, boundary="b", source="s", gain=0.1)
    seen = []
    constant = ConstantSensor(declared_power("rest", 1.0, "rest"))
    (found,) = measure_idle([sensor, constant], 30.0, period=1e-3, sleep=sleep,
                            on_part=lambda done, total: seen.append((done, total)))  # fmt: skip
    assert seen == [(part, 10) for part in range(1, 11)]
    assert found.power.boundary == "b"
    assert found.power.value is not None and found.power.value > 0
    assert found.power.interval is not None
    assert found.power.interval[1] / found.power.value == pytest.approx(1.1)
    assert found.sigma > 0


def test_refuses(tmp_path):
    constant = ConstantSensor(declared_power("rest", 1.0, "rest"))
    with pytest.raises(ValueError, match="takes 30 s at least, not 29"):
        measure_idle([constant], 29)
    with pytest.raises(ValueError, match="no probe here is a meter"):
        measure_idle([constant])


def test_file(tmp_path, capsys, monkeypatch):
    save_idle(tmp_path / "idle.json", [BASE])
    assert load_idle(tmp_path / "idle.json") == [BASE]
    (tmp_path / "other.json").write_text(json.dumps({"power": 3}))
    with pytest.raises(ValueError, match=r"other\.json: not an idle baseline"):
        load_idle(tmp_path / "other.json")
    monkeypatch.chdir(tmp_path)
    assert main(["nature", "idle", "--seconds", "5", "--probe", "constant:3"]) == 2
    assert "takes 30 s at least" in capsys.readouterr().err


def test_doctor_energy(capsys):
    assert main(["doctor", "energy", "--json"]) == 0
    verdicts = {v["probe"]: v for v in json.loads(capsys.readouterr().out)}
    assert {"ina2xx", "nvml", "joulescope", "ppk2", "constant", "replay"} <= set(verdicts)
    assert main(["doctor", "energy"]) == 0
    assert "what it reads, or why it cannot" in capsys.readouterr().out
