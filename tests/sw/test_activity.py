"""Joules from the switching of a Verilated core, which does what golden says."""

import json
import re
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from hubel.hdl.program import Dense, Population, Program, Reset, Shape, Source
from hubel.sim import golden
from hubel.sim.gateware import core_verilog
from hubel.sim.registers import FLIP_FLOPS, register_names
from hubel.sw.activity import simulated
from hubel.sw.cli import main
from hubel.sw.energy import coefficients
from hubel.sw.program_file import save_program
from hubel.sw.switching import read_vcd

LANES, SAMPLES, STEPS = 2, 2, 6


def program(seed: int = 3, *, state_width: int = 16, reset: Reset = Reset.SOFT) -> Program:
    """6-5: a core that Verilator compiles in seconds."""
    draw = np.random.default_rng(seed)
    neurons: dict[str, Any] = {"threshold": 60, "decay": 3700, "v_reset": 60, "reset": reset}
    return Program(
        inputs=(Source("in", Shape(6)),),
        populations=(Population(name="out", shape=Shape(5), **neurons),),
        projections=(
            Dense(name="w", source="in", target="out", weights=draw.integers(-60, 90, (6, 5))),
        ),
        outputs=("out",),
        state_width=state_width,
    )


def spikes(rate: float) -> np.ndarray:
    return np.random.default_rng(4).random((SAMPLES, STEPS, 6)) < rate


def test_a_verilated_core_and_its_estimate(cache_dir, tmp_path, monkeypatch, capsys):
    """The command; its terms are those of a dump that is counted here, register by register."""
    monkeypatch.setenv("HUBEL_CACHE", str(cache_dir))
    save_program(tmp_path / "program.npz", program())
    np.savez(tmp_path / "spikes.npz", spikes=spikes(0.5))
    dump = tmp_path / "dump.vcd"
    options = ["energy", "simulate", str(tmp_path / "program.npz"), "--inputs",
               str(tmp_path / "spikes.npz"), "--lanes", str(LANES), "--clock-mhz", "12",
               "--dump", str(dump), "--json"]  # fmt: skip
    assert main(options) == 0
    found = json.loads(capsys.readouterr().out)
    terms = {term["name"].removeprefix("iCE40UP5K "): term["value"] for term in found["terms"]}
    known = coefficients()["iCE40UP5K"]["terms"]

    trace = golden.run(program(), spikes(0.5), lanes=LANES)
    assert trace.spikes[0].any() and not trace.spikes[0].all()
    toggles, registers = counted(dump)
    assert found["toggles"] == toggles > 1000
    assert found["registers"] == registers
    assert terms["toggles"] == pytest.approx(toggles * known["toggles"]["joules"] / SAMPLES)
    assert "logic cells" not in terms
    updates = trace.counters.total()["updates"]
    assert found["dsp_ops"] == updates * LANES
    for name, count in (
        ("clock", found["cycles"]),
        ("DSP operations", found["dsp_ops"]),
        ("RAM accesses", found["ram_accesses"]),
    ):
        assert terms[name] == pytest.approx(count * known[name]["joules"] / SAMPLES)

    # The same dump, as the command that takes any simulator's dump counts it.
    names = "|".join(map(re.escape, register_names(core_verilog(program(), lanes=LANES))))
    options = ["energy", "estimate", "--clock-mhz", "12", "--activity", str(dump), "--clock-net",
               "hubel_core.clk", "--only", f"^({names})$", "--json"]  # fmt: skip
    assert main(options) == 0
    estimated = json.loads(capsys.readouterr().out)["terms"]
    value = next(t["value"] for t in estimated if t["name"] == "iCE40UP5K toggles")
    assert value == pytest.approx(terms["toggles"] * SAMPLES)


def counted(dump) -> tuple[int, int]:
    """Toggles and bits of the registers in ``dump``, told by their behaviour: nets of the Verilog
    that a clocked assignment drives."""
    assigned = set()
    for module in core_verilog(program(), lanes=LANES).split("\nmodule ")[1:]:
        name = module.split("(")[0].strip().lstrip("\\").strip()
        lines = module.splitlines()
        for line, after in pairwise(lines):
            if line.strip() == "always @(posedge clk)":
                register = after.split("<=")[0].strip().lstrip("\\")
                if not register.startswith(("product_", "addend_", "decayed_")):
                    assigned.add(f"{name}.{register}")
    text = dump.read_text().split("$enddefinitions $end")
    scope, codes = [], {}
    for line in text[0].splitlines():
        words = line.split()
        if words[:1] == ["$scope"]:
            scope.append(words[2])
        elif words[:1] == ["$upscope"]:
            scope.pop()
        elif words[:1] == ["$var"] and ".".join([*scope, words[4]]) in assigned:
            codes[words[3]] = int(words[2])
    last: dict[str, int] = {}
    toggles = 0
    for line in text[1].splitlines():
        if line[:1] in ("0", "1"):
            code, value = line[1:], int(line[0])
        elif line[:1] == "b":
            code, value = line.split()[1], int(line.split()[0][1:], 2)
        else:
            continue
        if code in codes:
            toggles += (last.get(code, value) ^ value).bit_count()
            last[code] = value
    return toggles, sum(codes.values())


def test_more_spikes_toggle_more(cache_dir):
    busy, quiet = (
        simulated(program(), spikes(rate), lanes=LANES, cache_dir=cache_dir) for rate in (0.6, 0.05)
    )
    assert busy.switching.nets == quiet.switching.nets
    assert busy.switching.toggles > 1.5 * quiet.switching.toggles
    assert busy.ram_accesses > quiet.ram_accesses and busy.dsp_ops == quiet.dsp_ops
    assert busy.check.backend == "gateware"


@pytest.mark.long
@pytest.mark.parametrize(
    "state_width, reset", [(16, Reset.SOFT), (16, Reset.SOFT_LATE), (24, Reset.SOFT)]
)
def test_registers_of_the_gateware_are_flip_flops_of_the_netlist(cache_dir, state_width, reset):
    """Synthesis merges some registers, and moves some into multipliers: not all of a decay where
    it is wide or has a late reset behind it."""
    network = program(state_width=state_width, reset=reset)
    before = simulated(network, spikes(0.5), lanes=LANES, cache_dir=cache_dir)
    after = simulated(network, spikes(0.5), lanes=LANES, cache_dir=cache_dir, netlist=True)
    assert before.switching.cycles == after.switching.cycles
    assert after.switching.toggles == pytest.approx(before.switching.toggles, rel=0.1)
    assert after.switching.nets == pytest.approx(before.switching.nets, rel=0.1)
    assert after.check.backend == "iCE40 netlist"


def test_names_of_registers():
    verilog = """module top(clk, x);
  reg [3:0] count = 4'h0;
  always @(posedge clk)
    count <= \\$1 ;
  always @(posedge clk) begin
    if (read__en) begin
      _0_ <= memory[read__addr];
    end
    memory[3] <= x;
  end
endmodule
module \\top.sub (clk);
  always @(posedge clk)
    \\odd.name  <= x;
  always @(posedge clk)
    \\odd.name  <= x;
endmodule
"""
    assert register_names(verilog) == ["top.count", "top.sub.odd.name"]
    with pytest.raises(ValueError, match=r"^this Verilog has no register that a clock drives$"):
        register_names("module top(x);\nendmodule\n")
    assert re.search(FLIP_FLOPS, "hubel_core.accumulator.current_SB_DFFESR_Q_3.Q")
    assert not re.search(FLIP_FLOPS, "hubel_core.accumulator.current_SB_DFFESR_Q_3.D")


def test_a_dump_of_something_else(cache_dir, tmp_path):
    """A name that no register has."""
    dump = tmp_path / "a.vcd"
    simulated(program(), spikes(0.5), lanes=LANES, cache_dir=cache_dir, dump=dump)
    with pytest.raises(ValueError, match="no net matches 'elsewhere'"):
        read_vcd(dump, clock="hubel_core.clk", only="elsewhere")
