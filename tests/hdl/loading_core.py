"""A core that loads a Program into itself after reset, through its memory port: for benches that
know nothing of that port."""

from amaranth.hdl import Module, Signal
from amaranth.lib import memory, wiring

from hubel.hdl.core import Core
from hubel.hdl.memory_access import MemoryKind
from hubel.hdl.memory_image import Load, loads
from hubel.hdl.program import Program


class LoadingCore(wiring.Component):
    """:class:`Core` for ``built``, with weights in SPRAM if so said; ``program`` runs."""

    def __init__(self, built: Program, program: Program, *, lanes: int, spram: bool):
        params = built.params(lanes=lanes)
        self._core = Core(params, built, access=True, spram=spram)
        self._loads: list[Load] = loads(params, program)
        members = {
            name: member
            for name, member in self._core.signature.members.items()
            if name != "memory"
        }
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        m.submodules.core = core = self._core
        data = b"".join(load.data for load in self._loads)
        m.submodules.rom = rom = memory.Memory(shape=8, depth=len(data), init=data)
        read = rom.read_port()
        count, state = Signal(range(len(data) + 1)), Signal(2)
        at = 0
        port, done = core.memory, Signal()
        m.d.comb += [read.addr.eq(count), port.write.payload.eq(read.data)]
        # 0: begin, if a load starts here; 1: the byte is being read; 2: it is given; 3: the rest.
        with m.Switch(state):
            with m.Case(0):
                m.d.sync += state.eq(1)
                for load in self._loads:
                    with m.If(count == at):
                        m.d.comb += [
                            port.begin.eq(1),
                            port.memory.eq(MemoryKind(load.memory)),
                            port.address.eq(load.address),
                        ]
                    at += len(load.data)
            with m.Case(1):
                m.d.sync += state.eq(2)
            with m.Case(2):
                m.d.comb += port.write.valid.eq(1)
                with m.If(port.write.ready):
                    m.d.sync += [count.eq(count + 1), state.eq(0)]
                    with m.If(count == len(data) - 1):
                        m.d.sync += state.eq(3)
        m.d.comb += done.eq(state == 3)
        for name in ("spikes", "counters", "update"):
            wiring.connect(m, getattr(core, name), wiring.flipped(getattr(self, name)))
        m.d.comb += [
            core.events.payload.eq(self.events.payload),
            core.events.valid.eq(self.events.valid & done),
            self.events.ready.eq(core.events.ready & done),
        ]
        return m
