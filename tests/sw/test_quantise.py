"""Quantisation: exact where it can be, bounded where it cannot, and a profile of the result."""

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubel.hdl.program import Conv2d, Dense, Population, Program, Reset, Shape, Source
from hubel.sim import golden
from hubel.sw.network import Network, Neurons
from hubel.sw.quantise import quantise
from hubel.sw.scales import best_scale
from hubel.sw.simulate import simulate

# The same examples in every run.
fixed = settings(derandomize=True, deadline=None)


def network(weights: np.ndarray, **changes: Any) -> Network:
    """One population "a", fed by ``weights``."""
    fields: dict[str, Any] = {
        "name": "a",
        "shape": Shape(weights.shape[1]),
        "threshold": 1.0,
        "v_reset": 1.0,
        "v_init": 0.5,
    }
    profile = changes.pop("profile", "hubel")
    return Network(
        inputs=(Source("input", Shape(weights.shape[0])),),
        populations=(Neurons(**{**fields, **changes}),),
        projections=(Dense(name="w", source="input", target="a", weights=weights),),
        outputs=("a",),
        profile=profile,
    )


# The scale is 1/127 with 8 bits: the weights are on its grid.
GRID = np.array([[1.0, -1.0], [64 / 127, 0.0]])


def test_numbers_on_the_grid_are_exact() -> None:
    program = quantise(network(GRID, bias=np.array([3 / 127, -1.0]), decay=0.75), fraction_bits=0)
    p = program.populations[0]
    assert program.projections[0].weights.tolist() == [[127, -127], [64, 0]]
    assert np.asarray(p.bias).tolist() == [3, -127]
    assert (p.threshold, p.v_reset, p.reset, p.decay) == (127, 127, Reset.SOFT, 3072)
    # 63.5 half to even.
    assert (p.v_init, p.shift) == (64, 0)


@pytest.mark.parametrize("value, rounded", [(0.5, 0), (1.5, 2), (-0.5, 0), (-1.5, -2), (2.5, 2)])
def test_half_to_even(value: float, rounded: int) -> None:
    weights = np.array([[127.0, 0.0], [0.0, value]])
    net = network(weights, bias=np.full(2, value), threshold=5.0, v_reset=2.5)
    program = quantise(net)
    p = program.populations[0]
    assert program.projections[0].weights[1, 1] == rounded
    assert p.bias == rounded
    assert p.v_reset == 2


@pytest.mark.parametrize(
    "reset, v_reset, expected", [(Reset.SOFT, 1.0, 127), (Reset.HARD, -1, -127)]
)
def test_reset_is_kept(reset: Reset, v_reset: float, expected: int) -> None:
    p = quantise(network(GRID, reset=reset, v_reset=v_reset)).populations[0]
    assert (p.reset, p.v_reset) == (reset, expected)


@fixed
@given(seed=st.integers(0, 2**32 - 1), weight_width=st.sampled_from([2, 4, 8]))
def test_the_scale_is_the_best_that_was_tried(seed: int, weight_width: int) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(9, 5)) * 10.0 ** rng.integers(-3, 4)
    most = (1 << (weight_width - 1)) - 1

    def error(scale: float) -> float:
        return np.square(np.clip(np.rint(weights / scale), -most, most) * scale - weights).sum()

    scale = best_scale(weights, weight_width)
    largest = np.abs(weights).max() / most
    assert error(scale) <= error(largest) * (1 + 1e-12)
    assert all(error(scale) <= error(largest * share) * (1 + 1e-12) for share in (0.9, 0.5, 0.2))
    net = network(weights, threshold=30 * scale, v_reset=30 * scale, v_init=0.0)
    program = quantise(net, weight_width=weight_width)
    p, got = program.populations[0], program.projections[0].weights
    assert np.abs(got).max() <= most
    inside = np.abs(weights) <= most * scale
    assert (np.abs(got * scale - weights) <= scale / 2 * (1 + 1e-12))[inside].all()
    assert (p.threshold, p.v_reset) == (30, 30)


def test_2_bits_use_a_smaller_scale_than_the_largest_weight() -> None:
    weights = np.random.default_rng(0).normal(size=(50, 20))
    assert best_scale(weights, 2) < np.abs(weights).max() / 2
    got = quantise(network(weights), weight_width=2).projections[0].weights
    assert 0.3 < np.mean(got != 0) < 0.9


def test_weights_of_0() -> None:
    program = quantise(network(np.zeros((2, 2)), bias=np.array([0.5, 1.0])))
    p = program.populations[0]
    assert not program.projections[0].weights.any()
    assert p.threshold == 127
    assert np.asarray(p.bias).tolist() == [64, 127]


@pytest.mark.parametrize("weight_width, state_width", [(8, 16), (4, 16), (2, 24)])
def test_widths(weight_width: int, state_width: int) -> None:
    program = quantise(network(GRID), weight_width=weight_width, state_width=state_width)
    assert (program.weight_width, program.state_width) == (weight_width, state_width)
    assert np.abs(program.projections[0].weights).max() == (1 << (weight_width - 1)) - 1


def test_24_bits_hold_what_16_do_not() -> None:
    net = network(GRID, threshold=300.0)
    message = (
        "population 'a': threshold 300 is 38100 LSB of 0.00787402, but 16 bits hold "
        "-32768..32767; use 24 bits or smaller weights"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        quantise(net)
    assert quantise(net, state_width=24).populations[0].threshold == 38_100


def test_the_limits_of_16_bits() -> None:
    net = network(np.array([[127.0, 1.0]] * 2), threshold=32767.0, bias=np.array([-32768.0, 0]))
    p = quantise(net).populations[0]
    assert isinstance(p.bias, np.ndarray)
    assert (p.threshold, p.bias[0]) == (32_767, -32_768)


@pytest.mark.parametrize(
    "changes, state_width, message",
    [
        (
            {"bias": np.array([0.0, -32769.0])},
            16,
            "bias -32769 is -32769 LSB of 1, but 16 bits hold -32768..32767; use 24 bits or "
            "smaller weights",
        ),
        (
            {"v_init": np.array([9e6, 0.0])},
            24,
            "v_init 9e+06 is 9000000 LSB of 1, but 24 bits hold -8388608..8388607; rescale the "
            "layer",
        ),
        (
            {"v_reset": 40000.0},
            16,
            "v_reset 40000 is 40000 LSB of 1, but 16 bits hold -32768..32767; use 24 bits or "
            "smaller weights",
        ),
        (
            {"threshold": 0.25},
            16,
            "threshold 0.25 rounds to 0 LSB of 1; use more bits a weight or smaller weights",
        ),
    ],
)
def test_refused_numbers(changes: dict[str, Any], state_width: int, message: str) -> None:
    net = network(np.array([[127.0, -127.0]] * 2), **changes)
    with pytest.raises(ValueError, match=f"^population 'a': {re.escape(message)}$"):
        quantise(net, state_width=state_width)


def test_a_threshold_of_0_is_kept() -> None:
    assert quantise(network(GRID, threshold=0.0)).populations[0].threshold == 0


@pytest.mark.parametrize(
    "widths, message",
    [
        ({"weight_width": 16}, "weight_width must be one of (2, 4, 8), not 16"),
        ({"state_width": 8}, "state_width must be one of (16, 24), not 8"),
    ],
)
def test_refused_widths(widths: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        quantise(network(GRID), **widths)


def arrays_of(population: Population) -> dict[str, Any]:
    """Parameters as plain values, to compare."""
    return {name: np.asarray(value).tolist() for name, value in vars(population).items()}


def test_one_scale_for_all_projections_into_a_population() -> None:
    first, second = np.array([[254.0, 2.0]]), np.array([[-4.0, 1.0], [3.0, 0.0]])
    net = Network(
        inputs=(Source("i", Shape(1)), Source("j", Shape(2))),
        populations=(Neurons(name="a", shape=Shape(2), threshold=8.0, v_reset=6.0),),
        projections=(
            Dense(name="big", source="i", target="a", weights=first),
            Dense(name="small", source="j", target="a", weights=second),
            Dense(name="loop", source="a", target="a", weights=np.ones((2, 2)), delay=1),
        ),
        outputs=("a",),
    )
    program = quantise(net)
    together = np.concatenate([first.ravel(), second.ravel(), np.ones(4)])
    assert best_scale(together, 8) == 2.0
    assert [p.weights.tolist() for p in program.projections] == [
        [[127, 1]],
        [[-2, 0], [2, 0]],
        [[0, 0], [0, 0]],
    ]
    assert (program.populations[0].threshold, program.populations[0].v_reset) == (4, 3)
    assert [p.delay for p in program.projections] == [0, 0, 1]


def test_every_parameter_has_the_scale() -> None:
    net = network(
        np.array([[127.0, -127.0]]),
        threshold=np.array([10.0, 20.0]),
        reset=Reset.HARD,
        v_reset=np.array([-3.0, -3.0]),
        decay=np.array([0.5, 1.0]),
        bias=np.array([1.0, 2.0]),
        v_init=-2.0,
        v_min=-7.0,
        refractory=3,
        u_decay=np.array([0.25, 0.25]),
        u_init=5.0,
        u_wraps=True,
        a_decay=0.75,
        a_step=4.0,
    )
    p = quantise(net, fraction_bits=2).populations[0]
    assert arrays_of(p) == {
        "name": "a",
        "shape": Shape(2),
        "threshold": [40, 80],
        "decay": [2048, 4096],
        "reset": Reset.HARD,
        "v_reset": -12,
        "bias": [4, 8],
        "v_init": -8,
        "v_min": -28,
        "shift": 2,
        "refractory": 3,
        "u_decay": 1024,
        "u_init": 20,
        "u_wraps": True,
        "a_decay": 3072,
        "a_step": 16,
    }
    # Equal numbers are one number.
    assert isinstance(p.v_reset, int) and isinstance(p.u_decay, int)


def test_at_the_threshold_is_one_less() -> None:
    net = network(np.array([[127.0, 127.0]]), threshold=np.array([5.0, np.inf]), at_threshold=True)
    p = quantise(net).populations[0]
    assert np.asarray(p.threshold).tolist() == [4, 32767]
    assert quantise(network(GRID * 127, threshold=5.0)).populations[0].threshold == 5
    message = "population 'a': threshold must be in 0..32767, not -1"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        quantise(network(GRID * 127, threshold=0.0, at_threshold=True))


@pytest.mark.parametrize("state_width, most", [(16, 32_767), (24, 8_388_607)])
def test_a_readout_never_fires(state_width: int, most: int) -> None:
    net = network(GRID, threshold=np.inf, bias=1.0)
    program = quantise(net, state_width=state_width)
    assert program.populations[0].threshold == most
    trace = golden.run(program, np.ones((1, 400, 2)))
    assert not trace.spikes[0].any()
    if state_width == 16:
        assert trace.saturations is not None and trace.saturations[0].any()


def test_a_threshold_of_one_neuron_rounds_to_0() -> None:
    net = network(np.array([[127.0, -127.0]]), threshold=np.array([9.0, 0.25]))
    message = (
        "population 'a': threshold 0.25 rounds to 0 LSB of 1; use more bits a weight or smaller "
        "weights"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        quantise(net)


def leaky(weights: np.ndarray, **changes: Any) -> Network:
    return network(weights, **{"decay": 0.9, **changes})


@pytest.mark.parametrize(
    "changes, state_width, bits",
    [
        # 254 and at most one step on top of it, but no less than 4 thresholds: 1016 << 5.
        ({"threshold": 254.0, "v_reset": 254.0}, 16, 5),
        ({"threshold": 254.0, "v_reset": 254.0}, 24, 8),
        # 8128 << 2
        ({"threshold": 2032.0}, 16, 2),
        ({"threshold": 8192.0}, 16, 0),
        # The largest sum counts to 16 thresholds: (100 + 254) << 6 and 160 << 7.
        ({"threshold": 100.0}, 16, 6),
        ({"threshold": 10.0}, 16, 7),
        # What must fit besides.
        ({"threshold": 10.0, "v_reset": 300.0}, 16, 6),
        ({"threshold": 10.0, "bias": np.array([0.0, -600.0])}, 16, 5),
        ({"threshold": 10.0, "v_init": 1200.0}, 16, 4),
        ({"threshold": 10.0, "v_min": -2400.0}, 16, 3),
        ({"threshold": 10.0, "u_decay": 0.5, "u_init": 5000.0}, 16, 2),
        ({"threshold": 10.0, "a_decay": 0.5, "a_step": 10000.0}, 16, 1),
        # A readout has room for 4 of the largest sums: 1016 << 5.
        ({"threshold": np.inf}, 16, 5),
        # A leak of the current or the adaptation counts too; one that takes all or nothing does
        # not.
        ({"threshold": 10.0, "decay": 1.0, "u_decay": 0.5}, 16, 7),
        ({"threshold": 10.0, "decay": 1.0, "a_decay": 0.5}, 16, 7),
        ({"threshold": 10.0, "decay": np.array([0.0, 1.0]), "u_decay": 1.0}, 16, 0),
        ({"threshold": 10.0, "decay": 0.99999}, 16, 0),
    ],
)
def test_fraction_bits(changes: dict[str, Any], state_width: int, bits: int) -> None:
    net = leaky(np.array([[127.0, -127.0]] * 2), **{"v_reset": 1.0, "v_init": 0.0, **changes})
    p = quantise(net, state_width=state_width).populations[0]
    assert p.shift == bits
    assert quantise(net, state_width=state_width, fraction_bits=0).populations[0].shift == 0


def test_fraction_bits_that_do_not_fit() -> None:
    net = leaky(np.array([[127.0, -127.0]]), threshold=2000.0)
    message = (
        "population 'a': threshold 2000 is 64000 LSB of 0.03125, but 16 bits hold -32768..32767; "
        "use fewer fraction bits"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        quantise(net, fraction_bits=5)
    message = "config: population 'a': fraction_bits must be a whole number in 0..14, not 15"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        quantise(net, fraction_bits=15)


def loihi(weights: np.ndarray, **changes: Any) -> Network:
    """As an importer of Loihi networks makes it: whole numbers, weights times 64."""
    fields = {"threshold": 64 * 100.0, "v_reset": 0.0, "v_init": 0.0, "reset": Reset.HARD}
    fields |= {"decay": 4000 / 4096, "u_decay": 3500 / 4096, "u_wraps": True}
    return network(weights * 64.0, **{"profile": "loihi", **fields, **changes})


def test_integers_are_kept() -> None:
    weights = np.array([[-166.0, 254.0], [6.0, 0.0]])
    net = loihi(weights, bias=np.array([7.0, -3.0]), threshold=6401.0)
    program = quantise(net, state_width=24)
    p = program.populations[0]
    # Even weights: one bit more than the 6 of the sum.
    assert program.projections[0].weights.tolist() == [[-83, 127], [3, 0]]
    assert (p.shift, p.threshold, p.decay, p.u_decay) == (7, 6401, 4000, 3500)
    assert np.asarray(p.bias).tolist() == [7, -3]


@fixed
@given(
    seed=st.integers(0, 2**32 - 1), weight_width=st.sampled_from([2, 4, 8]), power=st.integers(0, 6)
)
def test_an_exact_network_is_exact(seed: int, weight_width: int, power: int) -> None:
    """The Program computes what the float network does, as long as no decay rounds."""
    rng = np.random.default_rng(seed)
    high = (1 << (weight_width - 1)) - 1
    weights = rng.integers(-high - 1, high + 1, (6, 5)) * (1 << power)
    net = network(
        weights.astype(float),
        profile="loihi",
        threshold=float(rng.integers(0, 3 * (high + 1) << power)),
        v_reset=float(rng.integers(0, 4)),
        v_init=0.0,
        bias=rng.integers(-9, 10, 5).astype(float),
        decay=np.array([0.0, 1.0, 1.0, 0.0, 1.0]),
    )
    program = quantise(net, weight_width=weight_width, state_width=24)
    spikes = rng.random((3, 8, 6)) < 0.5
    expected, got = simulate(net, spikes), golden.run(program, spikes)
    assert got.membrane is not None
    np.testing.assert_array_equal(got.spikes[0], expected.spikes[0])
    np.testing.assert_array_equal(got.membrane[0], expected.membrane[0])


@pytest.mark.parametrize(
    "net, widths, message",
    [
        (
            loihi(GRID),
            {"state_width": 16},
            "a network of profile 'loihi' has states of 24 bits; use a state_width of 24, not 16",
        ),
        (
            loihi(np.array([[-166.0, 255.0]])),
            {"state_width": 24},
            "projection 'w': weights must be kept exactly and are -166..255 times 2**6, but 8 bits "
            "hold -128..127",
        ),
        (
            loihi(np.array([[2.0, 4.0]])),
            {"state_width": 24, "weight_width": 2},
            "projection 'w': weights must be kept exactly and are 1..2 times 2**7, but 2 bits hold "
            "-2..1",
        ),
        (
            loihi(np.array([[0.5 / 64, 3.0]])),
            {"state_width": 24},
            "projection 'w': weights of an exact network must be whole numbers of 1, not 0.5",
        ),
        (
            loihi(GRID[:1], threshold=0.5),
            {"state_width": 24},
            "population 'a': threshold of an exact network must be a whole number, not 0.5",
        ),
        (
            loihi(GRID[:1], decay=0.7),
            {"state_width": 24},
            "population 'a': decay of an exact network must be a whole number of 1/4096, not "
            "2867.2",
        ),
        (
            loihi(GRID[:1], bias=9e6),
            {"state_width": 24},
            "population 'a': bias 9e+06 is 9000000 LSB of 1, but 24 bits hold -8388608..8388607; "
            "rescale the layer",
        ),
    ],
)
def test_refused_exact_networks(net: Network, widths: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        quantise(net, **widths)


def bounds(net: Network, program: Program, spikes: np.ndarray) -> np.ndarray:
    """How far an integer membrane may be from the float one, shape (samples, steps, neurons), in
    the units of ``net``, as long as the spikes agree and nothing saturates.

    Per step: the error so far times the decay; what the rounded decay differs from the true one,
    times the membrane; less than 1 LSB that the decay cuts off; half an LSB of the bias; the errors
    of the weights that met a spike; and half an LSB of the reset if there was a spike.
    """
    neurons, integers = net.populations[0], program.populations[0]
    real, weights = simulate(net, spikes), program.projections[0].weights
    assert isinstance(neurons.decay, float) and isinstance(integers.decay, int)
    scale = float(best_scale(net.projections[0].weights, program.weight_width))
    lsb = scale / (1 << integers.shift)
    wrong_weights = np.abs(weights * scale - net.projections[0].weights)
    wrong_decay = abs(neurons.decay - integers.decay / 4096)
    error = np.full((len(spikes), neurons.neurons), lsb / 2)
    before = np.full(error.shape, neurons.v_init)
    result = np.empty(real.membrane[0].shape)
    for step in range(spikes.shape[1]):
        error = integers.decay / 4096 * error + wrong_decay * np.abs(before) + 1.5 * lsb
        result[:, step] = error = error + spikes[:, step] @ wrong_weights
        error = error + lsb / 2 * real.spikes[0][:, step]
        before = real.membrane[0][:, step]
    return result * (1 + 1e-9)


@fixed
@given(
    seed=st.integers(0, 2**32 - 1),
    weight_width=st.sampled_from([4, 8]),
    decay=st.floats(0.0, 1.0),
    fraction_bits=st.none() | st.integers(0, 4),
    fires=st.booleans(),
)
def test_membranes_follow_the_float_network(
    seed: int, weight_width: int, decay: float, fraction_bits: int | None, fires: bool
) -> None:
    rng = np.random.default_rng(seed)
    net = network(
        rng.normal(size=(8, 6)),
        threshold=float(rng.uniform(1, 6)) if fires else np.inf,
        v_reset=float(rng.uniform(1, 6)),
        bias=rng.normal(size=6) / 5,
        v_init=float(rng.normal()),
        decay=decay,
    )
    program = quantise(net, weight_width=weight_width, state_width=24, fraction_bits=fraction_bits)
    spikes = rng.random((2, 15, 8)) < 0.4
    real, got = simulate(net, spikes), golden.run(program, spikes)
    assert got.membrane is not None and got.saturations is not None
    assert not got.saturations[0].any()
    lsb = best_scale(net.projections[0].weights, weight_width) / (1 << program.populations[0].shift)
    bound = bounds(net, program, spikes)
    differs = real.spikes[0] != got.spikes[0]
    before = np.cumsum(differs, axis=1) == 0
    after_reset = lsb / 2 * real.spikes[0]
    error = np.abs(got.membrane[0] * lsb - real.membrane[0])
    assert (error <= bound + after_reset)[before].all()
    # The first spike that differs is one of a membrane that was within the bound of the threshold.
    first = differs & (np.cumsum(differs, axis=1) == 1)
    membrane = real.membrane[0] + np.where(real.spikes[0], net.populations[0].v_reset, 0.0)
    distance = np.abs(membrane - net.populations[0].threshold)
    assert (distance <= bound + lsb / 2)[first].all()


def test_fraction_bits_make_a_leak_exact() -> None:
    """What the decay cuts off is a share of an LSB: the error falls by half with every bit."""
    rng = np.random.default_rng(2)
    net = network(rng.normal(size=(20, 10)), threshold=np.inf, decay=0.95, v_init=0.0)
    spikes = rng.random((5, 100, 20)) < 0.3
    exact = simulate(net, spikes).membrane[0]
    errors = []
    for bits in range(7):
        program = quantise(net, state_width=24, fraction_bits=bits)
        lsb = best_scale(net.projections[0].weights, 8) / (1 << bits)
        # The weights' own rounding is the same for all.
        ideal = simulate(
            network(
                program.projections[0].weights * lsb * (1 << bits), threshold=np.inf,
                decay=int(np.asarray(program.populations[0].decay)) / 4096, v_init=0.0,
            ),
            spikes,
        ).membrane[0]  # fmt: skip
        membrane = golden.run(program, spikes).membrane
        assert membrane is not None
        errors.append(np.abs(membrane[0] * lsb - ideal).mean())
    assert np.abs(exact).mean() > 10 * errors[3]
    ratios = np.array(errors[:-1]) / errors[1:]
    assert (ratios > 1.7).all() and (ratios < 2.3).all(), errors


def test_a_convolution_with_a_leak() -> None:
    rng = np.random.default_rng(0)
    population = Neurons(name="c", shape=Shape(3, 4, 4), threshold=1.0, v_reset=1.0, decay=0.9)
    kernel = rng.normal(size=(3, 2, 3, 3)) / 4
    net = Network(
        inputs=(Source("i", Shape(2, 6, 6)),),
        populations=(population,),
        projections=(Conv2d(name="k", source="i", target="c", weights=kernel),),
        outputs=("c",),
    )
    program = quantise(net)
    assert isinstance(program.projections[0], Conv2d)
    assert program.populations[0].shift > 0
    spikes = rng.random((4, 20, 72)) < 0.2
    real, got = simulate(net, spikes).spikes[0], golden.run(program, spikes).spikes[0]
    assert real.mean() > 0.1
    assert np.mean(real != got) < 0.05 * real.mean()
