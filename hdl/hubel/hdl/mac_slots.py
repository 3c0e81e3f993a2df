"""From chunks of activations to one product a lane and clock."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .mac_params import GROUP, MacParams
from .mac_walker import ChunkLayout

__all__ = ["MacSlotLayout", "MacSlots"]


class MacSlotLayout(data.StructLayout):
    """A clock's work: with ``valid``, the activation and the weight word to multiply. The ``last``
    of ``word`` is it, valid or not. ``busy``: there is work.

    Parameters
    ----------
    params : :class:`MacParams`
    """
    def __init__(self, params: MacParams):
        layout = ChunkLayout(params)
        super().__init__({
            "busy":       1,
            "valid":      1,
            "last":       1,
            "activation": layout["activation"].shape,
            "weight":     layout["weight"].shape,
            "word":       layout["word"].shape,
        })


class MacSlots(wiring.Component):
    """Gives one slot a clock.

    A chunk is one activation or, where zeros are skipped, up to eight; then which of them are not
    zero is looked up in a memory, and only those take a clock; a chunk of zeros takes one. The last
    slot of a word waits while the lanes cannot take it.

    Parameters
    ----------
    params : :class:`MacParams`

    Members
    -------
    chunks : :py:`In(stream.Signature(ChunkLayout(params)))`
        What to read.
    hold : :py:`In(1)`
        The last slot of a word has to wait.
    look, group, nonzero : :py:`Out(1)`, :py:`Out(...)`, :py:`In(8)`
        Look up which activations of ``group`` are not zero; a clock later ``nonzero`` says so, and
        stays until the next look. Only where zeros are skipped.
    slot : :py:`Out(MacSlotLayout(params))`
        The slot of this clock.
    """
    chunks: stream.Interface

    def __init__(self, params: MacParams):
        self.params = params
        members = {
            "chunks": In(stream.Signature(ChunkLayout(params))),
            "hold":   In(1),
            "slot":   Out(MacSlotLayout(params)),
        }
        if params.skip_zeros:
            groups = -(-params.activations // GROUP)
            members |= {"look": Out(1), "group": Out(range(max(2, groups))), "nonzero": In(GROUP)}
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        chunk = self.chunks.payload
        ends, goes = Signal(), Signal()
        if not self.params.skip_zeros:
            m.d.comb += [
                ends.eq(chunk.last),
                goes.eq(self.chunks.valid & ~(ends & self.hold)),
                self.chunks.ready.eq(goes),
                self.slot.eq(Cat(goes, goes, goes & ends, chunk.activation, chunk.weight,
                                  chunk.word)),
            ]
            return m

        # The chunk that was looked up, and then the one that is worked on.
        looked, looked_valid, looked_mask = Signal.like(chunk), Signal(), Signal(GROUP)
        left, last, valid = Signal(GROUP), Signal(), Signal()
        # Nothing is left after this slot: in a flip-flop, because all that follows depends on it.
        single = Signal()
        word = Signal.like(looked.word)
        group, weight = Signal.like(self.group), Signal.like(chunk.weight)
        place, rest, next_left = Signal(range(GROUP)), Signal(GROUP), Signal(GROUP)
        first_place = looked.activation[:len(place)]
        free = Signal()
        m.d.comb += [
            self.look.eq(self.chunks.valid & self.chunks.ready),
            self.group.eq(chunk.activation[len(place):]),
            rest.eq(_without_lowest(left)),
            ends.eq(last & single),
            goes.eq(valid & ~(ends & self.hold)),
            free.eq(~valid | (goes & single)),
            self.chunks.ready.eq(~looked_valid | free),
            next_left.eq(self.nonzero & looked_mask),
        ]
        # Of several the lowest is assigned last.
        for i in reversed(range(GROUP)):
            with m.If(left[i]):
                m.d.comb += place.eq(i)
        with m.If(goes):
            m.d.sync += [left.eq(rest), single.eq(_without_lowest(rest) == 0)]
        with m.If(free):
            m.d.sync += [
                valid.eq(looked_valid),
                left.eq(next_left),
                single.eq(_without_lowest(next_left) == 0),
                last.eq(looked.last),
                word.eq(looked.word),
                group.eq(looked.activation[len(place):]),
                weight.eq(looked.weight - first_place),
            ]
        with m.If(self.chunks.ready):
            mask = ((1 << chunk.count) - 1) << chunk.activation[:len(place)]
            m.d.sync += [looked_valid.eq(self.chunks.valid), looked.eq(chunk),
                         looked_mask.eq(mask)]
        m.d.comb += self.slot.eq(Cat(goes, goes & left.any(), goes & ends, place, group,
                                     (weight + place)[:len(weight)], word))
        return m


def _without_lowest(bits: Value) -> Value:
    """``bits`` without the lowest one that is set."""
    return bits & (bits - 1)[:len(bits)]
