"""Delays of several steps, as relays."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubel.hdl.program import Dense, Program, Shape, Source, Sparse
from hubel.sim import golden
from hubel.sw.network import Network, Neurons
from hubel.sw.quantise import quantise
from hubel.sw.relays import lower_delays, relay_names
from hubel.sw.simulate import simulate

# The same examples in every run.
fixed = settings(derandomize=True, deadline=None, max_examples=60)


def dense(name: str, source: str, target: str, weights: np.ndarray, delay: int) -> Dense:
    return Dense(name=name, source=source, target=target, weights=weights, delay=delay)


def network(delays: tuple[int, int, int, int], seed: int = 0, **changes: Any) -> Network:
    """Two inputs, "a" and "b": i to a, j to b, a to b and b back to a, whole numbers."""
    rng = np.random.default_rng(seed)
    shapes = {"i": Shape(2, 2, 3), "j": Shape(3), "a": Shape(4), "b": Shape(2, 1, 2)}
    pairs = [("i", "a"), ("j", "b"), ("a", "b"), ("b", "a")]
    fields: dict[str, Any] = {"threshold": 3.0, "v_reset": 2.0}
    return Network(
        inputs=tuple(Source(name, shapes[name]) for name in "ij"),
        populations=tuple(Neurons(name=name, shape=shapes[name], **fields) for name in "ab"),
        projections=tuple(
            dense(
                f"{source} to {target}",
                source,
                target,
                rng.integers(-3, 5, (shapes[source].neurons, shapes[target].neurons)) * 1.0,
                delay,
            )
            for (source, target), delay in zip(pairs, delays, strict=True)
        ),
        outputs=("b", "a"),
        profile="loihi",
        **changes,
    )


def test_without_long_delays_nothing_changes() -> None:
    net = network((0, 1, 0, 1))
    assert lower_delays(net) is net
    assert relay_names(quantise(net, state_width=24)) == frozenset()


def test_relays_stand_behind_their_source_and_are_shared() -> None:
    net = network((3, 0, 2, 3))
    extra = dense("again", "b", "b", np.eye(4), 2)
    net = Network(**{**vars(net), "projections": (*net.projections, extra)})
    lowered = lower_delays(net)
    assert [p.name for p in lowered.populations] == ["i+1", "i+2", "a", "a+1", "b", "b+1", "b+2"]
    sources = {p.name: (p.source, p.delay) for p in lowered.projections}
    assert sources == {
        "relay i+1": ("i", 1),
        "relay i+2": ("i+1", 1),
        "i to a": ("i+2", 1),
        "j to b": ("j", 0),
        "relay a+1": ("a", 1),
        "a to b": ("a+1", 1),
        "relay b+1": ("b", 1),
        "relay b+2": ("b+1", 1),
        "b to a": ("b+2", 1),
        "again": ("b+1", 1),
    }
    assert lowered.shape_of("i+2") == Shape(2, 2, 3)
    assert lowered.outputs == ("b", "a")


@fixed
@given(
    seed=st.integers(0, 2**32 - 1),
    delays=st.tuples(st.integers(0, 4), st.integers(0, 3), st.integers(0, 3), st.integers(1, 5)),
)
def test_relays_are_delays(seed: int, delays: tuple[int, int, int, int]) -> None:
    """The Program with relays does what the float network does with delays."""
    net = network(delays, seed)
    program = quantise(net, state_width=24)
    assert all(p.delay <= 1 for p in program.projections)
    spikes = np.random.default_rng(seed).random((3, 12, net.input_neurons)) < 0.4
    expected, got = simulate(net, spikes), golden.run(program, spikes)
    relays = relay_names(program)
    assert len(relays) == sum(max(0, delay - 1) for delay in delays)
    kept = [i for i, p in enumerate(program.populations) if p.name not in relays]
    assert [program.populations[i].name for i in kept] == ["a", "b"]
    assert got.membrane is not None
    for i, spikes_of, membrane in zip(kept, expected.spikes, expected.membrane, strict=True):
        np.testing.assert_array_equal(got.spikes[i], spikes_of)
        np.testing.assert_array_equal(got.membrane[i], membrane)


@pytest.mark.parametrize("weight_width", [2, 4, 8])
def test_a_relay_repeats_its_axon(weight_width: int) -> None:
    """Of a network that is rounded, too, and whatever the width of the weights."""
    net = Network(
        inputs=(Source("i", Shape(3, 2, 2)),),
        populations=(Neurons(name="a", shape=Shape(2), threshold=1.0, decay=0.5),),
        projections=(dense("w", "i", "a", np.ones((12, 2)), 3),),
        outputs=("a",),
    )
    program = quantise(net, weight_width=weight_width)
    assert isinstance(program.projections[0], Sparse)
    spikes = np.random.default_rng(0).random((2, 9, 12)) < 0.5
    trace = golden.run(program, spikes)
    assert trace.saturations is not None and trace.membrane is not None
    for number, delay in ((0, 1), (1, 2)):
        assert program.populations[number].name == f"i+{delay}"
        np.testing.assert_array_equal(trace.spikes[number][:, delay:], spikes[:, :-delay])
        assert not trace.spikes[number][:, :delay].any()
        assert not trace.membrane[number].any()


def test_a_name_that_is_taken() -> None:
    net = Network(
        inputs=(Source("i", Shape(1)),),
        populations=(Neurons(name="i+1", shape=Shape(1), threshold=1.0),),
        projections=(dense("w", "i", "i+1", np.ones((1, 1)), 2),),
        outputs=("i+1",),
    )
    with pytest.raises(ValueError, match=r"^two layers are named 'i\+1'$"):
        quantise(net)


def test_a_population_that_only_sounds_like_a_relay_is_none() -> None:
    net = Network(
        inputs=(Source("i", Shape(1)),),
        populations=(Neurons(name="i+1", shape=Shape(1), threshold=1.0),),
        projections=(dense("w", "i", "i+1", np.ones((1, 1)), 1),),
        outputs=("i+1",),
    )
    program: Program = quantise(net)
    assert relay_names(program) == frozenset()
