"""The netlist after synthesis against the golden model: what the chip will do."""

import numpy as np
import pytest

from hubel.boards.netlist import cell_models, ice40_netlist
from hubel.hdl.chain import Chain
from hubel.hdl.lif import LifUpdate
from hubel.hdl.program import Population, Program
from hubel.sim import gateware, golden
from hubel.sim.simulator import ToolMissing, find_simulator


def program(seed: int) -> Program:
    draw = np.random.default_rng(seed)

    def population(name: str, inputs: int, neurons: int) -> Population:
        return Population(
            name=name,
            weights=draw.integers(-60, 60, (inputs, neurons)),
            bias=draw.integers(-50, 50, neurons),
            v_init=draw.integers(-5, 5, neurons),
            threshold=60,
            decay=3700,
            v_reset=60,
        )

    return Program(populations=(population("hidden", 9, 12), population("out", 12, 5)))


def test_netlist_of_a_chain_is_bit_exact(monkeypatch, tmp_path):
    try:
        find_simulator("icarus")
    except ToolMissing as missing:
        pytest.skip(str(missing))
    network = program(seed=1)
    chain = Chain(network.params(lanes=4), network)
    netlist = ice40_netlist(chain, name="hubel_chain")
    for cell in ("SB_RAM40_4K", "SB_MAC16", "SB_CARRY", "SB_DFF"):
        assert cell in netlist
    monkeypatch.setattr(gateware, "chain_verilog", lambda *_, **__: netlist + cell_models())
    spikes = np.random.default_rng(2).random((2, 8, network.inputs)) < 0.5
    expected = golden.run(network, spikes, lanes=4)
    assert all(population.any() for population in expected.spikes)
    got = gateware.run(
        network, spikes, backend="icarus", lanes=4, gap=0.3, stall=0.3, cache_dir=tmp_path
    )
    assert got.membrane is not None and expected.membrane is not None
    for population in range(2):
        np.testing.assert_array_equal(got.spikes[population], expected.spikes[population])
        np.testing.assert_array_equal(got.membrane[population], expected.membrane[population])
    assert got.counters.total() == expected.counters.total()


def test_multipliers_without_blocks():
    update = LifUpdate(program(seed=1).params(lanes=2))
    assert "SB_MAC16" not in ice40_netlist(update, name="lif", dsp=False)
