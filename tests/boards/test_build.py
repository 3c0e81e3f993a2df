# amaranth: UnusedElaboratable=no
# pyright: reportAttributeAccessIssue=false
# (amaranth-stubs do not know back.rtlil)
"""Builds: reports read from recorded output of the tools, and a small real build a family."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from amaranth.back import rtlil
from amaranth.hdl import ClockDomain, Elaboratable, Module, Signal
from amaranth.lib import io, memory, wiring
from amaranth.lib.wiring import In, Out

from hubel.boards import board
from hubel.boards import build as build_module
from hubel.boards.build import RELAX_COLLISIONS, BuildFailed, build_design
from hubel.boards.pll import PllClock
from hubel.boards.report import (
    Attempt,
    BuildReport,
    PathEnd,
    Stage,
    Usage,
    cell_counts,
    clock_mhz,
    critical_path,
    utilisation,
)
from hubel.boards.toolchain import Tool, find_tool
from hubel.hdl.program import Dense, Population, Program, Shape, Source

# Shortened from a report of nextpnr-ice40 0.11.
PNR = json.loads("""{
  "critical_paths": [
    {"from": "posedge clk", "to": "posedge clk", "path": [
      {"delay": 1.5, "from": {"cell": "a", "loc": [1, 2], "port": "CLK"},
       "to": {"cell": "a", "loc": [1, 2], "port": "O"}, "type": "clk-to-q"},
      {"delay": 3.25, "from": {"cell": "a", "loc": [1, 2], "port": "O"}, "net": "n",
       "to": {"cell": "b", "loc": [3, 4], "port": "I3"}, "type": "routing"},
      {"delay": 0.5, "from": {"cell": "b", "loc": [3, 4], "port": "I3"},
       "to": {"cell": "c", "loc": [3, 4], "port": "I3"}, "type": "setup"}]},
    {"from": "<async>", "to": "posedge clk", "path": [
      {"delay": 40.0, "from": {"cell": "pin", "loc": [0, 0], "port": "D"}, "net": "rx",
       "to": {"cell": "d", "loc": [5, 5], "port": "I0"}, "type": "routing"}]},
    {"from": "posedge clk", "to": "<async>", "path": [
      {"delay": 50.0, "from": {"cell": "e", "loc": [0, 0], "port": "O"}, "net": "tx",
       "to": {"cell": "pin", "loc": [5, 5], "port": "D"}, "type": "routing"}]}],
  "fmax": {"clk": {"achieved": 37.5, "constraint": 36.0},
           "slow": {"achieved": 13.0, "constraint": 12.9}},
  "utilization": {"ICESTORM_LC": {"available": 5280, "used": 3147},
                  "ICESTORM_RAM": {"available": 30, "used": 29},
                  "ICESTORM_DSP": {"available": 8, "used": 8},
                  "ICESTORM_SPRAM": {"available": 4, "used": 0},
                  "SB_IO": {"available": 39, "used": 3}}}""")


def test_reads_the_utilisation():
    assert utilisation(PNR) == {
        "logic": Usage(3147, 5280),
        "block_ram": Usage(29, 30),
        "dsp": Usage(8, 8),
        "spram": Usage(0, 4),
    }
    ecp5 = {
        "TRELLIS_COMB": {"available": 83640, "used": 1869},
        "TRELLIS_FF": {"available": 83640, "used": 2000},
        "DP16KD": {"available": 208, "used": 13},
        "MULT18X18D": {"available": 156, "used": 8},
    }
    assert utilisation({"utilization": ecp5}) == {
        "logic": Usage(1869, 83640),
        "ff": Usage(2000, 83640),
        "block_ram": Usage(13, 208),
        "dsp": Usage(8, 156),
    }


@pytest.mark.parametrize(
    "achieved, expected",
    [
        (37.5, (13.0, True)),  # the other clock has less to spare
        (36.0, (36.0, True)),
        (35.99, (35.99, False)),
    ],
)
def test_reads_the_clock(achieved: float, expected: tuple[float, bool]):
    fmax = PNR["fmax"] | {"clk": {"achieved": achieved, "constraint": 36.0}}
    assert clock_mhz({"fmax": fmax}) == expected


def test_reads_the_critical_path_between_flip_flops():
    assert critical_path(PNR) == PathEnd("a", "c", 5.25, 3.25)


def test_counts_cells():
    stat = {
        "design": {
            "num_cells_by_type": {
                "$scopeinfo": 21,
                "SB_CARRY": 728,
                "SB_DFF": 8,
                "SB_DFFE": 120,
                "SB_DFFESR": 327,
                "SB_LUT4": 1747,
                "SB_MAC16": 8,
                "SB_PLL40_PAD": 1,
                "SB_RAM40_4K": 29,
            }
        }
    }
    assert cell_counts(stat) == {"carry": 728, "ff": 455, "lut4": 1747, "dsp": 8, "block_ram": 29}
    stat = {
        "design": {
            "num_cells_by_type": {
                "CCU2C": 419,
                "DP16KD": 11,
                "L6MUX21": 23,
                "LUT4": 722,
                "MULT18X18D": 8,
                "PFUMX": 119,
                "TRELLIS_DPR16X4": 4,
                "TRELLIS_FF": 1845,
            }
        }
    }
    assert cell_counts(stat) == {
        "carry": 419,
        "block_ram": 11,
        "lut4": 722,
        "dsp": 8,
        "lut_ram": 4,
        "ff": 1845,
    }


def test_a_report_survives_its_file(tmp_path: Path):
    report = BuildReport(
        board="icebreaker",
        device="iCE40UP5K-SG48",
        clock_mhz=36.0,
        fmax_mhz=37.5,
        met=True,
        utilisation=utilisation(PNR),
        cells={"lut4": 5},
        core_cells=None,
        critical_path=critical_path(PNR),
        bitstream=tmp_path / "top.bin",
        bitstream_bytes=3,
        seed=2,
        attempts=(Attempt(1, 30.0), Attempt(2, 37.5)),
        stages=(Stage("synthesis", "yosys", "0.60", 1.5),),
    )
    report.save(tmp_path / "build.json")
    assert str(tmp_path) not in (tmp_path / "build.json").read_text()
    assert BuildReport.load(tmp_path / "build.json") == report


class Blinky(Elaboratable):
    """A light on the serial line, from the board's clock."""

    def __init__(self, name: str):
        self._pll = board(name).pll

    def elaborate(self, platform):
        m = Module()
        m.domains.sync = ClockDomain()
        m.submodules.clock = PllClock(self._pll)
        count = Signal(22)
        m.d.sync += count.eq(count + 1)
        m.submodules.tx = tx = io.Buffer(
            io.Direction.Output, platform.request("uart", 0, dir="-").tx
        )
        m.d.comb += tx.o.eq(count[-1])
        return m


@pytest.mark.parametrize("name", ["icebreaker", "ulx3s"])
def test_builds_a_bitstream_once(name: str, tmp_path: Path):
    stages: list[str] = []
    report = build_design(board(name), Blinky(name), tmp_path, progress=stages.append)
    assert stages == ["synthesis", "place and route, seed 1", "bitstream"]
    assert [s.name for s in report.stages] == stages and all(s.version for s in report.stages)
    assert report.met and report.fmax_mhz > report.clock_mhz == board(name).clock_hz / 1e6
    assert report.attempts == (Attempt(1, report.fmax_mhz),) and report.seed == 1
    assert report.cells["ff"] >= 22 and report.core_cells is None
    assert report.utilisation["logic"].available == board(name).resources["logic"]
    assert 22 < report.utilisation["logic"].used < 120
    assert report.utilisation["block_ram"] == Usage(0, board(name).resources["block_ram"])
    assert report.utilisation["dsp"] == Usage(0, board(name).resources["dsp"])
    assert report.bitstream.stat().st_size == report.bitstream_bytes > 10_000

    stages.clear()
    assert build_design(board(name), Blinky(name), tmp_path, progress=stages.append) == report
    assert stages == []
    assert [p.name for p in tmp_path.iterdir()] == [report.bitstream.parent.name]


def fake_tools(monkeypatch: pytest.MonkeyPatch, **scripts: str) -> None:
    """Replace tools by shell scripts; ``-`` in a name is ``_`` here."""

    def find(name: str) -> Tool:
        return Tool(name, ("/bin/sh", "-c", scripts[name.replace("-", "_")], name), "fake")

    monkeypatch.setattr(build_module, "find_tool", find)


def pnr_script(mhz_of_seed: dict[int, float]) -> str:
    """A place and route that reaches these clocks."""
    reports = {
        seed: PNR | {"fmax": {"clk": {"achieved": mhz, "constraint": 36.0}}}
        for seed, mhz in mhz_of_seed.items()
    }
    cases = "".join(
        f"*'--seed {seed} '*) echo {seed} > {seed}-top.asc; echo '{json.dumps(r)}' > "
        f"{seed}-pnr.json;; "
        for seed, r in reports.items()
    )
    return f'case "$*" in {cases} esac'


STAT = """echo '{"design": {"num_cells_by_type": {"SB_LUT4": 7}}}' > stat.json"""


@pytest.mark.parametrize(
    "mhz, tried, best, met",
    [
        ({1: 30.0, 2: 36.5, 3: 40.0}, [1, 2], 2, True),
        ({1: 30.0, 2: 33.0, 3: 32.0}, [1, 2, 3], 2, False),
    ],
)
def test_tries_seeds_until_the_clock_is_met(monkeypatch, tmp_path, mhz, tried, best, met):
    fake_tools(monkeypatch, yosys=STAT, nextpnr_ice40=pnr_script(mhz), icepack="cp top.asc top.bin")
    report = build_design(board("icebreaker"), Blinky("icebreaker"), tmp_path, seeds=3)
    assert [a.seed for a in report.attempts] == tried
    assert (report.seed, report.fmax_mhz, report.met) == (best, mhz[best], met)
    assert report.bitstream.read_text().strip() == str(best)


def test_a_tool_that_fails_leaves_its_log_and_no_build(monkeypatch, tmp_path):
    fake_tools(
        monkeypatch,
        yosys=STAT,
        icepack="true",
        nextpnr_ice40="echo 'Info: x'; echo 'ERROR: no room for 31 RAMs'; echo '1 error'; exit 1",
    )
    with pytest.raises(BuildFailed) as failure:
        build_design(board("icebreaker"), Blinky("icebreaker"), tmp_path)
    [log] = tmp_path.iterdir()
    assert str(failure.value) == (
        f"place and route, seed 1: ERROR: no room for 31 RAMs (log: {log})"
    )
    assert log.read_text().startswith("Info: x\n")


def test_an_assertion_of_yosys_is_tried_again_with_other_names(monkeypatch, tmp_path):
    fails = "echo 'ERROR: Assert `a == b'\\'' failed in rtlil.cc:3091.' > top.rpt; exit 1"
    stages: list[str] = []
    fake_tools(
        monkeypatch,
        yosys=f"grep -q 'rename -enumerate' top.ys || {{ {fails}; }}; {STAT}",
        icepack="cp top.asc top.bin",
        nextpnr_ice40=pnr_script({1: 40.0}),
    )
    target = board("icebreaker")
    build_design(target, Blinky("icebreaker"), tmp_path / "other", progress=stages.append)
    assert stages[:2] == ["synthesis", "synthesis, other names"]
    # Where other names do not help it is tried once.
    fake_tools(monkeypatch, yosys=fails, icepack="true", nextpnr_ice40="true")
    with pytest.raises(BuildFailed, match=r"^synthesis, other names: ERROR: Assert"):
        build_design(target, Blinky("icebreaker"), tmp_path / "none")


def test_what_does_not_fit_the_device_is_told_in_one_line(monkeypatch, tmp_path):
    words = "ERROR: Unable to place cell, no BELs remaining to implement cell type 'ICESTORM_LC'"
    fake_tools(
        monkeypatch,
        yosys=STAT,
        icepack="true",
        nextpnr_ice40=f'echo "{words}"; echo "ERROR: Placing design failed."; exit 1',
    )
    with pytest.raises(ValueError, match=r"^it does not fit: no ICESTORM_LC is left; try fewer"):
        build_design(board("icebreaker"), Blinky("icebreaker"), tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("name, rams", [("icebreaker", 30), ("ulx3s", 14)])
def test_builds_a_network_that_meets_the_clock(name: str, rams: int, tmp_path: Path):
    draw = np.random.default_rng(1)
    sizes, names = (64, 128, 10), ("input", "hidden", "out")
    network = Program(
        inputs=(Source("input", Shape(64)),),
        populations=tuple(
            Population(
                name=name,
                shape=Shape(neurons),
                bias=draw.integers(-50, 50, neurons),
                v_init=draw.integers(-5, 5, neurons),
                threshold=400,
                decay=3700,
                v_reset=400,
            )
            for name, neurons in zip(names[1:], sizes[1:], strict=True)
        ),
        projections=tuple(
            Dense(
                name=names[i + 1],
                source=names[i],
                target=names[i + 1],
                weights=draw.integers(-60, 60, sizes[i : i + 2]),
            )
            for i in range(2)
        ),
        outputs=("out",),
    )
    b = board(name)
    report = build_module.build(b, network.params(lanes=b.lanes), network, tmp_path)
    print(report)
    assert report.met
    # 20 for 1280 words of 64 bits, 8 for rows of 128 bits, 1 for the events and 1 for the
    # link on an iCE40.
    assert report.utilisation["block_ram"].used == rams
    assert report.utilisation["dsp"].used == 8
    assert report.core_cells is not None
    assert report.core_cells["lut4"] < report.cells["lut4"]

    # Other weights, biases and first states take no synthesis.
    def other(projection: Any) -> Any:
        return replace(projection, weights=projection.weights[::-1])

    changed = replace(network, projections=tuple(map(other, network.projections)))
    stages: list[str] = []
    second = build_module.build(b, network.params(lanes=b.lanes), changed, tmp_path,
                                progress=stages.append)  # fmt: skip
    assert stages == ["patch", "bitstream"]
    assert second.bitstream.read_bytes() != report.bitstream.read_bytes()
    assert second.bitstream.parent.parent == tmp_path and second.fmax_mhz == report.fmax_mhz


class Rows(wiring.Component):
    """A memory with one port of each kind."""

    def __init__(self):
        super().__init__(
            {
                "address": In(8),
                "write_address": In(8),
                "write_data": In(16),
                "write": In(1),
                "data": Out(16),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.rows = rows = memory.Memory(shape=16, depth=256, init=[])
        read, write = rows.read_port(), rows.write_port()
        m.d.comb += [
            read.addr.eq(self.address),
            self.data.eq(read.data),
            write.en.eq(self.write),
            write.addr.eq(self.write_address),
            write.data.eq(self.write_data),
        ]
        return m


@pytest.mark.parametrize("family", ["ice40", "ecp5"])
def test_relaxed_collisions_need_no_logic(family: str, tmp_path: Path):
    (tmp_path / "rows.il").write_text(rtlil.convert(Rows(), name="rows", emit_src=False))

    def cells(relax: str) -> dict[str, int]:
        (tmp_path / "rows.ys").write_text(
            f"read_rtlil rows.il\n{relax}\nsynth_{family} -top rows\ntee -q -o s.json stat -json"
        )
        subprocess.run([*find_tool("yosys").command, "-q", "rows.ys"], cwd=tmp_path, check=True)
        return cell_counts(json.loads((tmp_path / "s.json").read_text()))

    emulated, relaxed = cells(""), cells(RELAX_COLLISIONS)
    assert emulated["block_ram"] == relaxed["block_ram"] == 1
    assert emulated["ff"] == 42
    assert "ff" not in relaxed and relaxed.get("lut4", 0) <= 1
