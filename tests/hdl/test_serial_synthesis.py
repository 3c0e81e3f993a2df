"""What the tools make of a side of the serial link: few cells, and its clock on an ECP5."""

import json
import subprocess
from pathlib import Path

import pytest
from amaranth.back import rtlil  # pyright: ignore[reportAttributeAccessIssue]
from amaranth.hdl import Module, Value
from amaranth.lib import wiring

from hubel.boards.build import RELAX_COLLISIONS
from hubel.boards.toolchain import find_tool
from hubel.hdl.serial_link import SerialLink

from .yosys import synthesise


@pytest.mark.parametrize("family, lut4, ff", [("ice40", 445, 310), ("ecp5", 410, 370)])
def test_cells(family: str, lut4: int, ff: int) -> None:
    """Packets of 32 bits. Measured: 435 LUT4, 298 flip-flops and four block RAMs on iCE40, 389 LUT4
    and 362 flip-flops on ECP5, where 16 cells of distributed RAM are its memories."""
    cells, _ = synthesise(SerialLink(32), f"synth_{family}")
    print(family, cells)
    assert cells["lut4"] <= lut4 and cells["ff"] <= ff and "dsp" not in cells
    memory = {"block_ram": 4} if family == "ice40" else {"lut_ram": 16}
    assert {key: cells[key] for key in cells if key.endswith("ram")} == memory


class Clocked(wiring.Component):
    """The link between flip-flops, so that its paths from and to the outside count."""

    def __init__(self):
        self.link = SerialLink(32)
        members = self.link.signature.members
        super().__init__({name: members[name] for name in members})

    def elaborate(self, platform):
        m = Module()
        m.submodules.link = link = self.link
        for name in ("i", "o"):
            outer, inner = getattr(self, name), getattr(link, name)
            pairs = [(outer.payload, inner.payload), (outer.valid, inner.valid)]
            if name == "o":
                pairs = [(b, a) for a, b in pairs]
            ready = (inner.ready, outer.ready) if name == "i" else (outer.ready, inner.ready)
            m.d.sync += [Value.cast(target).eq(source) for source, target in [*pairs, ready]]
        m.d.comb += [link.rx.eq(self.rx), self.tx.eq(link.tx)]
        m.d.sync += [self.up.eq(link.up), self.counters.eq(link.counters)]
        return m


@pytest.mark.long
def test_clock(tmp_path: Path) -> None:
    """ECP5-85F of speed grade 6; the best of three seeds of place and route."""
    text = rtlil.convert(Clocked(), name="link", emit_src=False)
    (tmp_path / "link.il").write_text(text)
    script = f"read_rtlil link.il\n{RELAX_COLLISIONS}\nsynth_ecp5 -top link -json link.json\n"
    (tmp_path / "link.ys").write_text(script)
    subprocess.run([*find_tool("yosys").command, "-q", "link.ys"], cwd=tmp_path, check=True)
    reached = []
    for seed in (1, 2, 3):
        options = ["--85k", "--speed", "6", "--package", "CABGA756", "--lpf-allow-unconstrained"]
        options += ["--freq", "150", "--seed", str(seed), "--timing-allow-fail"]
        files = ["--json", "link.json", "--report", "report.json", "-q"]
        command = [*find_tool("nextpnr-ecp5").command, *options, *files]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
        [clock] = json.loads((tmp_path / "report.json").read_text())["fmax"].values()
        reached.append(clock["achieved"])
    print("MHz", reached)
    assert max(reached) >= 120
