"""The synapse memory."""

from amaranth import *
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out
from amaranth.vendor import LatticePlatform

from .image import weight_rows
from .params import CoreParams
from .program import Program

__all__ = ["WeightMemory"]


class WeightMemory(wiring.Component):
    """One weight word a cycle, from block RAM that the bitstream fills.

    Parameters
    ----------
    params : :class:`CoreParams`
    program : :class:`Program`

    Members
    -------
    address : :py:`In(range(weight_words))`
        Which word.
    enable : :py:`In(1)`
        Read; otherwise ``word`` stays and the memory rests.
    word : :py:`Out(lanes * weight_width)`
        The word, one cycle later; lane 0 in the lowest bits.
    """
    def __init__(self, params: CoreParams, program: Program):
        self._depth = params.weight_words
        self._rows = weight_rows(params, program)
        super().__init__({
            "address": In(range(params.weight_words)),
            "enable":  In(1),
            "word":    Out(params.lanes * params.weight_width),
        })

    def elaborate(self, platform):
        m = Module()
        depth = self._depth
        if isinstance(platform, LatticePlatform):
            # There is enough block RAM on an ECP5 to do without a multiplexer behind it, which
            # would be the critical path: with a power of two, each block has a column of its own.
            depth = 1 << (depth - 1).bit_length()
        m.submodules.rows = rows = memory.Memory(
            shape=len(self.word), depth=depth, init=self._rows)
        read = rows.read_port()
        m.d.comb += [
            read.addr.eq(self.address),
            read.en.eq(self.enable),
            self.word.eq(read.data),
        ]
        return m
