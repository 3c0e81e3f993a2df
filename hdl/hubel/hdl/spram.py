"""The large single-port memories of an iCE40UP, side by side and behind each other."""

from amaranth import *
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["SPRAM_BLOCKS", "SPRAM_ROWS", "SPRAM_WIDTH", "Spram", "SpramArray",
           "spram_blocks"]

#: Rows and bits of a block, and blocks of an iCE40UP5K (its only size; data sheet FPGA-DS-02008).
SPRAM_ROWS, SPRAM_WIDTH, SPRAM_BLOCKS = 1 << 14, 16, 4


def spram_blocks(width: int, depth: int) -> int:
    """Blocks that ``depth`` words of ``width`` bits take."""
    return -(-width // SPRAM_WIDTH) * -(-depth // SPRAM_ROWS)


class Spram(wiring.Component):
    """``SB_SPRAM256KA``, or its twin where there is no platform, for simulation: the same but for
    what is undefined, its contents at power-up and its output after a write (0 in the twin).

    Members
    -------
    address : :py:`In(14)`
    select : :py:`In(1)`
        Read, or write where ``write`` has a bit; otherwise the memory rests and ``o`` stays.
    write : :py:`In(2)`
        A bit for each byte.
    i, o : :py:`In(16)`, :py:`Out(16)`
        What is written, and the row that was read, one cycle later.
    """
    address: Signal
    select: Signal
    write: Signal
    i: Signal
    o: Signal

    def __init__(self):
        super().__init__({
            "address": In(14), "select": In(1), "write": In(2),
            "i": In(SPRAM_WIDTH), "o": Out(SPRAM_WIDTH)})

    def elaborate(self, platform):
        m = Module()
        if platform is not None:
            m.submodules.cell = Instance("SB_SPRAM256KA",
                i_CLOCK=ClockSignal(),
                i_CHIPSELECT=self.select,
                i_ADDRESS=self.address,
                i_WREN=self.write.any(),
                i_MASKWREN=Cat(bit.replicate(2) for bit in self.write),  # a bit for four
                i_DATAIN=self.i,
                i_STANDBY=C(0, 1),
                i_SLEEP=C(0, 1),
                i_POWEROFF=C(1, 1),  # active low
                o_DATAOUT=self.o,
            )
            return m
        m.submodules.rows = rows = memory.Memory(
            shape=SPRAM_WIDTH, depth=SPRAM_ROWS, init=[])
        read, write = rows.read_port(), rows.write_port(granularity=8)
        wrote = Signal()
        with m.If(self.select):
            m.d.sync += wrote.eq(self.write.any())
        m.d.comb += [
            read.addr.eq(self.address),
            read.en.eq(self.select & ~self.write.any()),
            write.addr.eq(self.address),
            write.data.eq(self.i),
            write.en.eq(Mux(self.select, self.write, 0)),
            self.o.eq(Mux(wrote, 0, read.data)),
        ]
        return m


class SpramArray(wiring.Component):
    """As many blocks side by side as a word needs, and as many such rows as there are blocks for.

    Parameters
    ----------
    width : int
        Bits of a word, a multiple of 8.
    depth : int
        Words.

    Members
    -------
    address, select, write, i, o
        As of :class:`Spram`, ``write`` with a bit for each byte of a word.

    Raises
    ------
    ValueError
        If that is more than an iCE40UP has; the message has both numbers.
    """
    address: Signal
    select: Signal
    write: Signal
    i: Signal
    o: Signal

    def __init__(self, width: int, depth: int):
        self._columns, self._banks = -(-width // SPRAM_WIDTH), -(-depth // SPRAM_ROWS)
        needed = spram_blocks(width, depth)
        if needed > SPRAM_BLOCKS:
            raise ValueError(f"{depth} words of {width} bits need {needed} blocks of SPRAM, and "
                             f"there are {SPRAM_BLOCKS}")
        super().__init__({
            "address": In(max(14, (depth - 1).bit_length())), "select": In(1),
            "write": In(width // 8), "i": In(width), "o": Out(width)})

    def elaborate(self, platform):
        m = Module()
        width = len(self.o)
        bank, answers = Signal(max(1, (self._banks - 1).bit_length())), []
        chosen = Signal.like(bank)
        m.d.comb += chosen.eq(self.address[14:])
        with m.If(self.select):
            m.d.sync += bank.eq(chosen)
        for b in range(self._banks):
            words = []
            for c in range(self._columns):
                m.submodules[f"block_{b}_{c}"] = block = Spram()
                m.d.comb += [
                    block.address.eq(self.address),
                    block.select.eq(self.select & (chosen == b)),
                    block.write.eq(self.write[2 * c:]),
                    block.i.eq(self.i[SPRAM_WIDTH * c:]),
                ]
                words.append(block.o)
            answers.append(Cat(words)[:width])
        m.d.comb += self.o.eq(Array(answers)[bank] if self._banks > 1 else answers[0])
        return m
