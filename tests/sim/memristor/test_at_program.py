"""Programs whose weights come from devices."""

import numpy as np
import pytest

from hubel.hdl.program import Conv2d, Dense, Population, Program, Shape, Source, Sparse
from hubel.sim import golden
from hubel.sim.memristor.adc import Adc
from hubel.sim.memristor.at_program import as_matrix, at_program, from_matrix, program_devices
from hubel.sim.memristor.compensation import alpha, scale_thresholds
from hubel.sim.memristor.crossbar import SynapseParams
from hubel.sim.memristor.device_array import ArrayParams
from hubel.sim.memristor.layers import StuckCells
from hubel.sim.memristor.pcm import pcm_nandakumar2019
from hubel.sim.memristor.reram import generic

IDEAL = SynapseParams(array=ArrayParams(device=generic()), adc=Adc(bits=8))
PCM = SynapseParams(array=ArrayParams(device=pcm_nandakumar2019()))


def all_kinds() -> Program:
    """One projection of each kind, with weights that are all different enough to be told apart."""
    rng = np.random.default_rng(0)

    def weights(*shape: int):
        return rng.integers(-128, 128, shape).astype(np.int8)

    first = np.arange(0, 3 * 32 + 1, 3)
    targets = np.concatenate([np.sort(rng.permutation(10)[:3]) for _ in range(32)])
    return Program(
        inputs=(Source("input", Shape(2, 6, 6)),),
        populations=(
            Population(name="a", shape=Shape(2, 4, 4), threshold=500, v_reset=500),
            Population(name="b", shape=Shape(10), threshold=700, v_reset=700, v_init=350),
            Population(name="c", shape=Shape(10), threshold=(1 << 15) - 1, bias=3),
        ),
        projections=(
            Conv2d(name="conv", source="input", target="a", weights=weights(2, 2, 3, 3)),
            Sparse(name="sparse", source="a", target="b", weights=weights(96),
                   first=first, targets=targets),
            Dense(name="dense", source="b", target="c", weights=weights(10, 10)),
        ),
        outputs=("c",),
    )  # fmt: skip


def test_without_noise_bit_identical() -> None:
    program = all_kinds()
    for seed in range(3):
        devices = program_devices(program, IDEAL, seed=seed)
        for made in (devices.at(0.0), devices.at(1e8, compensation="global")):
            for old, new in zip(program.projections, made.projections, strict=True):
                np.testing.assert_array_equal(new.weights, old.weights)
                assert new.weights.dtype == old.weights.dtype
    assert program_devices(program, IDEAL).synapses == 36 + 96 + 100


def test_matrices_and_back() -> None:
    program = all_kinds()
    shapes = [as_matrix(p, 40).shape for p in program.projections]
    assert shapes == [(18, 2), (3, 40), (10, 10)]
    for p in program.projections:
        np.testing.assert_array_equal(from_matrix(p, as_matrix(p, 40)).weights, p.weights)


def test_noise_changes_weights_a_little() -> None:
    program = all_kinds()
    noisy = at_program(program, PCM, seed=1)
    again = at_program(program, PCM, seed=1)
    other = at_program(program, PCM, seed=2)
    for old, new, same, another in zip(
        *(p.projections for p in (program, noisy, again, other)), strict=True
    ):
        error = new.weights.astype(int) - old.weights
        assert (error != 0).mean() > 0.5
        # Two devices of at most 1.4 uS of the 25 uS that are 128.
        assert 3 < error.std() < 1.4 * 2**0.5 * 128 / 25
        np.testing.assert_array_equal(new.weights, same.weights)
        assert (new.weights != another.weights).any()
    spikes = np.random.default_rng(0).random((2, 8, 72)) < 0.4
    trace = golden.run(noisy, spikes)
    assert all(fired.any() for fired in trace.spikes[:2])


def test_stuck_cells_stay_in_range() -> None:
    layers = (StuckCells(low=0.3, high=0.3),)
    params = SynapseParams(array=ArrayParams(device=generic(), layers=layers))
    weights = at_program(all_kinds(), params).projections[2].weights
    assert -128 <= weights.min() and weights.max() == 127


def test_thresholds_scale_with_drift() -> None:
    """A drift of all weights alike, and thresholds that follow: the same spikes as before, but for
    rounding."""
    program = all_kinds()
    device = generic(drift=0.03)
    devices = program_devices(program, SynapseParams(array=ArrayParams(device=device)))
    time = 1e6
    gain = 1 / (1 + time) ** -0.03
    scaled = devices.at_scaled_thresholds(time)
    a, b, c = scaled.populations
    assert a.threshold == pytest.approx(500 / gain, rel=0.02)
    assert b.v_init == pytest.approx(350 / gain, rel=0.02)
    assert c.threshold == (1 << 15) - 1 and c.bias == 2
    spikes = np.random.default_rng(0).random((20, 20, 72)) < 0.3
    counts = [golden.run(p, spikes).spikes[1].sum() for p in (program, devices.at(time), scaled)]
    assert abs(counts[2] - counts[0]) < abs(counts[1] - counts[0]) / 3


def test_alpha() -> None:
    first = np.array([[1.0, -2.0, 0.0], [3.0, 2.0, 0.0]])
    assert alpha(first, first / 2, "global") == 2.0
    np.testing.assert_allclose(alpha(first, first * [0.5, 0.25, 1], "column"), [2, 4, 1])
    assert alpha(first, first * 0, "global") == 1.0
    with pytest.raises(ValueError, match=r"^a compensation is 'global' or by 'column', not 'row'$"):
        alpha(first, first, "row")  # pyright: ignore[reportArgumentType]


def test_refuses() -> None:
    with pytest.raises(ValueError, match=r"^the Program has weights of 8 bits, the synapses of 4$"):
        at_program(all_kinds(), SynapseParams(array=PCM.array, weight_width=4))
    with pytest.raises(ValueError, match=r"^population 'a': alpha must be above 0, not 0\.0$"):
        scale_thresholds(all_kinds(), {"a": 0.0})
