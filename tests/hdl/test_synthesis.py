"""What Yosys makes of a core: block RAM and multipliers where they are meant to be, and no memory
of flip-flops."""

from functools import cache

import numpy as np
import pytest

from hubel.boards.build import ice40_options
from hubel.boards.icebreaker import BOARD as ICEBREAKER
from hubel.boards.ulx3s import BOARD as ULX3S
from hubel.hdl.core import Core
from hubel.hdl.program import (
    Conv2d,
    Dense,
    Population,
    Program,
    Reset,
    Shape,
    Source,
    Sparse,
)

from ..programs import random_chain
from .yosys import synthesise

SCRIPTS = {
    ICEBREAKER.name: f"synth_ice40 {ice40_options('iCE40UP5K', dsp=True)}",
    ULX3S.name: "synth_ecp5",
}


def program(name: str) -> Program:
    """A core of 8 lanes: "dense", 64-128-10 with parameters at random; "digits", as it is
    made of a trained network; "conv", 16 x 16 places with 8 channels of 5 x 5
    weights, pooled into 10 neurons; "sparse", 128 neurons with 16 synapses of each of them."""
    rng = np.random.default_rng(1)
    if name == "dense":
        return random_chain(rng, 64, 128, 10)
    if name == "digits":
        shapes = [Shape(64), Shape(128), Shape(10)]
        names = ["i0", "p0", "p1"]
        return Program(
            inputs=(Source("i0", shapes[0]),),
            populations=tuple(
                Population(
                    name=n, shape=s, threshold=1023, v_reset=1024, v_init=512, reset=Reset.SOFT,
                    bias=rng.integers(-100, 100, s.neurons),
                )
                for n, s in zip(names[1:], shapes[1:], strict=True)
            ),
            projections=tuple(
                Dense(
                    name=f"w{i}", source=names[i], target=names[i + 1],
                    weights=rng.integers(-127, 128, (shapes[i].neurons, shapes[i + 1].neurons)),
                )
                for i in range(2)
            ),
            outputs=("p1",),
        )  # fmt: skip

    def weights(*shape: int) -> np.ndarray:
        return rng.integers(-128, 128, shape)

    if name == "conv":
        source = Source("i0", Shape(2, 16, 16))
        hidden = Population(name="p0", shape=Shape(8, 16, 16), threshold=500, v_reset=500)
        out = Population(name="p1", shape=Shape(10), threshold=500, v_reset=500)
        conv = Conv2d(
            name="conv", source="i0", target="p0", padding=(2, 2), weights=weights(8, 2, 5, 5)
        )
        dense = Dense(
            name="out", source="p0", target="p1", pool=(4, 4), weights=weights(8 * 4 * 4, 10)
        )
        return Program(
            inputs=(source,), populations=(hidden, out), projections=(conv, dense), outputs=("p1",)
        )
    neurons, synapses = 128, 16
    return Program(
        inputs=(Source("i0", Shape(64)),),
        populations=(Population(name="p0", shape=Shape(neurons), threshold=500, v_reset=500),),
        projections=(
            Dense(name="in", source="i0", target="p0", weights=weights(64, neurons)),
            Sparse(
                name="loop",
                source="p0",
                target="p0",
                delay=1,
                first=np.arange(neurons + 1) * synapses,
                targets=np.concatenate(
                    [np.sort(rng.permutation(neurons)[:synapses]) for _ in range(neurons)]
                ),
                weights=weights(neurons * synapses),
            ),
        ),
        outputs=("p0",),
    )


@cache
def synthesis(board_name: str, name: str) -> tuple[dict[str, int], dict[str, str]]:
    """Cells of :func:`program`, and by which kind of cell each memory is made."""
    board = {ICEBREAKER.name: ICEBREAKER, ULX3S.name: ULX3S}[board_name]
    network = program(name)
    core = Core(network.params(lanes=8), network)
    return synthesise(core, SCRIPTS[board_name], platform=board.platform())


def cells(board_name: str, name: str) -> dict[str, int]:
    return synthesis(board_name, name)[0]


def test_ice40_block_ram_and_multipliers() -> None:
    found = cells(ICEBREAKER.name, "dense")
    # 1,280 weight words of 64 bits: 5 x 4. Neurons of 2 x 18 rows of 128 bits: 8. Events: 1.
    assert found["block_ram"] == 20 + 8 + 1
    assert found["dsp"] == 8


def test_ecp5_block_ram_and_multipliers() -> None:
    found = cells(ULX3S.name, "dense")
    assert found["block_ram"] == 13
    assert found["dsp"] == 8


BLOCK_RAM = {"DP16KD", "PDPW16KD"}


@pytest.mark.parametrize("name, block_ram", [("conv", 19), ("sparse", 10)])
def test_ecp5_block_ram_of_scattered_projections(name: str, block_ram: int) -> None:
    found, memories = synthesis(ULX3S.name, name)
    assert found["block_ram"] == block_ram
    assert found["dsp"] == 8
    large = ["weights.rows", "walker.event_list.codes_0"]
    large += ["currents.memory_0", "neurons"] if name == "conv" else ["targets.rows"]
    assert {memories[memory] for memory in large} <= BLOCK_RAM, memories
    # Queues, the 16 words of currents of each lane, and 32 rows of neurons are too small for that.
    small = ["emitter.queue.storage", "walker.scatter.queue.storage"]
    small += ["neurons", *(f"currents.memory_{i}" for i in range(8))] if name == "sparse" else []
    assert {memories[memory] for memory in small} == {"TRELLIS_DPR16X4"}, memories
    lists = [f"walker.event_list.codes_{i}" for i in range(1, 4)]
    assert set(memories) - set(lists) == set(large) | set(small)


@pytest.mark.parametrize("board_name", SCRIPTS)
def test_no_memory_of_flip_flops(board_name: str) -> None:
    """Eight lanes of pipeline are some 1,600 flip-flops, eight counters 256. The least memory, the
    event list, would be another 2,688."""
    assert 1500 <= cells(board_name, "dense")["ff"] <= 2100


@pytest.mark.parametrize("name", ["conv", "sparse"])
def test_no_memory_of_flip_flops_in_scattered_projections(name: str) -> None:
    """Sums on their way to the memory are some 1,000 more; the least memory of currents, a lane of
    16 sums, would be another 240."""
    assert 2900 <= cells(ULX3S.name, name)["ff"] <= 3450


@pytest.mark.parametrize(
    "name, most", [("digits", 1500), ("dense", 1580), ("conv", 3200), ("sparse", 2760)]
)
def test_ecp5_logic(name: str, most: int) -> None:
    """A core of the digits is to take 1,500 at most; parameters at random take more."""
    found = cells(ULX3S.name, name)
    print(name, found)
    # A carry cell is made of two LUTs.
    assert found["lut4"] + 2 * found["carry"] <= most
