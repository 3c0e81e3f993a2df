"""Golden model of the MAC core against plain loops and exact fractions."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubel.hdl.mac_counters import MacCounters
from hubel.hdl.projection import Conv2d
from hubel.hdl.shape import Shape
from hubel.sim import mac
from hubel.sim.mac_clocks import mac_clocks

from ..mac_programs import chain, random_program, random_values


@given(
    sums=st.integers(0, (1 << 31) - 1),
    multiplier=st.integers(1, 255),
    shift=st.integers(1, 31),
    width=st.integers(1, 8),
)
def test_requantise_rounds_half_away_from_zero(sums, multiplier, shift, width):
    exact = Fraction(sums * multiplier, 1 << shift)
    rounded = int(exact + Fraction(1, 2))  # of what is not negative, int rounds down
    assert mac.requantise([sums], multiplier, shift, width)[0] == min(rounded, (1 << width) - 1)


def by_loops(program, values):
    """Activations and logits of one sample, with nothing but loops over Python's integers."""
    x = values.reshape(program.inputs.sizes).tolist()
    given_ = []
    for layer in program.layers:
        projection, shape = layer.projection, layer.shape
        weights = projection.weights.tolist()
        height, width = len(x[0]), len(x[0][0])
        totals = np.zeros(shape.sizes, dtype=object)
        for o, y, column in np.ndindex(*shape.sizes):
            total = int(layer.bias[o])
            if not isinstance(projection, Conv2d):
                flat = [v for plane in x for row in plane for v in row]
                total += sum(v * weights[i][o] for i, v in enumerate(flat))
            else:
                group = o // (shape.channels // projection.groups)
                per_group = len(weights[o])
                for c, ky, kx in np.ndindex(per_group, *projection.weights.shape[2:]):
                    at_y = (
                        y * projection.stride[0] - projection.padding[0]
                        + ky * projection.dilation[0]
                    )  # fmt: skip
                    at_x = (
                        column * projection.stride[1] - projection.padding[1]
                        + kx * projection.dilation[1]
                    )  # fmt: skip
                    if 0 <= at_y < height and 0 <= at_x < width:
                        total += x[group * per_group + c][at_y][at_x] * weights[o][c][ky][kx]
            totals[o, y, column] = max(total, 0) if layer.relu else total
        if not layer.multiplier:
            return given_, totals.transpose(1, 2, 0).ravel().tolist()
        rows, columns = layer.pool
        out = np.zeros(layer.output.sizes, dtype=object)
        for o, y, column in np.ndindex(*layer.output.sizes):
            window = totals[o, y * rows : (y + 1) * rows, column * columns : (column + 1) * columns]
            scaled = Fraction(int(window.sum()) * layer.multiplier, 1 << layer.shift)
            out[o, y, column] = min(int(scaled + Fraction(1, 2)), program.activation_max)
        given_.append(out.ravel().tolist())
        x = out.tolist()
    raise AssertionError("no logits")


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_layers_against_loops(seed):
    program = random_program(seed)
    values = random_values(program, 2, seed)
    found = mac.run(program, values)
    for sample in range(2):
        activations, logits = by_loops(program, values[sample])
        for a, b in zip(found.activations, activations, strict=True):
            assert a[sample].tolist() == b
        assert found.logits[sample].tolist() == logits
        assert found.labels[sample] == logits.index(max(logits))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), lanes=st.sampled_from([2, 4, 8, 16]))
def test_counters_from_first_principles(seed, lanes):
    """A product for each activation that is met, but none for the zeros that are skipped; nothing
    depends on lanes but what is read by the word."""
    program = random_program(seed)
    values = random_values(program, 2, seed)
    plain = mac.run(program, values, lanes=lanes)
    skipping = mac.run(program, values, lanes=lanes, skip_zeros=True)
    # The same layers with weights of 1 and activations of 1 count what is met.
    for trace, zeros in ((plain, False), (skipping, True)):
        met = np.zeros(2, dtype=np.int64)
        read = [values, *plain.activations]
        for layer, source, x in zip(program.layers, program.sources, read, strict=True):
            ones = replace(
                layer,
                projection=replace(
                    layer.projection, weights=np.ones_like(layer.projection.weights)
                ),
                bias=np.zeros_like(layer.bias),
            )
            height, width = layer.output.height, layer.output.width
            counted = mac.totals(ones, (x != 0) if zeros else np.ones_like(x), source)
            rows, columns = height * layer.pool[0], width * layer.pool[1]
            met += counted[:, :, :rows, :columns].sum(axis=(1, 2, 3))
        np.testing.assert_array_equal(trace.counters.macs, met)
        np.testing.assert_array_equal(trace.counters.activation_reads, trace.counters.weight_reads)
    assert (skipping.counters.weight_reads <= plain.counters.weight_reads).all()
    assert not plain.counters.zero_reads.any()


def test_clocks_of_samples_alone_and_in_a_row():
    program = chain(1, 64, 24, 10)
    values = random_values(program, 4, 0)
    trace = mac.run(program, values)
    for skip_zeros in (False, True):
        params = program.params(skip_zeros=skip_zeros)
        clocks = mac_clocks(params, [values, *trace.activations])
        assert clocks.finished[0] == clocks.latency[0]
        assert (np.diff(clocks.finished) < clocks.latency[1:]).all()
        busy = MacCounters.predict(params, [values, *trace.activations]).busy
        assert (clocks.latency > busy).all()


@pytest.mark.parametrize(
    "change, message",
    [
        (
            {"multiplier": 256},
            "multiplier must be in 1..255 and shift in 1..31, or both 0, not 256",
        ),
        ({"relu": False}, "layer 'l1': only what went through ReLU is requantised"),
        ({"bias": np.zeros(3, dtype=np.int64)}, "layer 'l1': bias must be 12 integers"),
        ({"bias": np.full(12, 1 << 31)}, "layer 'l1': a total can be .*, more than 32 bits hold"),
        ({"multiplier": 0, "shift": 0}, "layer 'l1': all layers are requantised but the last"),
        ({"pool": (2, 1)}, r"layer 'l1': a pool of \(2, 1\) does not fit 12$"),
    ],
)
def test_layers_that_are_refused(change, message):
    program = chain(1, 8, 12, 3)
    with pytest.raises(ValueError, match=message):
        replace(program, layers=(replace(program.layers[0], **change), program.layers[1]))


def test_an_output_that_meets_only_padding_is_refused():
    weights = np.ones((2, 1, 1, 1), dtype=np.int64)  # and a border of padding around it
    projection = Conv2d(name="w1", source="l0", target="l1", weights=weights, padding=(1, 1))
    first = replace(
        chain(1, 4, 2, 3).layers[0],
        projection=projection, shape=Shape(2, 4, 4), bias=np.zeros(2, dtype=np.int64),
    )  # fmt: skip
    last = chain(1, 4, 32, 3).layers[1]
    with pytest.raises(ValueError, match="an output meets only padding"):
        replace(chain(1, 4, 2, 3), inputs=Shape(1, 2, 2), layers=(first, last))


@pytest.mark.parametrize(
    "values, message",
    [
        (np.zeros((2, 7), dtype=int), r"values must have shape \(samples, 8\), not \(2, 7\)"),
        (np.zeros((2, 8)), "values must be integers, not float64"),
        (np.full((2, 8), 256), r"values must be in 0..255, not 256..256"),
    ],
)
def test_values_that_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        mac.run(chain(1, 8, 12, 3), values)
