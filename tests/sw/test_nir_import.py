"""Graphs of other tools: what they become, compared with a plain step-by-step reference."""

import re
from itertools import pairwise
from typing import Any

import nir
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sw.nir_reference import run

from hubel.hdl.program import Conv2d, Dense, Reset, Sparse
from hubel.sw.network import Network
from hubel.sw.nir import PROFILES, from_nir, load_nir
from hubel.sw.simulate import simulate

# The same examples in every run.
fixed = settings(derandomize=True, deadline=None, max_examples=60)

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def seeded() -> None:
    """The same numbers, whatever ran before."""
    seed(0)


def seed(number: int) -> None:
    RNG.bit_generator.state = np.random.default_rng(number).bit_generator.state


def graph(nodes: dict[str, nir.NIRNode], edges: list[tuple[str, str]] | None = None):
    """A graph; a chain if no edges are given."""
    names = list(nodes)
    edges = list(pairwise(names)) if edges is None else edges
    return nir.NIRGraph(nodes=nodes, edges=edges, type_check=False)


def weights(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape)


def source(*shape: int) -> nir.Input:
    return nir.Input({"input": np.array(shape)})


def output(*shape: int) -> nir.Output:
    return nir.Output({"output": np.array(shape)})


def flatten() -> nir.Flatten:
    """To one dimension; its shape is not said."""
    return nir.Flatten({"input": None}, start_dim=0)  # pyright: ignore[reportArgumentType]


def lif(*shape: int, threshold: float = 0.4) -> nir.LIF:
    """LIF neurons with parameters of their own; dt = 0.5 fits."""
    return nir.LIF(
        tau=RNG.uniform(1, 5, shape),
        r=RNG.uniform(0.5, 4, shape),
        v_leak=RNG.normal(size=shape) * 0.1,
        v_threshold=np.full(shape, threshold),
        v_reset=RNG.normal(size=shape) * 0.1,
    )


def same_lif(*shape: int) -> nir.LIF:
    """LIF neurons that are all the same."""
    one = np.ones(shape)
    return nir.LIF(tau=2 * one, r=3 * one, v_leak=0 * one, v_threshold=0.4 * one, v_reset=0 * one)


def check(
    g: nir.NIRGraph, *, dt: float = 0.5, profile: str = "nir", steps: int = 25, rate: float = 0.4
) -> Network:
    """The Network of ``g`` does what the reference does; return it."""
    network = from_nir(g, profile=profile, dt=dt)
    rng = np.random.default_rng(1)
    spikes = {s.name: rng.random((steps, s.shape.neurons)) < rate for s in network.inputs}
    trace = simulate(network, np.concatenate(list(spikes.values()), axis=1)[None])
    shaped = {
        name: value.reshape(steps, *np.ravel(g.nodes[name].input_type["input"]))
        for name, value in spikes.items()
    }
    wanted = run(g, shaped, dt=dt, profile=profile)
    for population, z, v in zip(network.populations, trace.spikes, trace.membrane, strict=True):
        np.testing.assert_allclose(
            v[0], wanted[population.name][1], rtol=1e-9, atol=1e-9, err_msg=population.name
        )
        if population.fires:
            np.testing.assert_array_equal(z[0], wanted[population.name][0], population.name)
    fired = [z for z, p in zip(trace.spikes, network.populations, strict=True) if p.fires]
    assert not fired or any(z.any() and not z.all() for z in fired)
    assert all(v.any() for v in trace.membrane)
    return network


def kinds(network: Network) -> list[type]:
    return [type(p) for p in network.projections]


def test_dense_chain() -> None:
    g = graph(
        {
            "input": source(6),
            "a": nir.Affine(weights(5, 6), weights(5) * 0.2),
            "b": lif(5),
            "c": nir.Linear(weights(4, 5)),
            "d": lif(4),
            "output": output(4),
        }
    )
    network = check(g)
    assert kinds(network) == [Dense, Dense] and network.outputs == ("d",)
    assert [p.name for p in network.projections] == ["a", "c"]
    assert (network.profile, network.dt) == ("nir", 0.5)


def test_nodes_come_in_any_order() -> None:
    chain = {"z": source(3), "y": nir.Linear(weights(3, 3)), "x": lif(3), "w": output(3)}
    g = graph(chain)
    shuffled = graph({name: chain[name] for name in sorted(chain)}, g.edges)
    a, b = (from_nir(each, profile="nir", dt=0.5) for each in (g, shuffled))
    np.testing.assert_array_equal(a.projections[0].weights, b.projections[0].weights)
    assert (a.describe(), a.outputs) == (b.describe(), b.outputs) == ("3-3", ("x",))


CONVS = st.fixed_dictionaries(
    {
        "kernel": st.tuples(st.integers(1, 3), st.integers(1, 4)),
        "stride": st.sampled_from([1, 2, (1, 2), (2, 3)]),
        "padding": st.sampled_from([0, 1, (2, 0), (1, 2), "same", "valid"]),
        "dilation": st.sampled_from([1, (2, 1), (1, 2)]),
        "groups": st.sampled_from([1, 2]),
        "pool": st.sampled_from([None, nir.SumPool2d, nir.AvgPool2d]),
    }
)


def conv(said: dict[str, Any], inputs: int = 2, outputs: int = 4) -> nir.Conv2d:
    return nir.Conv2d(
        input_shape=None,
        weight=weights(outputs, inputs // said["groups"], *said["kernel"]),
        stride=said["stride"],
        padding=said["padding"],
        dilation=said["dilation"],
        groups=said["groups"],
        bias=weights(outputs) * 0.1,
    )


@fixed
@given(said=CONVS)
def test_convolutions(said: dict[str, Any]) -> None:
    """Every geometry that torch has stays a convolution, after a pooling without overlap."""
    assume(said["padding"] != "same" or said["stride"] == 1)
    seed(0)
    nodes: dict[str, nir.NIRNode] = {"input": source(2, 10, 13)}
    if said["pool"] is not None:
        size = np.array([2, 1])
        nodes["pool"] = said["pool"](kernel_size=size, stride=size, padding=np.array([0, 0]))
    nodes["conv"] = conv(said)
    # One value for all neurons: it fits any shape.
    one = np.ones(1)
    nodes["if"] = nir.IF(r=2 * one, v_threshold=0.7 * one, v_reset=0.1 * one)
    nodes["output"] = output(1)
    network = check(graph(nodes), steps=8)
    assert kinds(network) == [Conv2d]


def test_one_dimension() -> None:
    conv1 = nir.Conv1d(
        input_shape=None, weight=weights(4, 1, 3), stride=2, padding=1, dilation=2, groups=2,
        bias=weights(4) * 0.1,
    )  # fmt: skip
    nodes = {"input": source(2, 11), "conv": conv1, "lif": same_lif(4, 5), "output": output(4, 5)}
    network = check(graph(nodes))
    assert kinds(network) == [Conv2d] and network.describe() == "2x1x11-4x1x5"


def test_flatten_and_pool_before_dense() -> None:
    nodes = {
        "input": source(2, 5, 6),
        "pool": nir.AvgPool2d(np.array([2, 3]), np.array([2, 3]), np.array([0, 0])),
        "flatten": flatten(),
        "dense": nir.Linear(weights(7, 8)),
        "lif": lif(7),
        "output": output(7),
    }
    network = check(graph(nodes))
    (dense,) = network.projections
    assert isinstance(dense, Dense) and dense.pool == (2, 3)


def test_a_convolution_that_is_flattened_stays_one() -> None:
    nodes = {
        "input": source(2, 5, 5),
        "conv": conv(
            {"kernel": (3, 3), "stride": 1, "padding": 0, "dilation": 1, "groups": 1}, 2, 3
        ),
        "flatten": flatten(),
        "lif": same_lif(27),
        "dense": nir.Linear(weights(4, 27)),
        "lif2": lif(4),
        "output": output(4),
    }
    network = check(graph(nodes))
    assert kinds(network) == [Conv2d, Dense] and network.describe() == "2x5x5-3x3x3-4"


def pool(kernel: int, stride: int, padding: int = 0) -> nir.SumPool2d:
    return nir.SumPool2d(*(np.array([v, v]) for v in (kernel, stride, padding)))


PLAIN = {"kernel": (3, 2), "stride": 1, "padding": 1, "dilation": 1, "groups": 1}


@pytest.mark.parametrize(
    "middle, shape, expected",
    [
        ({"p": pool(3, 2)}, (2, 2, 2), Sparse),
        ({"p": pool(2, 2)}, (2, 3, 3), Sparse),
        ({"p": pool(3, 3, 1)}, (2, 2, 2), Sparse),
        ({"p": pool(2, 2), "q": pool(3, 1)}, (2, 1, 1), Sparse),
        ({"p": pool(2, 1), "c": conv(PLAIN)}, (4, 5, 6), Sparse),
        ({"c": conv(PLAIN), "d": conv(PLAIN, 4, 3)}, (3, 6, 8), Sparse),
        ({"s": nir.Scale(weights(2, 6, 6))}, (2, 6, 6), Sparse),
        ({"s": nir.Scale(weights(2, 1, 1)), "c": conv(PLAIN)}, (4, 6, 7), Conv2d),
        ({"s": nir.Scale(weights(2, 6, 6)), "c": conv(PLAIN)}, (4, 6, 7), Sparse),
        ({"c": conv(PLAIN), "s": nir.Scale(weights(4, 1, 1))}, (4, 6, 7), Conv2d),
        ({"c": conv(PLAIN), "s": nir.Scale(weights(4, 6, 7))}, (4, 6, 7), Sparse),
        ({"s": nir.Scale(np.array(0.5)), "p": pool(2, 2), "c": conv(PLAIN)}, (4, 3, 4), Conv2d),
        ({}, (2, 6, 6), Sparse),
        (
            {"f": flatten(), "a": nir.Linear(weights(5, 72)),
             "s": nir.Scale(weights(5)), "b": nir.Affine(weights(6, 5), weights(6))},
            (6,), Dense,
        ),
        (
            {"c": conv(PLAIN), "f": flatten(),
             "a": nir.Affine(weights(5, 168), weights(5) * 0.1)},
            (5,), Dense,
        ),
    ],
)  # fmt: skip
def test_composed(middle: dict[str, nir.NIRNode], shape: tuple[int, ...], expected: type) -> None:
    """Whatever is linear between two populations becomes one projection, biases pushed through."""
    one = np.ones(shape)
    # A readout shows every number that arrives.
    readout = nir.LI(tau=2 * one, r=3 * one, v_leak=0 * one)
    nodes = {"input": source(2, 6, 6), **middle, "li": readout, "output": output(*shape)}
    assert kinds(check(graph(nodes))) == [expected]


def test_neurons_of_their_own_behind_a_convolution() -> None:
    """Gains that differ within a channel cannot be folded into a kernel."""
    nodes = {
        "input": source(2, 6, 6), "c": conv(PLAIN), "lif": lif(4, 6, 7), "output": output(4, 6, 7)
    }  # fmt: skip
    assert kinds(check(graph(nodes))) == [Sparse]


def cuba(*shape: int) -> nir.CubaLIF:
    return nir.CubaLIF(
        tau_syn=RNG.uniform(1, 3, shape), tau_mem=RNG.uniform(1, 5, shape),
        r=RNG.uniform(1, 3, shape), v_leak=RNG.normal(size=shape) * 0.1,
        w_in=RNG.uniform(1, 3, shape), v_threshold=np.full(shape, 0.5),
    )  # fmt: skip


def test_currents_and_readouts() -> None:
    """CUBA neurons with a bias into their current, and every kind of readout."""
    one = np.ones(3)
    g = graph(
        {
            "input": source(5),
            "a": nir.Affine(weights(6, 5), weights(6) * 0.3),
            "cuba": cuba(6),
            "b": nir.Affine(weights(3, 6), weights(3)),
            "li": nir.LI(tau=3 * one, r=2 * one, v_leak=0.2 * one),
            "i": nir.I(r=0.5 * one),
            "cubali": nir.CubaLI(tau_syn=2 * one, tau_mem=4 * one, r=one, v_leak=0.1 * one),
            "threshold": nir.Threshold(threshold=np.array([0.1, 0.2, -0.1])),
            "o1": output(3), "o2": output(3), "o3": output(3), "o4": output(3),
        },
        [("input", "a"), ("a", "cuba"), ("cuba", "b"), ("b", "li"), ("b", "i"), ("b", "cubali"),
         ("b", "threshold"), ("li", "o1"), ("i", "o2"), ("cubali", "o3"), ("threshold", "o4")],
    )  # fmt: skip
    network = check(g)
    assert network.outputs == ("li", "i", "cubali", "threshold")
    names = {p.name for p in network.projections}
    assert names >= {"a", "b"} and len(names) == 5


def test_recurrence_adds_and_inputs() -> None:
    """Cycles take a step; edges into one node add; there may be several inputs."""
    g = graph(
        {
            "left": source(4), "right": source(3),
            "a": nir.Affine(weights(5, 4), weights(5) * 0.1), "b": nir.Linear(weights(5, 3)),
            "lif": lif(5), "rec": nir.Affine(weights(5, 5), weights(5) * 0.1),
            "c": nir.Linear(weights(4, 5)), "lif2": lif(4), "back": nir.Linear(weights(5, 4)),
            "output": output(4),
        },
        [("left", "a"), ("right", "b"), ("a", "lif"), ("b", "lif"), ("lif", "rec"), ("rec", "lif"),
         ("lif", "c"), ("c", "lif2"), ("lif2", "back"), ("back", "lif"), ("lif2", "output")],
    )  # fmt: skip
    # The reference takes nodes in their order: what leads back comes from the step before.
    order = ["left", "right", "a", "b", "lif", "c", "lif2", "output"]
    late = {"rec": "lif", "back": "lif"}
    network = from_nir(g, profile="nir", dt=0.5)
    assert {p.name: p.delay for p in network.projections} == {
        "a": 0, "b": 0, "c": 0, "rec": 1, "back": 1
    }  # fmt: skip
    # Linear nodes of a cycle stand after the neurons, so that what they give is a step old.
    nodes = {name: g.nodes[name] for name in [*order, *late]}
    rng = np.random.default_rng(1)
    spikes = {"left": rng.random((25, 4)) < 0.4, "right": rng.random((25, 3)) < 0.4}
    trace = simulate(network, np.concatenate([*spikes.values()], axis=1)[None])
    # A bias is there from the first step on; the reference would have it a step late.
    rec = g.nodes["rec"]
    assert isinstance(rec, nir.Affine)
    nodes["rec"] = nir.Linear(rec.weight)
    first = g.nodes["a"]
    assert isinstance(first, nir.Affine)
    nodes["a"] = nir.Affine(first.weight, first.bias + rec.bias)
    wanted = run(graph(nodes, g.edges), spikes, dt=0.5)
    for population, z, v in zip(network.populations, trace.spikes, trace.membrane, strict=True):
        np.testing.assert_allclose(v[0], wanted[population.name][1], atol=1e-9)
        assert z.any() and not z.all()


def test_paths_that_meet() -> None:
    """The same source twice: two dense layers stay apart, a plain edge becomes sparse."""
    g = graph(
        {
            "input": source(5), "a": nir.Linear(weights(5, 5)), "b": nir.Linear(weights(5, 5)),
            "s": nir.Scale(weights(5)), "lif": lif(5), "output": output(5),
        },
        [("input", "a"), ("input", "b"), ("a", "lif"), ("b", "lif"), ("input", "lif"),
         ("input", "s"), ("s", "lif"), ("lif", "output")],
    )  # fmt: skip
    assert sorted(k.__name__ for k in kinds(check(g))) == ["Dense", "Dense", "Sparse"]


def test_many_paths_are_added_up_on_the_way() -> None:
    """2^40 paths through 40 pairs of Flatten nodes."""
    nodes: dict[str, nir.NIRNode] = {"input": source(3)}
    edges, last = [], ["input"]
    for i in range(40):
        pair = [f"{i}a", f"{i}b"]
        nodes |= {name: nir.Scale(np.array(0.5)) for name in pair}
        edges += [(a, b) for a in last for b in pair]
        last = pair
    nodes |= {"i": nir.I(r=np.ones(3)), "output": output(3)}
    network = from_nir(graph(nodes, [*edges, *((a, "i") for a in last), ("i", "output")]),
                       profile="nir", dt=1)  # fmt: skip
    np.testing.assert_array_equal(network.projections[0].weights, np.ones(3))


def test_delays() -> None:
    one = np.ones(4)
    nodes = {
        "input": source(4), "d": nir.Delay(delay=1.5 * one), "a": nir.Linear(weights(4, 4)),
        "e": nir.Delay(delay=np.array(0.5)), "lif": lif(4), "output": output(4),
    }  # fmt: skip
    network = check(graph(nodes))
    assert [p.delay for p in network.projections] == [4]


def test_a_delay_in_a_cycle_is_what_it_says() -> None:
    nodes = {
        "input": source(4), "a": nir.Linear(np.eye(4)), "lif": lif(4),
        "d": nir.Delay(delay=np.full(4, 1.0)), "r": nir.Linear(weights(4, 4)), "output": output(4),
    }  # fmt: skip
    edges = [("input", "a"), ("a", "lif"), ("lif", "d"), ("d", "r"), ("r", "lif"),
             ("lif", "output")]  # fmt: skip
    network = from_nir(graph(nodes, edges), profile="nir", dt=0.5)
    assert {p.name: p.delay for p in network.projections} == {"a": 0, "r": 2}


def test_nested_graphs() -> None:
    inner = graph(
        {"in": source(5), "lif": lif(5), "w": nir.Linear(weights(5, 5)), "out": output(5)},
        [("in", "lif"), ("lif", "w"), ("w", "lif"), ("lif", "out")],
    )
    g = graph(
        {"input": source(4), "a": nir.Linear(weights(5, 4)), "r": inner,
         "b": nir.Linear(weights(3, 5)), "lif": lif(3), "output": output(3)}
    )  # fmt: skip
    network = from_nir(g, profile="nir", dt=0.5)
    assert [p.name for p in network.populations] == ["r.lif", "lif"]
    assert {p.name: p.delay for p in network.projections} == {"a": 0, "r.w": 1, "b": 0}


def test_a_linear_output_is_a_readout() -> None:
    """Its membrane is what arrives in a step."""
    nodes = {"input": source(4), "a": nir.Affine(weights(3, 4), weights(3)), "output": output(3)}
    network = check(graph(nodes))
    assert network.outputs == ("output",) and network.populations[0].threshold == np.inf


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("neurons", ["IF", "LIF", "LI", "I"])
def test_profiles(profile: str, neurons: str) -> None:
    one = np.ones(6)
    fires = {"v_threshold": 1.1 * one, "v_reset": 0 * one}
    made = {
        "IF": lambda: nir.IF(r=0.8 * one, **fires),
        "LIF": lambda: nir.LIF(tau=3 * one, r=2 * one, v_leak=0 * one, **fires),
        "LI": lambda: nir.LI(tau=3 * one, r=2 * one, v_leak=0 * one),
        "I": lambda: nir.I(r=0.8 * one),
    }[neurons]()
    nodes = {"input": source(5), "a": nir.Linear(weights(6, 5)), "n": made, "output": output(6)}
    if neurons in PROFILES[profile].refused:
        with pytest.raises(ValueError, match=rf"^node 'n' \({neurons}\): cannot be run in profile"):
            from_nir(graph(nodes), profile=profile, dt=1)
        return
    network = check(graph(nodes), dt=1, profile=profile, steps=60)
    population = network.populations[0]
    assert population.at_threshold == (profile == "sinabs" and population.fires)
    assert (population.v_min == -1.1) == (profile == "sinabs" and neurons == "IF")


def test_the_reset_can_be_said() -> None:
    nodes = {"input": source(2), "a": nir.Linear(weights(2, 2)), "n": lif(2), "output": output(2)}
    network = from_nir(graph(nodes), profile="snntorch", dt=0.5, reset=Reset.HARD)
    assert network.populations[0].reset is Reset.HARD
    assert network.profile == "snntorch, hard reset"
    node = nodes["n"]
    assert isinstance(node, nir.LIF)
    np.testing.assert_array_equal(network.populations[0].v_reset, node.v_reset)


def test_snntorch_without_leak() -> None:
    """beta = 1 is written as tau = r = infinite."""
    one = np.ones(2)
    node = nir.LIF(tau=np.inf * one, r=np.inf * one, v_leak=0 * one, v_threshold=one)
    nodes = {"input": source(2), "a": nir.Linear(np.eye(2)), "n": node, "output": output(2)}
    network = from_nir(graph(nodes), profile="snntorch", dt=1e-4)
    assert network.populations[0].decay == 1
    np.testing.assert_array_equal(network.projections[0].weights, np.eye(2))
    with pytest.raises(ValueError, match=r"^node 'n' \(LIF\): r and tau make no gain"):
        from_nir(graph(nodes), profile="nir", dt=1e-4)


def one_lif(**changed: Any) -> nir.LIF:
    said = {"tau": 2.0, "r": 1.0, "v_leak": 0.0, "v_threshold": 1.0, "v_reset": 0.0} | changed
    fields: dict[str, Any] = {key: np.full(3, value) for key, value in said.items()}
    return nir.LIF(**fields)


def chain(*middle: nir.NIRNode, first: nir.NIRNode | None = None) -> nir.NIRGraph:
    nodes = {f"n{i}": node for i, node in enumerate(middle)}
    return graph({"input": first or source(3), **nodes, "output": output(3)})


EYE = nir.Linear(np.eye(3))


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: chain(EYE, one_lif(tau=0.0)), "node 'n1' (LIF): tau must be above 0, not 0"),
        (lambda: chain(EYE, one_lif(tau=-1.0)), "node 'n1' (LIF): tau must be above 0, not -1"),
        (
            lambda: chain(EYE, one_lif(tau=0.25)),
            "node 'n1' (LIF): tau 0.25 is less than dt = 0.5: Euler's method would overshoot; give "
            "a smaller dt, in the graph's unit of time",
        ),
        (
            lambda: chain(EYE, one_lif(v_threshold=np.nan)),
            "node 'n1' (LIF): v_threshold: 3 of 3 values are NaN or infinite",
        ),
        (
            lambda: chain(nir.Linear(np.full((3, 3), np.nan)), one_lif()),
            "node 'n0' (Linear): weight: 9 of 9 values are NaN or infinite",
        ),
        (
            lambda: chain(nir.Linear(np.ones((3, 4))), one_lif()),
            "node 'n0' (Linear): weight of shape (3, 4) does not fit an input of (3,)",
        ),
        (
            lambda: chain(nir.Affine(np.eye(3), np.ones(4)), one_lif()),
            "node 'n0' (Affine): bias of shape (4,) does not fit an input of (3,)",
        ),
        (
            lambda: chain(nir.Linear(np.ones((4, 3))), one_lif()),
            "node 'n1' (LIF): tau of shape (3,) does not fit an input of (4,)",
        ),
        (
            lambda: chain(nir.Delay(np.array([0.5, 1.0, 1.0])), EYE, one_lif()),
            "node 'n0' (Delay): delays of 0.5 to 1; all spikes of a projection have the same, so "
            "give each delay a node of its own",
        ),
        (
            lambda: chain(nir.Delay(np.full(3, 0.7)), EYE, one_lif()),
            "node 'n0' (Delay): a delay of 0.7 is 1.4 steps of dt = 0.5; it must be a whole number "
            "of 0 to 65536",
        ),
        (
            lambda: chain(nir.Affine(np.eye(3), np.ones(3)), nir.Delay(np.full(3, 1.0)), one_lif()),
            "node 'n1' (Delay): a bias goes through it, and would begin late; put it after the "
            "Delay",
        ),
        (
            lambda: chain(
                nir.Affine(np.eye(3), np.ones(3)),
                nir.CubaLIF(
                    tau_syn=np.full(3, 1e20), tau_mem=np.full(3, 2.0), r=np.ones(3),
                    v_leak=np.zeros(3), v_threshold=np.ones(3), w_in=np.full(3, 1e20),
                ),
            ),
            "node 'n1' (CubaLIF): a bias into a current that does not decay (infinite tau_syn) "
            "never ends",
        ),
        (
            lambda: chain(conv(PLAIN | {"padding": "same", "stride": 2}), first=source(2, 6, 6)),
            "node 'n0' (Conv2d): padding 'same' with stride (2, 2) means nothing; give numbers",
        ),
        (
            lambda: chain(conv(PLAIN), first=source(3, 6, 6)),
            "node 'n0' (Conv2d): weight of shape (4, 2, 3, 2) in 1 groups does not fit 3 channels",
        ),
        (
            lambda: chain(conv(PLAIN), first=source(2, 36)),
            "node 'n0' (Conv2d): needs an input of 3 dimensions, channels first, not (2, 36)",
        ),
        (
            lambda: chain(pool(7, 7), first=source(2, 6, 6)),
            "node 'n0' (SumPool2d): a kernel of (7, 7) does not fit an input of (2, 6, 6)",
        ),
        (
            lambda: chain(pool(160, 1, 80), first=source(1, 160, 160)),
            "node 'n0' (SumPool2d): composed into one projection it would have up to 371718400 "
            "synapses, more than 67108864; put neurons between its linear layers, or make it "
            "smaller",
        ),
        (
            lambda: chain(EYE, one_lif(), first=source(0)),
            "node 'input' (Input): shape must have 1 to 4194304 values, not (0,)",
        ),
        (
            lambda: chain(EYE, one_lif(), first=source(2**31)),
            "node 'input' (Input): shape must have 1 to 4194304 values, not (2147483648,)",
        ),
        (
            lambda: graph({"input": source(3), "a": EYE, "output": output(3)}, [("a", "output")]),
            "node 'a' (Linear) is fed by nothing: no edge ends in it",
        ),
        (
            lambda: graph({"input": source(3), "n": one_lif()}, [("input", "n"), ("n", "gone")]),
            "the edge n -> gone names 'gone', which is no node",
        ),
        (
            lambda: graph({"input": source(3), "n": one_lif()}, [("input", "n")] * 2),
            "the edge input -> n is there 2 times",
        ),
        (
            lambda: graph({"input": source(3), "n": one_lif()}),
            "the graph has no node Output with something to give",
        ),
        (
            lambda: graph(
                {"input": source(3), "a": EYE, "b": nir.Scale(np.ones(3)), "output": output(3)},
                [("input", "a"), ("a", "b"), ("b", "a"), ("b", "output")],
            ),
            "the cycle 'b' -> 'a' -> 'b' has no neuron in it",
        ),
    ],
)  # fmt: skip
def test_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError) as raised:
        from_nir(make(), profile="nir", dt=0.5)
    said = str(raised.value)
    # A cycle may be named from any of its nodes.
    assert said == message or ("the cycle" in message and "has no neuron in it" in said)
    assert "\n" not in said


@pytest.mark.parametrize(
    "said, message",
    [
        ({}, "no profile is given; NIR leaves the discretisation open, so give one of: nir, "
         "norse, snntorch, sinabs"),
        ({"profile": "spice", "dt": 1.0}, "there is no profile 'spice'; NIR leaves the "
         "discretisation open, so give one of: nir, norse, snntorch, sinabs"),
        ({"profile": "nir"}, "no dt is given; NIR leaves the time step open, so give it in the "
         "graph's unit of time (as a rule 1e-4 for what snnTorch wrote, 1 for sinabs)"),
        ({"profile": "nir", "dt": 0}, "dt must be above 0 and finite, not 0"),
        ({"profile": "nir", "dt": np.nan}, "dt must be above 0 and finite, not nan"),
    ],
)  # fmt: skip
def test_profile_and_dt_must_be_said(said: dict[str, Any], message: str, tmp_path: Any) -> None:
    path = tmp_path / "other.nir"
    nir.write(path, chain(EYE, one_lif()))
    with pytest.raises(ValueError, match=f"^{re.escape(f'{path}: {message}')}$"):
        load_nir(path, **said)


@pytest.mark.parametrize("shape", [(), (1,)])
def test_parameters_for_all_neurons(tmp_path: Any, shape: tuple[int, ...]) -> None:
    """Tools write one number for all neurons, beside arrays; files hold them as they are."""
    path = tmp_path / "scalar.nir"
    nir.write(path, chain(EYE, one_lif()))
    import h5py

    with h5py.File(path, "r+") as file:
        for field in ("tau", "v_threshold"):
            del file[f"node/nodes/n1/{field}"]
            file[f"node/nodes/n1/{field}"] = np.full(shape, 2.0)
    network = load_nir(path, profile="nir", dt=0.5)
    assert (network.populations[0].threshold, network.populations[0].decay) == (2.0, 0.75)
