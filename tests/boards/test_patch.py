# amaranth: UnusedElaboratable=no
"""New contents after place and route: the same bits as if the design had been built with them."""

from pathlib import Path

import pytest
from amaranth.hdl import ClockDomain, Elaboratable, Module, Signal
from amaranth.lib import io, memory

from hubel.boards import board
from hubel.boards.build import build_design
from hubel.boards.patch import Contents, PatchFailed, noise, patch
from hubel.boards.pll import PllClock
from hubel.boards.toolchain import ToolMissing, find_tool

#: Width and rows; block RAM of every shape, and one of a depth that fills no block.
MEMORIES = {"wide": (64, 300), "deep": (8, 2000), "deeper": (4, 5000), "small": (40, 70)}


class Reader(Elaboratable):
    """Reads all memories, row after row, and sends the parity of all bits to a pin."""

    def __init__(self, b, rows: dict[str, list[int]]):
        self._board, self._rows = b, rows

    def elaborate(self, platform):
        m = Module()
        m.submodules.clock = PllClock(self._board.pll)
        m.domains.sync = ClockDomain()
        count, parity, uart = Signal(16), Signal(), platform.request("uart", 0, dir="-")
        m.submodules.rx = rx = io.Buffer(io.Direction.Input, uart.rx)
        m.submodules.tx = tx = io.Buffer(io.Direction.Output, uart.tx)
        m.d.sync += count.eq(count + 1)
        bits = []
        for name, (width, rows) in MEMORIES.items():
            m.submodules[name] = cells = memory.Memory(
                shape=width, depth=rows, init=self._rows[name]
            )
            read, write = cells.read_port(), cells.write_port()
            m.d.comb += [read.addr.eq(count), write.addr.eq(count), write.en.eq(rx.i)]
            m.d.comb += write.data.eq(count)
            data = Signal(width, name=f"data_{name}")
            m.d.sync += data.eq(read.data)
            bits.append(data.xor())
        m.d.sync += parity.eq(sum(bits))
        m.d.comb += tx.o.eq(parity)
        return m


def rows(prefix: str) -> dict[str, list[int]]:
    return {name: noise(prefix + name, *size) for name, size in MEMORIES.items()}


@pytest.mark.long
@pytest.mark.parametrize("name, routed", [("icebreaker", "top.asc"), ("ulx3s", "top.config")])
def test_a_patched_design_is_the_one_with_these_contents(
    name: str, routed: str, tmp_path: Path
) -> None:
    b = board(name)
    try:
        find_tool("yosys")
    except ToolMissing as missing:
        pytest.skip(str(missing))
    texts = {}
    for prefix in ("one", "two"):
        report = build_design(b, Reader(b, rows(prefix)), tmp_path, seeds=1)
        texts[prefix] = (report.bitstream.parent / routed).read_text()
    one, two = rows("one"), rows("two")
    contents = [Contents(n, MEMORIES[n][0], one[n], two[n]) for n in MEMORIES]
    patched = patch(texts["one"], b.family, contents)

    def words(text: str) -> list[str]:
        return [line for line in text.split() if line]

    assert texts["one"] != texts["two"]
    assert words(patched) == words(texts["two"])
    # A memory that is not there is not passed over.
    with pytest.raises(PatchFailed, match=r"memory 'other' is not in the routed design"):
        patch(texts["one"], b.family, [Contents("other", 8, noise("a", 8, 64), [0] * 64)])
