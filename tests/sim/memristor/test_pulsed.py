"""Pulses without noise against stored responses; noise against its statistics."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubel.sim.memristor import nonlinearity, pulsed
from hubel.sim.memristor.nonlinearity import Nonlinear, response, scale
from hubel.sim.memristor.pcm_pair import PcmPairs
from hubel.sim.memristor.pulsed_weights import IdealWeights, PulsedWeights
from hubel.sim.memristor.random import Where

#: Start, direction up, {pulses: state}; computed with the published formulas.
STEPS = {
    "reram_es": (
        (-1.0, True, {1: -0.99629, 2: -0.99259, 10: -0.96367, 148: -0.57177, 740: 0.56186}),
        (1.0, False, {1: 0.98692, 2: 0.97423, 10: 0.88425, 148: 0.22779, 740: -0.70701}),
    ),
    "reram_sb": (
        (-0.75, True, {1: -0.7468, 2: -0.74361, 10: -0.71823, 100: -0.45407, 500: 0.35192,
                       1000: 0.84672}),
    ),
    "reram_array_om": (
        (-1.0, True, {1: -0.8102, 2: -0.63841, 5: -0.21482, 10: 0.2621, 21: 0.75359}),
    ),
    "reram_array_hfo2": ((-1.0, True, {1: -0.0756, 2: 0.42154, 4: 0.83269}),),
    "pcm_nandakumar2020": (
        (0.0, True, {1: 0.28235, 2: 0.4268, 5: 0.68166, 10: 0.9244, 25: 1.32561, 50: 1.72969,
                     100: 2.0}),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", STEPS)
def test_stored_responses(name) -> None:
    for start, up, expected in STEPS[name]:
        for count, state in expected.items():
            got = pulsed.PRESETS[name].pulse(start, up, count=count)
            assert float(got) == pytest.approx(state, abs=0.51e-5)  # half a digit


@pytest.mark.parametrize(
    "nl, quarters, a",
    [
        (2.4, (0.455396, 0.731381, 0.898637), 48.42058 / 97),
        (-4.88, (0.016978, 0.076124, 0.282174), -20.03034 / 100),
        (1.94, (0.411940, 0.688818, 0.874917), None),
        (-0.61, (0.206552, 0.439711, 0.702904), None),
        (0.5, (0.288338, 0.549443, 0.785888), None),
        (1.75, (0.394539, 0.670880, 0.864433), None),
    ],
)
def test_labels_of_nonlinearity(nl, quarters, a) -> None:
    np.testing.assert_allclose(response([0.25, 0.5, 0.75], nl), quarters, rtol=0, atol=0.51e-6)
    if a is not None:
        assert scale(nl) == pytest.approx(a, rel=2.1e-5)  # the error of NeuroSim's table


@settings(max_examples=50, deadline=None, derandomize=True)
@given(nl=st.floats(-9, 9))
def test_label_is_the_distance_to_the_diagonal(nl) -> None:
    p = np.linspace(0, 1, 20_001)
    curve = response(p, nl)
    assert curve[0] == 0 and curve[-1] == pytest.approx(1, abs=1e-12)
    assert (np.diff(curve) >= 0).all()
    # At a right angle to the diagonal it is the vertical distance over sqrt(2).
    distance = np.abs(curve - p).max() / np.sqrt(2)
    assert distance == pytest.approx(0.07 * abs(nl), abs=1e-6)
    np.testing.assert_allclose(response(p, -nl), 1 - curve[::-1], atol=1e-9)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(nl_up=st.floats(-6, 6), nl_down=st.floats(-6, 6), count=st.integers(1, 64))
def test_pulses_follow_the_curves(nl_up, nl_down, count) -> None:
    device = dataclasses.replace(
        nonlinearity.PRESETS["epiram"], nl_up=nl_up, nl_down=nl_down, pulses_up=64, pulses_down=64
    )
    up = float(device.pulse(0.0, True, count=count))
    assert up == pytest.approx(float(response(count / 64, nl_up)), abs=1e-9)
    down = float(device.pulse(1.0, False, count=count))
    assert down == pytest.approx(float(response(1 - count / 64, nl_down)), abs=1e-9)
    one_by_one = 0.0
    for _ in range(count):
        one_by_one = device.pulse(one_by_one, True)
    assert float(one_by_one) == pytest.approx(up, abs=1e-9)


def test_extreme_labels_stay_finite() -> None:
    device = dataclasses.replace(nonlinearity.PRESETS["fefet"], nl_up=-9, nl_down=9, pulses_up=1)
    g = np.linspace(0, 1, 11)
    for up in (True, False):
        after = device.pulse(g, up, count=1000)
        assert np.isfinite(after).all() and (after >= 0).all() and (after <= 1).all()


@pytest.mark.parametrize(
    "name, up, down",
    [
        # dw_min (1 - gamma_up w) and dw_min (1 + gamma_down w) at w = 0.5, and dw_min alone.
        ("ecram", 0.002 * (1 - 0.1153 * 0.5), 0.002 * (1 + 0.5085 * 0.5)),
        ("gokmen_vlasov", 0.0016, 0.0016),
    ],
)
def test_linear_and_constant_steps(name, up, down) -> None:
    device = pulsed.PRESETS[name]
    assert float(device.pulse(0.5, True)) == pytest.approx(0.5 + up, rel=1e-12)
    assert float(device.pulse(0.5, False)) == pytest.approx(0.5 - down, rel=1e-12)
    lopsided = dataclasses.replace(device, up_down=0.5)
    assert float(lopsided.pulse(0.5, True)) == pytest.approx(0.5 + 1.5 * up, rel=1e-12)
    assert float(lopsided.pulse(0.5, False)) == pytest.approx(0.5 - 0.5 * down, rel=1e-12)


def test_noise_of_pulses() -> None:
    device = dataclasses.replace(nonlinearity.PRESETS["epiram"], nl_up=0, nl_down=0)
    xi = np.random.default_rng(1).standard_normal(100_000)
    after = device.pulse(np.full(xi.shape, 0.5), True, count=4, xi=xi)
    assert after.mean() == pytest.approx(0.5 + 4 / 256, abs=5 * 0.04 / np.sqrt(xi.size))
    assert after.std() == pytest.approx(0.02 * 2, rel=0.01)  # sqrt(4) pulses
    soft = pulsed.PRESETS["reram_sb"]
    steps = soft.pulse(np.zeros(xi.shape), True, xi=xi)
    assert steps.std() == pytest.approx(3.75 * 0.002, rel=0.01)


@pytest.mark.parametrize("up_down", [0.0, 0.3])
def test_symmetry_point(up_down) -> None:
    device = dataclasses.replace(pulsed.PRESETS["reram_sb"], up_down=up_down)
    w = device.symmetry_point()
    up, down = (device.step(np.array(w), np.array(way)) for way in (True, False))
    assert float(up) == pytest.approx(float(down), rel=1e-12)
    with pytest.raises(ValueError, match="known for soft bounds, not for 'exp'"):
        pulsed.PRESETS["reram_es"].symmetry_point()


@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    name=st.sampled_from(sorted(pulsed.PRESETS)),
    share=st.floats(0, 1),
    up=st.booleans(),
    count=st.integers(0, 20),
)
def test_a_step_goes_its_way_and_stays_in_bounds(name, share, up, count) -> None:
    device = pulsed.PRESETS[name]
    start = device.w_min + share * (device.w_max - device.w_min)
    way = up or device.one_way
    after = float(device.pulse(start, way, count=count))
    assert device.w_min <= after <= device.w_max
    assert (after - start) * (1 if way else -1) >= -1e-12


WHERE = Where(rows=30, columns=40, seed=5)


@pytest.mark.parametrize("device", ["ag_a_si", "epiram"])
def test_weights_of_devices(device) -> None:
    kind = nonlinearity.PRESETS[device]
    weights = PulsedWeights(WHERE, kind, np.full(WHERE.shape, 0.4))
    up = np.zeros(WHERE.shape, dtype=bool)
    up[:, :10] = True
    down = np.zeros(WHERE.shape, dtype=bool)
    down[:, 30:] = True
    for _ in range(5):
        weights.update(up, down)
    assert weights.weights[:, :10].mean() > 0.4 > weights.weights[:, 30:].mean()
    assert (weights.weights[:, 10:30] == 0.4).all()
    assert weights.pulses.sum() == 5 * 20 * 30
    again = PulsedWeights(WHERE, kind, np.full(WHERE.shape, 0.4))
    for _ in range(5):
        again.update(up, down)
    np.testing.assert_array_equal(again.weights, weights.weights)


def test_a_device_has_one_history_in_any_array() -> None:
    kind = dataclasses.replace(nonlinearity.PRESETS["alox_hfo2"], d2d=0.2)
    part = Where(rows=10, columns=7, seed=5, row=8, column=9)
    whole = PulsedWeights(WHERE, kind, np.full(WHERE.shape, 0.4))
    piece = PulsedWeights(part, kind, np.full(part.shape, 0.4))
    for _ in range(3):
        whole.update(np.ones(WHERE.shape, bool), np.zeros(WHERE.shape, bool))
        piece.update(np.ones(part.shape, bool), np.zeros(part.shape, bool))
    np.testing.assert_array_equal(whole.weights[8:18, 9:16], piece.weights)


@pytest.mark.parametrize("name", [n for n, d in pulsed.PRESETS.items() if not d.one_way])
def test_weights_of_step_devices(name) -> None:
    weights = PulsedWeights(WHERE, pulsed.PRESETS[name], np.full(WHERE.shape, 0.5))
    for _ in range(20):
        weights.update(np.ones(WHERE.shape, bool), np.zeros(WHERE.shape, bool))
    assert np.isfinite(weights.weights).all()
    assert (weights.weights >= 0).all() and (weights.weights <= 1).all()
    silent = dataclasses.replace(
        pulsed.PRESETS[name], d2d=0, c2c=0, bounds_d2d=(0, 0), write_noise=0
    )
    quiet = PulsedWeights(WHERE, silent, np.full(WHERE.shape, 0.5))
    for _ in range(20):
        quiet.update(np.ones(WHERE.shape, bool), np.zeros(WHERE.shape, bool))
    assert np.ptp(quiet.weights) == 0 and quiet.weights[0, 0] > 0.5
    assert np.ptp(weights.weights) > 0


def test_ideal_rule() -> None:
    ideal = IdealWeights([[0.5, 0.5, 0.5]], a_plus=0.1, a_minus=0.2)
    ideal.update(np.array([[True, False, False]]), np.array([[False, True, False]]))
    np.testing.assert_allclose(ideal.weights, [[0.525, 0.45, 0.5]])


def test_pcm_pairs_move_both_ways_and_refresh_keeps_the_weight() -> None:
    quiet = dataclasses.replace(pulsed.PRESETS["pcm_nandakumar2020"], c2c=0)
    pairs = PcmPairs(Where(rows=8, columns=8, seed=2), quiet)
    all_, none = np.ones((8, 8), bool), np.zeros((8, 8), bool)
    pairs.update(all_, none)
    assert (pairs.weights > 0.08).all()
    pairs.update(none, all_)
    assert (np.abs(pairs.weights) < 0.1).all()  # the spread of the resets
    for _ in range(60):
        pairs.update(all_, none)
    assert pairs.refresh() == 64 and pairs.refresh() == 0
    # Before: plus at its end, minus at 0.28; the difference is back within a step of a pulse.
    assert (np.abs(pairs.weights - 0.86) < 0.08).all()
    assert (pairs.minus < 0.1).all()
    assert pairs.reset_pulses == 128 and pairs.set_pulses > 62 * 64


@pytest.mark.parametrize(
    "call, text",
    [
        (lambda: scale(9.5), "nl must be in -9..9, not 9.5"),
        (lambda: response(1.2, 1), "p must be in 0..1"),
        (lambda: nonlinearity.PRESETS["epiram"].pulse(1.5, True), "g must be in 0..1"),
        (lambda: nonlinearity.PRESETS["epiram"].pulse(0.5, True, count=-1), "count must be 0"),
        (lambda: pulsed.PRESETS["reram_sb"].pulse(2.0, True), "w must be in -0.75..1.25"),
        (lambda: pulsed.PRESETS["reram_sb"].pulse(np.nan, True), "w: 1 of 1 values are NaN"),
        (
            lambda: pulsed.PRESETS["pcm_nandakumar2020"].pulse(1.0, False),
            "moves one way only; take pairs",
        ),
        (lambda: PcmPairs(WHERE, pulsed.PRESETS["reram_sb"]), "devices that move one way only"),
        (
            lambda: PulsedWeights(WHERE, nonlinearity.PRESETS["epiram"], [[0.5]]),
            r"weights must have shape \(30, 40\), not \(1, 1\)",
        ),
        (
            lambda: IdealWeights([[0.5]], a_plus=0.1, a_minus=0.1).update([[True]], [[True]]),
            "1 weights are to go up and down",
        ),
        (
            lambda: IdealWeights([[0.5]], a_plus=0.1, a_minus=0.1).update([[1]], [[0]]),
            r"potentiate must be bool of shape \(1, 1\)",
        ),
        (lambda: dataclasses.replace(pulsed.PRESETS["reram_sb"], model="x"), "model must be one"),
        (lambda: dataclasses.replace(pulsed.PRESETS["reram_sb"], up_down=1), "between -1 and 1"),
        (lambda: dataclasses.replace(pulsed.PRESETS["reram_sb"], w_min=0.0), "lie around 0"),
        (
            lambda: Nonlinear(
                pulses_up=0, pulses_down=1, nl_up=1, nl_down=1,
                source=nonlinearity.PRESETS["epiram"].source,
            ),
            "pulses_up must be 1 or more, not 0",
        ),
    ],
)  # fmt: skip
def test_bad_input(call, text) -> None:
    with pytest.raises(ValueError, match=text):
        call()
