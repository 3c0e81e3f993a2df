"""The MAC core against golden: every activation, logit, counter and clock."""

from dataclasses import replace

import numpy as np
import pytest

from hubel.hdl.mac_program import MacProgram
from hubel.hdl.projection import Conv2d, Dense
from hubel.hdl.shape import Shape
from hubel.sim import mac, mac_gateware, simulator
from hubel.sim.mac_clocks import mac_clocks

from ..mac_programs import chain, random_program, random_values
from . import mac_bench


def compare(program: MacProgram, values: np.ndarray, **options) -> mac.MacTrace:
    """Run the gateware; AssertionError where golden says something else."""
    sizes = {"lanes": options.get("lanes", 8), "skip_zeros": options.get("skip_zeros", False)}
    wanted = mac.run(program, values, **sizes)
    found = mac_bench.run(program, values, **options)
    same_answers(found, wanted)
    if not options.get("gap") and not options.get("stall") and not options.get("abandoned"):
        ahead = mac_clocks(program.params(**sizes), [values, *wanted.activations])
        assert found.cycles == ahead.finished[-1]
    return found


def same_answers(found: mac.MacTrace, wanted: mac.MacTrace) -> None:
    for layer, pair in enumerate(zip(found.activations, wanted.activations, strict=True)):
        np.testing.assert_array_equal(*pair, err_msg=f"layer {layer}")
    np.testing.assert_array_equal(found.logits, wanted.logits)
    np.testing.assert_array_equal(found.labels, wanted.labels)
    assert found.counters.total() == wanted.counters.total()


@pytest.mark.parametrize("skip_zeros", [False, True])
@pytest.mark.parametrize("gap, stall", [(0.0, 0.0), (0.3, 0.6)])
@pytest.mark.parametrize("seed, lanes", [(2, 8), (5, 4), (6, 16), (11, 2)])
def test_random_networks(seed, lanes, gap, stall, skip_zeros):
    program = random_program(seed)
    values = random_values(program, 2, seed)
    found = compare(program, values, lanes=lanes, skip_zeros=skip_zeros, gap=gap, stall=stall,
                    seed=seed)  # fmt: skip
    assert any(0 < np.count_nonzero(a) < a.size for a in found.activations)


@pytest.mark.long
@pytest.mark.parametrize("skip_zeros", [False, True])
@pytest.mark.parametrize("seed", range(100, 140))
def test_many_random_networks(seed, skip_zeros):
    rng = np.random.default_rng(seed)
    widths = {"width": int(rng.choice([2, 4, 8])), "activation_width": int(rng.integers(1, 9))}
    program = random_program(seed, layers=int(rng.integers(1, 5)), **widths)
    values = random_values(program, 3, seed)
    lanes = int(rng.choice([2, 4, 8, 16]))
    for gap, stall in ((0.0, 0.0), (0.3, 0.6)):
        compare(program, values, lanes=lanes, skip_zeros=skip_zeros, gap=gap, stall=stall,
                seed=seed)  # fmt: skip


@pytest.mark.parametrize("seed, sizes", [(1, (16, 10)), (2, (9, 40, 8)), (3, (24, 40, 9, 5))])
@pytest.mark.parametrize("skip_zeros", [False, True])
def test_dense_layers_and_their_clocks(seed, sizes, skip_zeros):
    """Also of a single layer, and of a last layer that fills its lanes."""
    program = chain(seed, *sizes)
    compare(program, random_values(program, 3, seed), skip_zeros=skip_zeros)


@pytest.mark.parametrize("activation, pool", [(1, (1, 1)), (3, (2, 2)), (8, (1, 3))])
def test_depthwise_convolution_of_narrow_numbers(activation, pool):
    """A group for each channel, and windows that leave out rows and columns."""
    rng = np.random.default_rng(7)
    program = random_program(7, layers=2, width=4, activation_width=activation)
    first = program.layers[0]
    source = Shape(3, 5, 7)
    conv = replace(
        first,
        projection=mac_conv(rng, groups=3),
        shape=Shape(6, 3, 7),
        bias=rng.integers(-50, 50, 6),
        pool=pool,
        multiplier=200,
        shift=9 + activation,
    )
    output = conv.output.neurons
    last = program.layers[1]
    dense = replace(
        last,
        projection=replace(dense_of(rng, output), source=conv.name),
        shape=Shape(4),
        bias=rng.integers(-50, 50, 4),
    )
    program = replace(program, inputs=source, layers=(conv, dense))
    for skip_zeros in (False, True):
        compare(program, random_values(program, 2, 3), skip_zeros=skip_zeros, lanes=4)


@pytest.mark.parametrize("channels, dilation", [(21, 1), (13, 2)])
def test_runs_that_begin_inside_a_group_and_reach_over_several(channels, dilation):
    """Without dilation a line of the window is one run, with it each column is."""
    rng = np.random.default_rng(8)
    program = random_program(7, layers=2, width=4, activation_width=4)
    weights = rng.integers(-8, 8, (5, channels, 2, 2))
    conv = replace(
        program.layers[0],
        projection=Conv2d(
            name="w1", source="l0", target="l1", weights=weights, dilation=(1, dilation)
        ),
        shape=Shape(5, 2, 4 - dilation),
        bias=rng.integers(-50, 50, 5),
        pool=(1, 1),
        multiplier=200,
        shift=13,
    )
    last = replace(
        program.layers[1],
        projection=replace(dense_of(rng, conv.output.neurons), source=conv.name),
        shape=Shape(4),
        bias=rng.integers(-50, 50, 4),
    )
    program = replace(program, inputs=Shape(channels, 3, 4), layers=(conv, last))
    for skip_zeros in (False, True):
        found = compare(program, random_values(program, 2, 3), skip_zeros=skip_zeros, lanes=4)
        assert found.activations[0].any()


def mac_conv(rng, *, groups):
    return Conv2d(name="w1", source="l0", target="l1", weights=rng.integers(-8, 8, (6, 1, 3, 2)),
                  groups=groups, padding=(0, 1), dilation=(1, 2))  # fmt: skip


def dense_of(rng, inputs):
    return Dense(name="w2", source="l1", target="l2", weights=rng.integers(-8, 8, (inputs, 4)))


@pytest.mark.parametrize("value", [0, 255])
def test_all_zero_and_all_full_activations(value):
    program = chain(4, 20, 12, 3)
    for skip_zeros in (False, True):
        found = compare(program, np.full((2, 20), value), skip_zeros=skip_zeros)
        reads = found.counters.total()["weight_reads"]
        if value == 0 and skip_zeros:
            # Nothing is read in the first layer, which then gives its biases.
            assert reads == 2 * np.count_nonzero(found.activations[0][0])


def test_largest_sums_saturate_and_do_not_wrap():
    program = chain(5, 30, 8, 4)
    most = np.where(np.arange(8) % 2, 127, -128)
    first = replace(program.layers[0].projection, weights=np.tile(most, (30, 1)))
    layer = replace(program.layers[0], projection=first, multiplier=255, shift=10)
    program = replace(program, layers=(layer, program.layers[1]))
    found = compare(program, np.full((1, 30), 255))
    assert set(found.activations[0][0].tolist()) == {0, 255}


def test_a_sample_that_is_begun_anew():
    program = chain(6, 12, 9, 5)
    values = random_values(program, 2, 1)
    for skip_zeros in (False, True):
        found = mac_bench.run(program, values, skip_zeros=skip_zeros, abandoned=7)
        wanted = mac.run(program, values, skip_zeros=skip_zeros)
        np.testing.assert_array_equal(found.logits, wanted.logits)
        extra = found.counters.total()["inputs"] - wanted.counters.total()["inputs"]
        assert extra == 7


@pytest.mark.parametrize("skip_zeros", [False, True])
def test_lint(skip_zeros):
    try:
        for program in (random_program(5), chain(2, 16, 10)):
            text = mac_gateware.mac_verilog(program, skip_zeros=skip_zeros)
            assert simulator.lint(text, mac_gateware.TOP) == []
    except simulator.ToolMissing as missing:
        pytest.skip(str(missing))
