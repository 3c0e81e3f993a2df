"""One question, several back ends."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from hubel.hdl.program import Dense, Population, Program, Shape, Source
from hubel.sim import gateware, golden
from hubel.sim.toolchain import ToolMissing, find_simulator
from hubel.sw import backends

PROGRAM = Program(
    inputs=(Source("in", Shape(6)),),
    populations=(
        Population(
            name="out",
            shape=Shape(4),
            bias=np.arange(4),
            threshold=50,
            v_reset=50,
            decay=4000,
        ),
    ),
    projections=(
        Dense(
            name="weights",
            source="in",
            target="out",
            weights=np.random.default_rng(3).integers(-20, 60, (6, 4)),
        ),
    ),
    outputs=("out",),
)
SPIKES = np.random.default_rng(1).random((3, 5, 6)) < 0.5


@pytest.fixture(scope="module")
def icarus() -> None:
    try:
        find_simulator("icarus")
    except ToolMissing as missing:
        pytest.skip(str(missing))


def test_golden_is_a_back_end():
    trace, seconds = backends.run(PROGRAM, SPIKES)
    expected = golden.run(PROGRAM, SPIKES)
    np.testing.assert_array_equal(trace.spikes[0], expected.spikes[0])
    assert expected.spikes[0].any()
    assert seconds > 0


def test_unknown_back_end():
    with pytest.raises(ValueError) as refused:
        backends.run(PROGRAM, SPIKES, backend="fpga")
    assert str(refused.value) == (
        "backend must be one of golden, verilator, icarus, virtual, or a serial port, not 'fpga'"
    )


def test_golden_has_no_waves():
    with pytest.raises(ValueError, match=r"^golden has no waves; "):
        backends.run(PROGRAM, SPIKES, waves="x.vcd")


def test_waves_have_a_format():
    with pytest.raises(ValueError, match=r"^waves are written as \.fst or \.vcd, not 'x\.png'$"):
        backends.run(PROGRAM, SPIKES, backend="icarus", waves="x.png")


@pytest.mark.usefixtures("icarus")
def test_equal(cache_dir, tmp_path):
    waves = tmp_path / "waves.vcd"
    check = backends.check(PROGRAM, SPIKES, backend="icarus", cache_dir=cache_dir, waves=waves)
    assert check.equal
    assert (check.images, check.steps, check.spikes, check.membranes) == (3, 5, 60, 60)
    assert check.counters == 8
    assert check.cycles > 0
    assert json.loads(json.dumps(check.to_json()))["result"] == "equal"
    assert "$enddefinitions" in waves.read_text()


@pytest.mark.usefixtures("icarus")
def test_a_wrong_weight_is_found(cache_dir):
    other = golden.run(PROGRAM, SPIKES)
    weights = PROGRAM.projections[0].weights.copy()
    weights[2, 1] += 1
    changed = PROGRAM.projections[0].with_weights(weights)
    verilog = gateware.core_verilog(replace(PROGRAM, projections=(changed,)))
    check = backends.check(
        PROGRAM, SPIKES, backend="icarus", cache_dir=cache_dir, verilog=verilog, label="mutant"
    )
    assert check.backend == "mutant"
    assert not check.equal
    # The first step in which input 2 spikes.
    sample, step = np.argwhere(SPIKES[:, :, 2])[0]
    v = other.membrane
    assert v is not None
    assert check.result.startswith(f"sample {sample}, step {step}, population out, neuron 1: ")


@pytest.mark.usefixtures("icarus")
def test_a_replaced_operator_is_found(cache_dir):
    # This comparison with zero decides whether neuron 0 fires.
    compare = re.compile(r"(assign spiking_0 +=.*) < (\$signed\(1'h0\);)")
    verilog, replaced = compare.subn(r"\1 > \2", gateware.core_verilog(PROGRAM), count=1)
    assert replaced == 1
    check = backends.check(PROGRAM, SPIKES, backend="icarus", cache_dir=cache_dir, verilog=verilog)
    assert check.result.startswith("sample 0, step 0, population out, neuron 0: ")
