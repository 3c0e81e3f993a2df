"""The float Network: what it refuses, and its simulation."""

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from programs import GRAPH_FEATURES, NEURON_FEATURES, random_program, random_spikes

from hubel.hdl.program import Dense, Population, Program, Reset, Shape, Source
from hubel.sim import golden
from hubel.sw.network import Network, Neurons
from hubel.sw.simulate import simulate

# The same examples in every run.
fixed = settings(derandomize=True, deadline=None)


def population(name: str, neurons: int, /, **changes: Any) -> Neurons:
    fields: dict[str, Any] = {
        "name": name,
        "shape": Shape(neurons),
        "threshold": 1.0,
        "v_reset": 1.0,
    }
    return Neurons(**{**fields, **changes})


def projection(name: str, source: str, target: str, weights: np.ndarray, delay: int = 0) -> Dense:
    return Dense(name=name, source=source, target=target, weights=weights, delay=delay)


def network(**changes: Any) -> Network:
    """3 inputs, populations "a" of 4 and "b" of 2; ``changes`` replace fields of the Network."""
    fields: dict[str, Any] = {
        "inputs": (Source("input", Shape(3)),),
        "populations": (population("a", 4), population("b", 2)),
        "projections": (
            projection("to_a", "input", "a", np.ones((3, 4))),
            projection("to_b", "a", "b", np.ones((4, 2))),
        ),
        "outputs": ("b",),
    }
    return Network(**{**fields, **changes})


def with_a(**changes: Any) -> dict[str, Any]:
    """The Network's populations with a changed "a"."""
    return {"populations": (population("a", 4, **changes), population("b", 2))}


def with_weights(weights: np.ndarray) -> dict[str, Any]:
    """The Network's projections with other weights to "b"."""
    first, second = network().projections
    return {"projections": (first, projection(second.name, "a", "b", weights))}


def with_also(source: str, target: str, delay: Any = 0) -> dict[str, Any]:
    """The Network's projections and one more."""
    also = projection("also", source, target, np.ones((4, 4)), delay)
    return {"projections": (*network().projections, also)}


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"populations": ()}, "a Network needs at least one input and one population"),
        ({"inputs": ()}, "a Network needs at least one input and one population"),
        (
            {"projections": network().projections[:1]},
            "population 'b' is fed by no projection",
        ),
        ({"outputs": ()}, "a Network needs at least one output"),
        ({"outputs": ("input",)}, "output 'input' is no population"),
        ({"outputs": ("c",)}, "output 'c' is no population"),
        (
            with_weights(np.array([[np.nan, 1], [np.inf, 1], [1, 1], [1, 1]])),
            "projection 'to_b' to 'b': 2 of 8 weights are NaN or infinite",
        ),
        (
            with_weights(np.ones((5, 2))),
            "projection 'to_b' from 'a' to 'b': weights must have shape (axons, neurons) = "
            "(4, 2), not (5, 2)",
        ),
        (
            with_weights(np.ones((4, 3))),
            "projection 'to_b' from 'a' to 'b': weights must have shape (axons, neurons) = "
            "(4, 2), not (4, 3)",
        ),
        (
            with_weights(np.ones(4)),
            "projection 'to_b' from 'a' to 'b': weights must have shape (axons, neurons) = "
            "(4, 2), not (4,)",
        ),
        (
            {"inputs": (Source("input", Shape(2)),)},
            "projection 'to_a' from 'input' to 'a': weights must have shape (axons, neurons) = "
            "(2, 4), not (3, 4)",
        ),
        (with_also("c", "a"), "projection 'also': there is no input or population 'c'"),
        (with_also("a", "c"), "projection 'also': there is no input or population 'c'"),
        (with_also("a", "input"), "projection 'also' ends in the input 'input'"),
        (
            with_also("a", "a"),
            "projection 'also': without a delay it must go to a later population, not from 'a' to "
            "'a'",
        ),
        (
            with_also("b", "a"),
            "projection 'also': without a delay it must go to a later population, not from 'b' to "
            "'a'",
        ),
        (
            with_also("a", "a", -1),
            "projection 'also': delay must be 0 or more steps, not -1",
        ),
        (
            with_also("a", "a", 1.0),
            "projection 'also': delay must be 0 or more steps, not 1.0",
        ),
        (with_a(name="b"), "two layers are named 'b'"),
        (with_a(name="to_a"), "two layers are named 'to_a'"),
        (with_a(name="input"), "two layers are named 'input'"),
        (with_a(name="a/b"), "a layer cannot be named 'a/b': reserved, empty or with '/'"),
        (with_a(name=""), "a layer cannot be named '': reserved, empty or with '/'"),
        (with_a(name=".."), "a layer cannot be named '..': reserved, empty or with '/'"),
        (
            with_a(bias=np.zeros((4, 1))),
            "population 'a': bias must have shape (4,), not (4, 1)",
        ),
        (with_a(v_init=np.zeros(3)), "population 'a': v_init must have shape (4,), not (3,)"),
        (with_a(bias=np.array([0, 0, 0, np.nan])), "population 'a': bias is NaN"),
        (with_a(threshold=np.nan), "population 'a': threshold is NaN"),
        (with_a(bias=np.array([0, 0, 0, np.inf])), "population 'a': bias must be finite"),
        (with_a(v_min=-np.inf), "population 'a': v_min must be finite"),
        (
            with_a(threshold=-0.5),
            "population 'a': threshold of a soft reset must be 0 or more, not -0.5",
        ),
        (
            with_a(threshold=np.array([1.0, 2.0, -0.5, 0.0])),
            "population 'a': threshold of a soft reset must be 0 or more, not -0.5..2",
        ),
        (with_a(decay=1.5), "population 'a': decay must be in 0..1, not 1.5"),
        (
            with_a(u_decay=np.array([0.5, -0.25, 1.0, 0.0])),
            "population 'a': u_decay must be in 0..1, not -0.25..1",
        ),
        (with_a(a_decay=-0.5), "population 'a': a_decay must be in 0..1, not -0.5"),
        (
            with_a(v_reset=-1.0),
            "population 'a': v_reset of a soft reset must be 0 or more, not -1",
        ),
        (with_a(a_step=-1.0), "population 'a': a_step and refractory must be 0 or more"),
        (with_a(refractory=-1), "population 'a': a_step and refractory must be 0 or more"),
    ],
)
def test_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        network(**changes)


def test_accepted() -> None:
    assert network().profile == "hubel"
    network(**with_a(reset=Reset.HARD, v_reset=-1.0, threshold=-3.0, decay=0.0))
    network(**with_also("a", "a", 1))
    network(**with_also("a", "a", 7))
    net = network(**with_a(threshold=np.inf))
    assert [p.fires for p in net.populations] == [False, True]
    assert net.describe() == "3-4-2"
    assert net.input_neurons == 3
    assert [p.name for p in net.into("b")] == ["to_b"]


def test_simulate_in_the_order_of_the_contract() -> None:
    net = Network(
        inputs=(Source("input", Shape(2)),),
        populations=(population("soft", 1, decay=0.5, bias=0.25, v_init=np.array([1.0])),),
        projections=(projection("w", "input", "soft", np.array([[0.25], [4.0]])),),
        outputs=("soft",),
    )
    spikes = np.array([[[True, False], [False, True], [False, False]]])
    trace = simulate(net, spikes)
    # 1 / 2 + 0.25 + 0.25 = 1 is not above the threshold; 0.5 + 4 + 0.25 is; 3.75 / 2 + 0.25 too.
    assert trace.spikes[0][0, :, 0].tolist() == [False, True, True]
    assert trace.membrane[0][0, :, 0].tolist() == [1.0, 3.75, 1.125]
    assert trace.current == (None,)


def test_at_the_threshold() -> None:
    for at_threshold in (False, True):
        net = network(
            populations=(population("a", 4, at_threshold=at_threshold, threshold=3.0),),
            projections=network().projections[:1],
            outputs=("a",),
        )
        trace = simulate(net, np.ones((1, 1, 3), dtype=np.bool_))
        assert trace.spikes[0].all() == trace.spikes[0].any() == at_threshold


def as_float(program: Program) -> Network:
    """The Network of the same whole numbers."""

    def real(value: Any) -> Any:
        return value * 1.0 if isinstance(value, (int, np.ndarray)) else value

    populations, projections = [], []
    for p in program.populations:
        fields = {
            what: real(getattr(p, what))
            for what in ("threshold", "v_reset", "bias", "v_init", "v_min", "u_init", "a_step")
        }
        fields |= {
            what: None if getattr(p, what) is None else getattr(p, what) / 4096
            for what in ("decay", "u_decay", "a_decay")
        }
        fields |= {"refractory": p.refractory, "reset": p.reset}
        populations.append(Neurons(name=p.name, shape=p.shape, **fields))
        for q in program.into(p.name):
            projections.append(q.with_weights(q.weights * float(1 << p.shift)))
    return Network(
        inputs=program.inputs,
        populations=tuple(populations),
        projections=tuple(projections),
        outputs=program.outputs,
    )


@settings(derandomize=True, deadline=None, max_examples=150)
@given(seed=st.integers(0, 2**32 - 1))
def test_equals_the_golden_model_on_whole_numbers(seed: int) -> None:
    """Every kind of projection, delay and neuron, as long as no decay rounds and no state is
    clipped."""
    rng = np.random.default_rng(seed)
    features = GRAPH_FEATURES | NEURON_FEATURES - {"wrap"}
    count = int(rng.integers(1, 4))
    program = random_program(rng, features=features, populations=count, state_width=24)
    exact = tuple(_without_rounding(rng, p) for p in program.populations)
    program = replace(program, populations=exact)
    spikes = random_spikes(rng, program)
    expected, got = golden.run(program, spikes), simulate(as_float(program), spikes)
    assert expected.membrane is not None and expected.saturations is not None
    assert expected.current is not None and expected.adaptation is not None
    high = (1 << 23) - 1
    assume(not any(s.any() for s in expected.saturations))
    for states in (*expected.current, *expected.adaptation):
        assume(states is None or (-high - 1 < states.min() and states.max() < high))
    for i in range(len(program.populations)):
        np.testing.assert_array_equal(got.spikes[i], expected.spikes[i])
        np.testing.assert_array_equal(got.membrane[i], expected.membrane[i])
        current = expected.current[i]
        assert (got.current[i] is None) == (current is None)
        if current is not None:
            np.testing.assert_array_equal(got.current[i], current)


def _without_rounding(rng: np.random.Generator, p: Population) -> Population:
    """``p`` with decays of all or nothing."""

    def factor(value: Any) -> Any:
        return value if value is None else int(rng.choice([0, 4096]))

    factors = {what: factor(getattr(p, what)) for what in ("decay", "u_decay", "a_decay")}
    return replace(p, **factors)


@pytest.mark.parametrize("shape", [(4, 3), (1, 4, 2)])
def test_simulate_refuses_shapes(shape: tuple[int, ...]) -> None:
    message = f"spikes must have shape (samples, steps, 3), not {shape}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        simulate(network(), np.zeros(shape, dtype=np.bool_))
