"""The numerical profile of a run."""

import re

import numpy as np
import pytest

from hubel.hdl.program import Dense, Population, Program, Shape, Source, Sparse
from hubel.sim import golden
from hubel.sw.network import Network, Neurons
from hubel.sw.quantise import quantise
from hubel.sw.ranges import ranges


def chain(seed: int) -> Program:
    """Three populations that start near the limits and saturate often."""
    rng = np.random.default_rng(seed)
    sizes, names = [4, 6, 5, 3], ["i", "p0", "p1", "p2"]
    populations = []
    projections = []
    for source, target, inputs, neurons in zip(names, names[1:], sizes, sizes[1:], strict=False):
        projections.append(
            Dense(
                name=f"to {target}",
                source=source,
                target=target,
                weights=rng.integers(-128, 128, size=(inputs, neurons)),
            )
        )
        populations.append(
            Population(
                name=target,
                shape=Shape(neurons),
                bias=rng.integers(-300, 301, size=neurons),
                v_init=rng.choice([-32768, 32767], size=neurons),
                threshold=32_000,
                v_reset=100,
            )
        )
    return Program(
        inputs=(Source("i", Shape(4)),),
        populations=tuple(populations),
        projections=tuple(projections),
        outputs=("p2",),
    )


@pytest.mark.parametrize("seed", range(5))
def test_saturations_of_each_population(seed: int) -> None:
    program = chain(seed)
    layer = np.random.default_rng(seed).random((4, 20, 4)) < 0.5
    profile = ranges(program, golden.run(program, layer))
    assert [r.population for r in profile] == ["p0", "p1", "p2"]
    for population, entry in zip(program.populations, profile, strict=True):
        projection = program.into(population.name)[0]
        single = Program(
            inputs=(Source(projection.source, Shape(layer.shape[2])),),
            populations=(population,),
            projections=(projection,),
            outputs=(population.name,),
        )
        alone = golden.run(single, layer)
        assert entry.saturations == alone.counters.saturations.sum() > 0
        layer = alone.spikes[0]


def test_ranges() -> None:
    program = Program(
        inputs=(Source("i", Shape(3)),),
        populations=(
            Population(
                name="a",
                shape=Shape(2),
                bias=np.array([-5, 9]),
                v_init=np.array([0, 1]),
                threshold=100,
                v_reset=100,
            ),
        ),
        projections=(
            Dense(name="w", source="i", target="a", weights=np.array([[7, -8], [6, -1], [-2, 0]])),
        ),
        outputs=("a",),
        weight_width=4,
        state_width=24,
    )
    trace = golden.run(program, np.array([[[1, 1, 0], [0, 0, 0]]]))
    (entry,) = ranges(program, trace)
    assert entry.weights == (-8, 7)
    assert entry.weight_limits == (-8, 7)
    assert entry.bias == (-5, 9)
    assert entry.accumulator == (-9, 13)
    assert entry.accumulator_limits == (-32, 31)
    assert entry.membrane == (1, 10)
    assert entry.membrane_limits == (-(1 << 23), (1 << 23) - 1)
    assert entry.saturations == 0
    assert (entry.current, entry.fraction_bits) == (None, 0)


def test_ranges_of_a_current_and_of_several_projections() -> None:
    empty = Sparse(
        name="empty",
        source="a",
        target="a",
        weights=np.zeros(0, dtype=np.int64),
        first=np.zeros(2, dtype=np.int64),
        targets=np.zeros(0, dtype=np.int64),
        delay=1,
    )
    program = Program(
        inputs=(Source("i", Shape(1)), Source("j", Shape(1))),
        populations=(
            Population(
                name="a", shape=Shape(1), threshold=1000, u_decay=2048, u_init=-8, shift=2, bias=5
            ),
        ),
        projections=(
            Dense(name="p", source="i", target="a", weights=np.array([[7]])),
            Dense(name="q", source="j", target="a", weights=np.array([[-2]])),
            empty,
        ),
        outputs=("a",),
    )
    (entry,) = ranges(program, golden.run(program, np.array([[[1, 0], [0, 1], [0, 0]]])))
    assert (entry.weights, entry.accumulator, entry.bias) == ((-2, 7), (-2, 7), (5, 5))
    # u: -8 / 2 + 28 = 24, 12 - 8 = 4, 2; v: 24 + 5 = 29, 29 + 9 = 38, 38 + 7 = 45.
    assert (entry.current, entry.membrane, entry.fraction_bits) == ((2, 24), (29, 45), 2)


def test_relays_are_left_out() -> None:
    net = Network(
        inputs=(Source("i", Shape(2)),),
        populations=(Neurons(name="a", shape=Shape(2), threshold=1.0),),
        projections=(Dense(name="w", source="i", target="a", weights=np.eye(2), delay=3),),
        outputs=("a",),
    )
    program = quantise(net)
    assert len(program.populations) == 3
    profile = ranges(program, golden.run(program, np.ones((1, 5, 2))))
    assert [entry.population for entry in profile] == ["a"]


@pytest.mark.parametrize("samples, record", [(1, False), (0, True)])
def test_ranges_need_membranes(samples: int, record: bool) -> None:
    program = chain(0)
    trace = golden.run(program, np.zeros((samples, 2, 4)), record_membrane=record)
    message = "the numerical profile needs a run of 1 sample or more with its membranes"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        ranges(program, trace)
