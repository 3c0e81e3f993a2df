"""A replayed meter log: trimmed by the busy pin, gross and net."""

import re

import numpy as np
import pytest

from hubel.sw.meter_log import MeterLog, load_log

IDLE, ACTIVE = 0.2, 0.35  # W


def log(noise=0.0, n=2000, seed=7, **changes) -> MeterLog:
    """2 s at 1 kHz, busy from 0.5 to 1.0 s and from 1.25 to 1.5 s."""
    times = np.arange(n) / 1000
    busy = ((times >= 0.5) & (times < 1.0)) | ((times >= 1.25) & (times < 1.5))
    watts = np.where(busy, ACTIVE, IDLE)
    watts = watts + noise * np.random.default_rng(seed).standard_normal(n)
    values = {"times": times, "watts": watts, "busy": busy, "boundary": "board at USB 5 V",
              "source": "log.csv"}  # fmt: skip
    return MeterLog(**(values | changes))


def test_the_busy_pin_trims():
    a = log()
    assert a.windows() == [
        (pytest.approx(0.4995), pytest.approx(0.9995)),
        (pytest.approx(1.2495), pytest.approx(1.4995)),
    ]
    assert a.gross().value == pytest.approx(0.75 * ACTIVE, rel=1e-3)
    assert a.net().value == pytest.approx(0.75 * (ACTIVE - IDLE), rel=2e-3)
    assert {a.gross().boundary, a.net().boundary} == {"board at USB 5 V"}
    assert a.gross().kind == "measured"


def test_a_busy_register_trims_as_the_pin_does():
    pin = log()
    register = log(busy=None).marked([(0.5, 1.0), (1.25, 1.5)])
    assert register.windows() == pin.windows()
    assert register.net().value == pin.net().value


def test_per_operation():
    gross, net = log().per_operation(1_000_000)
    assert gross.value == pytest.approx(0.75 * ACTIVE / 1e6, rel=1e-3)
    assert net.value == pytest.approx(0.75 * (ACTIVE - IDLE) / 1e6, rel=2e-3)
    assert (gross.unit, gross.name) == ("J/SOP", "meter gross energy a synaptic operation")
    with pytest.raises(ValueError, match=r"^operations must be at least 1, not 0$"):
        log().per_operation(0)


def test_the_sigma_of_net_is_that_of_the_idle_power():
    """White noise on 1250 idle samples: 95 % of its mean, times the busy time."""
    expected = 1.96 * 0.1 / np.sqrt(1250) * 0.75
    halves = []
    for seed in range(100):
        low, high = log(noise=0.1, seed=seed, gain=0.0).net().interval or (0.0, 0.0)
        halves.append((high - low) / 2)
    # A deviation of ten batches is 2.7 % low in the mean; 100 of them leave 2.4 % (one sigma).
    assert np.mean(halves) == pytest.approx(expected * 0.973, rel=0.08)


def test_the_interval_of_net_holds_the_truth():
    """Both noises: that of the busy samples is the meter's own, and is added here."""
    truth, own = 0.75 * (ACTIVE - IDLE), 1.96 * 0.1 / np.sqrt(750) * 0.75
    inside = 0
    for seed in range(100):
        found = log(noise=0.1, seed=seed, gain=0.0).net()
        low, high = found.interval or (0.0, 0.0)
        half = np.hypot((high - low) / 2, own)
        inside += abs((found.value or 0.0) - truth) <= half
    # 95 expected; 88 is three sigma below.
    assert inside >= 88


def test_joules_between_samples():
    a = log()
    assert a.joules(0.1001, 0.2003) == pytest.approx(0.1002 * IDLE)
    with pytest.raises(ValueError, match="does not cover 1 to 3 s"):
        a.joules(1.0, 3.0)


T = np.arange(20) / 10


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"times": T[:1], "watts": T[:1], "busy": None}, "a log needs at least 2 samples, not 1"),
        ({"watts": T}, "20 values of watts for 2000 times"),
        ({"times": np.zeros(2000)}, "time does not grow at sample 1"),
        ({"watts": np.full(2000, np.nan)}, "a value is not finite"),
        ({"times": np.where(np.arange(2000) < 1000, 0, 5) + np.arange(2000) / 1000},
         "gap of 5 s at 0.999 s"),
    ],
)  # fmt: skip
def test_refuses(changes, message):
    with pytest.raises(ValueError, match=f"^log.csv: {re.escape(message)}$"):
        log(**changes)


@pytest.mark.parametrize(
    "busy, message",
    [
        (None, "there is no column 'busy' to trim with"),
        (np.zeros(2000, bool), "the board was never busy"),
        (np.arange(2000) < 9, "busy at an end of the log, so that a part is missing"),
    ],
)
def test_cannot_be_trimmed(busy, message):
    with pytest.raises(ValueError, match=message):
        log(busy=busy).gross()


def test_file(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("time_s,current_a,voltage_v,busy\n0,0.1,5,0\n0.1,0.2,5,1\n0.2,0.1,5,0\n")
    a = load_log(path, boundary="board at USB 5 V")
    assert a.watts == pytest.approx([0.5, 1.0, 0.5])
    assert a.busy is not None and list(a.busy) == [False, True, False]
    path.write_text("time_s,power_w\n0,0.1\n0.1,x\n")
    with pytest.raises(ValueError, match=r"log\.csv:3: could not convert string to float: 'x'"):
        load_log(path, boundary="b")
    path.write_text("t,power_w\n0,0.1\n")
    with pytest.raises(ValueError, match=r"no column time_s; see docs/energy\.md"):
        load_log(path, boundary="b")
