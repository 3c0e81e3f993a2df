"""The synapse memory."""

from amaranth import *
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out
from amaranth.vendor import LatticePlatform

from .memory_access import LoadSignature, row_bytes
from .spram import SpramArray

__all__ = ["WordMemory"]


class WordMemory(wiring.Component):
    """One word a cycle, from block RAM that the bitstream fills: the weights, or their targets.

    Parameters
    ----------
    width : int
        Bits of a word.
    rows : list of int
        Its contents, 1 row or more.
    loadable : bool
        They may be replaced, over ``load``.
    spram : bool
        In the single-port memories of an iCE40UP, which the bitstream does not fill: ``rows`` must
        be loaded. Only if ``loadable``.

    Members
    -------
    address : :py:`In(range(len(rows)))`
        Which word.
    enable : :py:`In(1)`
        Read; otherwise ``word`` stays and the memory rests.
    word : :py:`Out(width)`
        The word, one cycle later; lane 0 in the lowest bits.
    load : :py:`In(LoadSignature(width))`
        Only if it is ``loadable``.

    Raises
    ------
    ValueError
        If the memory could never be filled.
    """
    def __init__(self, width: int, rows: list[int], *, loadable: bool = False,
                 spram: bool = False):
        if spram and not loadable:
            raise ValueError("weights in SPRAM must be loadable: a bitstream does not fill it")
        self._rows = rows
        self._loadable = loadable
        self._array = SpramArray(8 * row_bytes(width), len(rows)) if spram else None
        members = {
            "address": In(max(1, (len(rows) - 1).bit_length())),
            "enable":  In(1),
            "word":    Out(width),
        }
        if loadable:
            members["load"] = In(LoadSignature(width))
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        if self._array is not None:
            m.submodules.array = array = self._array
            load = self.load
            m.d.comb += [
                array.address.eq(Mux(load.select, load.address, self.address)),
                array.select.eq(self.enable | load.select),
                array.write.eq(load.enable),
                array.i.eq(load.data.replicate(row_bytes(len(self.word)))),
                self.word.eq(array.o),
            ]
            return m
        depth = max(2, len(self._rows))
        if isinstance(platform, LatticePlatform):
            # There is enough block RAM on an ECP5 to do without a multiplexer behind it, which
            # would be the critical path: with a power of two, each block has a column of its own.
            depth = 1 << (depth - 1).bit_length()
        width = len(self.word)
        m.submodules.rows = rows = memory.Memory(
            shape=8 * row_bytes(width) if self._loadable else width, depth=depth, init=self._rows)
        read = rows.read_port()
        m.d.comb += [
            read.addr.eq(self.address),
            read.en.eq(self.enable),
            self.word.eq(read.data),
        ]
        if self._loadable:
            load, write = self.load, rows.write_port(granularity=8)
            m.d.comb += [
                write.addr.eq(load.address),
                write.data.eq(load.data.replicate(row_bytes(width))),
                write.en.eq(load.enable),
            ]
            with m.If(load.select):
                m.d.comb += [read.addr.eq(load.address), read.en.eq(1)]
        return m
