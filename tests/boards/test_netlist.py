"""The netlist after synthesis against the golden model: what the chip will do."""

from typing import Any

import numpy as np
import pytest

from hubel.boards import board
from hubel.boards.netlist import cell_models, ice40_netlist
from hubel.hdl.core import Core
from hubel.hdl.lif import LifUpdate
from hubel.hdl.program import Conv2d, Dense, Population, Program, Shape, Source, Sparse
from hubel.sim import gateware, golden
from hubel.sim.compare import first_divergence
from hubel.sim.simulator import ToolMissing, find_simulator

from ..hdl.loading_core import LoadingCore


def program(seed: int) -> Program:
    draw = np.random.default_rng(seed)
    image = Source("image", Shape(1, 3, 3))
    common: dict[str, Any] = {"threshold": 60, "decay": 3700, "v_reset": 60}
    return Program(
        inputs=(image,),
        populations=(
            Population(
                name="hidden",
                shape=Shape(12),
                bias=draw.integers(-50, 50, 12),
                v_init=draw.integers(-5, 5, 12),
                **common,
            ),
            Population(name="out", shape=Shape(5), bias=draw.integers(-50, 50, 5), **common),
        ),
        projections=(
            Dense(
                name="in",
                source="image",
                target="hidden",
                weights=draw.integers(-60, 60, (9, 12)),
            ),
            Dense(
                name="out",
                source="hidden",
                target="out",
                weights=draw.integers(-60, 60, (12, 5)),
            ),
        ),
        outputs=("out",),
    )


def graph(seed: int) -> Program:
    """A convolution, a sparse loop and a dense readout; CUBA and refractory neurons."""
    draw = np.random.default_rng(seed)
    return Program(
        inputs=(Source("image", Shape(2, 4, 4)),),
        populations=(
            Population(name="a", shape=Shape(3, 4, 4), threshold=40, v_reset=30, u_decay=2000),
            Population(name="b", shape=Shape(5), threshold=60, decay=3700, refractory=1),
        ),
        projections=(
            Conv2d(
                name="conv",
                source="image",
                target="a",
                padding=(1, 1),
                weights=draw.integers(-20, 30, (3, 2, 3, 3)),
            ),
            Dense(name="out", source="a", target="b", weights=draw.integers(-20, 30, (48, 5))),
            Sparse(
                name="loop",
                source="b",
                target="a",
                delay=1,
                first=np.arange(6) * 4,
                targets=np.sort(
                    draw.permuted(np.tile(np.arange(48), (5, 1)), axis=1)[:, :4]
                ).ravel(),
                weights=draw.integers(-60, 60, 20),
            ),
        ),
        outputs=("b",),
    )


@pytest.mark.parametrize(
    "network",
    [program(seed=1), pytest.param(graph(seed=1), marks=pytest.mark.long)],
    ids=["dense", "graph"],
)
def test_netlist_of_a_core_is_bit_exact(monkeypatch, tmp_path, network: Program):
    try:
        find_simulator("icarus")
    except ToolMissing as missing:
        pytest.skip(str(missing))
    core = Core(network.params(lanes=4), network)
    netlist = ice40_netlist(core, name="hubel_core")
    for cell in ("SB_RAM40_4K", "SB_MAC16", "SB_CARRY", "SB_DFF"):
        assert cell in netlist
    monkeypatch.setattr(gateware, "core_verilog", lambda *_, **__: netlist + cell_models())
    spikes = np.random.default_rng(2).random((2, 8, network.input_neurons)) < 0.5
    expected = golden.run(network, spikes, lanes=4)
    assert all(population.any() for population in expected.spikes)
    got = gateware.run(
        network, spikes, backend="icarus", lanes=4, gap=0.3, stall=0.3, cache_dir=tmp_path
    )
    assert first_divergence(network, expected, got) is None
    assert got.counters.total() == expected.counters.total()


@pytest.mark.long
def test_netlist_with_weights_in_spram_is_bit_exact(monkeypatch, tmp_path):
    """Another Program is loaded over the memory port of the netlist, and runs."""
    try:
        find_simulator("icarus")
    except ToolMissing as missing:
        pytest.skip(str(missing))
    built, network = program(seed=1), program(seed=3)
    core = LoadingCore(built, network, lanes=4, spram=True)
    netlist = ice40_netlist(core, name="hubel_core", platform=board("icebreaker").platform())
    assert netlist.count("SB_SPRAM256KA") == 2  # 4 weights of 8 bits
    monkeypatch.setattr(gateware, "core_verilog", lambda *_, **__: netlist + cell_models())
    spikes = np.random.default_rng(2).random((1, 8, network.input_neurons)) < 0.5
    expected = golden.run(network, spikes, lanes=4)
    assert all(population.any() for population in expected.spikes)
    got = gateware.run(network, spikes, backend="icarus", lanes=4, gap=0.3, stall=0.3,
                       cache_dir=tmp_path)  # fmt: skip
    assert first_divergence(network, expected, got) is None
    assert got.counters.total() == expected.counters.total()


def test_multipliers_without_blocks():
    network = program(seed=1)
    update = LifUpdate(network.params(lanes=2), network)
    assert "SB_MAC16" not in ice40_netlist(update, name="lif", dsp=False)
