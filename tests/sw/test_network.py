"""The float Network: what it refuses, and its simulation."""

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubel.hdl.program import Population, Program, Reset
from hubel.sim import golden
from hubel.sw.network import DenseProjection, LifPopulation, Network, simulate

# The same examples in every run.
fixed = settings(derandomize=True, deadline=None)


def population(name: str, neurons: int, /, **changes: Any) -> LifPopulation:
    fields: dict[str, Any] = {
        "name": name,
        "threshold": 1.0,
        "v_reset": 1.0,
        "bias": np.zeros(neurons),
        "v_init": np.zeros(neurons),
    }
    return LifPopulation(**{**fields, **changes})


def projection(name: str, source: str, target: str, weights: np.ndarray) -> DenseProjection:
    return DenseProjection(name=name, source=source, target=target, weights=weights)


def network(**changes: Any) -> Network:
    """3 inputs, populations "a" of 4 and "b" of 2; ``changes`` replace fields of the Network."""
    fields: dict[str, Any] = {
        "inputs": 3,
        "populations": (population("a", 4), population("b", 2)),
        "projections": (
            projection("to_a", "input", "a", np.ones((3, 4))),
            projection("to_b", "a", "b", np.ones((4, 2))),
        ),
    }
    return Network(**{**fields, **changes})


def with_a(**changes: Any) -> dict[str, Any]:
    """The Network's populations with a changed "a"."""
    return {"populations": (population("a", 4, **changes), population("b", 2))}


def with_weights(weights: np.ndarray) -> dict[str, Any]:
    """The Network's projections with other weights to "b"."""
    first, second = network().projections
    return {"projections": (first, projection(second.name, "a", "b", weights))}


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"populations": ()}, "a Network needs at least one population"),
        (
            {"projections": network().projections[:1]},
            "a chain needs one projection for each population, not 1 for 2",
        ),
        (
            with_weights(np.array([[np.nan, 1], [np.inf, 1], [1, 1], [1, 1]])),
            "projection 'to_b' to 'b': 2 of 8 weights are NaN or infinite",
        ),
        (with_weights(np.ones((5, 2))), "projection 'to_b' takes 5 inputs, but 'a' has 4"),
        (with_weights(np.ones((4, 3))), "projection 'to_b' feeds 3 neurons, but 'b' has 2"),
        (
            with_weights(np.ones(4)),
            "projection 'to_b': weights must have shape (inputs, neurons), not (4,)",
        ),
        ({"inputs": 2}, "projection 'to_a' takes 3 inputs, but 'input' has 2"),
        (
            {"projections": network().projections[::-1]},
            "projection 'to_b' goes from 'a' to 'b'; in this chain it must go from 'input' to 'a'",
        ),
        (with_a(name="b"), "two layers are named 'b'"),
        (with_a(name="to_a"), "two layers are named 'to_a'"),
        (with_a(name="a/b"), "a layer cannot be named 'a/b': reserved, empty or with '/'"),
        (with_a(name="output"), "a layer cannot be named 'output': reserved, empty or with '/'"),
        (
            with_a(bias=np.zeros((4, 1))),
            "population 'a': bias must have shape (neurons,), not (4, 1)",
        ),
        (with_a(v_init=np.zeros(3)), "population 'a': v_init must have shape (4,), not (3,)"),
        (
            with_a(bias=np.array([0, 0, 0, np.nan])),
            "population 'a': bias must be finite, not NaN or infinite",
        ),
        (with_a(threshold=np.inf), "population 'a': threshold must be finite, not NaN or infinite"),
        (with_a(threshold=-0.5), "population 'a': threshold must be 0 or more, not -0.5"),
        (with_a(decay=1.5), "population 'a': decay must be in 0..1, not 1.5"),
        (
            with_a(v_reset=-1.0),
            "population 'a': v_reset of a soft reset must be 0 or more, not -1.0",
        ),
    ],
)
def test_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        network(**changes)


def test_accepted() -> None:
    assert network().profile == "hubel"
    network(**with_a(reset=Reset.HARD, v_reset=-1.0, threshold=0.0, decay=0.0))


def test_simulate_in_the_order_of_the_contract() -> None:
    net = Network(
        inputs=2,
        populations=(
            population("soft", 1, decay=0.5, bias=np.array([0.25]), v_init=np.array([1.0])),
        ),
        projections=(projection("w", "input", "soft", np.array([[0.25], [4.0]])),),
    )
    spikes = np.array([[[True, False], [False, True], [False, False]]])
    trace = simulate(net, spikes)
    # 1 / 2 + 0.25 + 0.25 = 1 is not above the threshold; 0.5 + 4 + 0.25 is; 3.75 / 2 + 0.25 too.
    assert trace.spikes[0][0, :, 0].tolist() == [False, True, True]
    assert trace.membrane[0][0, :, 0].tolist() == [1.0, 3.75, 1.125]


@fixed
@given(
    seed=st.integers(0, 2**32 - 1),
    decay=st.sampled_from([0.0, 1.0]),
    reset=st.sampled_from(list(Reset)),
)
def test_equals_the_golden_model_on_whole_numbers(seed: int, decay: float, reset: Reset) -> None:
    rng = np.random.default_rng(seed)
    sizes = [5, 7, 4]
    weights = [rng.integers(-8, 8, size=shape) for shape in ((5, 7), (7, 4))]
    integers = [
        {
            "bias": rng.integers(-3, 4, size=n),
            "v_init": rng.integers(-9, 10, size=n),
            "threshold": int(rng.integers(0, 12)),
            "v_reset": int(rng.integers(0, 12)),
            "reset": reset,
        }
        for n in sizes[1:]
    ]
    program = Program(
        populations=tuple(
            Population(name=name, weights=w, decay=int(4096 * decay), **fields)
            for name, w, fields in zip("ab", weights, integers, strict=True)
        )
    )
    net = network(
        inputs=5,
        populations=tuple(
            population(name, n, decay=decay, **fields)
            for name, n, fields in zip("ab", sizes[1:], integers, strict=True)
        ),
        projections=(
            projection("to_a", "input", "a", weights[0].astype(float)),
            projection("to_b", "a", "b", weights[1].astype(float)),
        ),
    )
    spikes = rng.random((3, 9, 5)) < 0.5
    expected, got = golden.run(program, spikes), simulate(net, spikes)
    assert expected.membrane is not None
    for i in range(2):
        np.testing.assert_array_equal(got.spikes[i], expected.spikes[i])
        np.testing.assert_array_equal(got.membrane[i], expected.membrane[i])


@pytest.mark.parametrize("shape", [(4, 3), (1, 4, 2)])
def test_simulate_refuses_shapes(shape: tuple[int, ...]) -> None:
    message = f"spikes must have shape (samples, steps, 3), not {shape}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        simulate(network(), np.zeros(shape, dtype=np.bool_))
