"""A link between a host that sends bytes and a stand-in for a core, and the same stand-in for
:class:`hubel.sim.device.Device`."""

import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from amaranth import sim

from hubel.hdl.events import EventKind, EventLayout
from hubel.hdl.host_link import HostLink
from hubel.hdl.identity import Identity
from hubel.hdl.params import CoreParams
from hubel.sim.streams import Packing

#: How many clocks the stand-in works on a step.
WORK = 300

#: Clocks after which the link takes the core for idle.
IDLE = 130


class StandIn:
    """A core that answers each END of input 0 with a START where one came, the codes that came, and
    an END, all from its output; its memories hold bytes, each in a row of its own."""

    def __init__(self, params: CoreParams):
        self.packing = Packing(EventLayout(params))
        self.output = params.source_of(params.outputs[0])
        self.memory: dict[tuple[int, int], int] = {}
        self.values = [0x01020304 * (i + 1) % 2**32 for i in range(8)]
        self.events: list[int] = []
        self.to_send: deque[int] = deque()
        self.resets = 0
        self.at = (0, 0)
        self._step: list[int] = []

    @property
    def idle(self) -> bool:
        return not self.to_send

    def reset(self) -> None:
        self.resets += 1
        self.to_send.clear()
        self._step.clear()

    def begin(self, memory: int, address: int) -> None:
        self.at = memory, address

    def write(self, byte: int) -> None:
        self.memory[self.at] = byte
        self.at = self.at[0], (self.at[1] + 1) % 2**24

    def read(self) -> int:
        byte = self.memory.get(self.at, self.at[1] & 0xFF)
        self.at = self.at[0], (self.at[1] + 1) % 2**24
        return byte

    def event(self, word: int) -> None:
        self.events.append(word)
        kind, source, code = self.packing.unpack(word).values()
        if kind == EventKind.END.value and source == 0:
            self.to_send += [*self._step, self.packing.pack(kind=kind, source=self.output)]
            self._step.clear()
        elif kind != EventKind.END.value:
            self._step.append(self.packing.pack(kind=kind, source=self.output, code=code))

    def outputs(self, most: int) -> list[int]:
        return [self.to_send.popleft() for _ in range(min(most, len(self.to_send)))]

    def counters(self) -> list[int]:
        return self.values


@dataclass
class LinkBench:
    """Sends ``chunks`` one after the other: each when the device was silent for a while after the
    one before. A byte of None has no stop bit. ``stall``: the probability in a clock that the core,
    its memory or the line is not ready."""

    params: CoreParams
    chunks: Sequence[Sequence[int | None]]
    identity: Identity | None = None
    loaded: bool = True
    spacing: int = 3
    stall: float = 0.0
    seed: int = 0
    patience: int = 10
    answers: list[bytes] = field(default_factory=list)

    def run(self) -> "LinkBench":
        identity = self.identity or Identity.of(self.params)
        self.dut = HostLink(self.params, identity, loaded=self.loaded, patience=self.patience)
        self.core = StandIn(self.params)
        self.draw = random.Random(self.seed)
        self.working = 0
        self.was_active = False
        simulator = sim.Simulator(self.dut)
        simulator.add_clock(1e-6)
        simulator.add_testbench(self._host)
        for process in (self._line, self._core, self._send, self._counters, self._memory):
            simulator.add_testbench(process, background=True)
        simulator.run()
        return self

    def _ready(self) -> bool:
        return self.draw.random() >= self.stall

    async def _host(self, ctx):
        dut = self.dut
        for _ in range(IDLE):
            await ctx.tick()
        for chunk in self.chunks:
            self.answers.append(b"")
            for byte in chunk:
                ctx.set(dut.i_bytes.valid, byte is not None)
                ctx.set(dut.bad_byte, byte is None)
                ctx.set(dut.i_bytes.payload, self.draw.randrange(256) if byte is None else byte)
                await ctx.tick()
                ctx.set(dut.i_bytes.valid, 0)
                ctx.set(dut.bad_byte, 0)
                for _ in range(self.spacing - 1):
                    await ctx.tick()
            await self._settle(ctx)

    async def _settle(self, ctx):
        """Until the link has waited for a request for a while, and the core has nothing to do."""
        waited = 0
        while waited < (IDLE if self.was_active else 8):
            await ctx.tick()
            waits = ctx.get(self.dut.receives) and not self.working
            waited = waited + 1 if waits else 0
        self.was_active = False

    async def _line(self, ctx):
        o_bytes, waiting = self.dut.o_bytes, None
        while True:
            ready = self._ready()
            ctx.set(o_bytes.ready, ready)
            valid, payload = ctx.get(o_bytes.valid), ctx.get(o_bytes.payload)
            assert waiting is None or (valid and payload == waiting), "a rule of the stream"
            waiting = payload if valid and not ready else None
            if valid and ready:
                self.answers[-1] += bytes([payload])
            await ctx.tick()

    async def _core(self, ctx):
        events, waiting = self.dut.events, None
        while True:
            ready = self._ready() and not self.working
            ctx.set(events.ready, ready)
            valid = ctx.get(events.valid)
            word = ctx.get(events.payload.as_value())
            reset = ctx.get(self.dut.reset)
            assert waiting is None or (valid and word == waiting) or reset, "a rule of the stream"
            waiting = word if valid and not ready and not reset else None
            if reset:
                self.core.reset()
                self.working = 0
            elif valid and ready:
                had = len(self.core.to_send)
                self.core.event(word)
                if len(self.core.to_send) > had:
                    self.working = WORK
            elif self.working:
                self.working -= 1
            active = bool(self.working or self.core.to_send)
            self.was_active |= active or bool(reset)
            ctx.set(self.dut.active, active)
            await ctx.tick()

    async def _send(self, ctx):
        spikes = self.dut.spikes
        while True:
            offered = bool(self.core.to_send) and not self.working and self._ready()
            ctx.set(spikes.valid, offered)
            taken = False
            while offered and not taken:
                word = self.core.to_send[0] if self.core.to_send else 0
                fields = self.core.packing.unpack(word)
                ctx.set(spikes.payload.kind, EventKind(fields["kind"]))
                ctx.set(spikes.payload.source, fields["source"])
                ctx.set(spikes.payload.code, fields["code"])
                if ctx.get(self.dut.reset) or not self.core.to_send:
                    break
                taken = bool(ctx.get(spikes.ready))
                await ctx.tick()
            if taken:
                self.core.to_send.popleft()
            else:
                await ctx.tick()

    async def _counters(self, ctx):
        number = 0
        while True:
            ctx.set(self.dut.counters.number, number)
            ctx.set(self.dut.counters.value, self.core.values[number])
            await ctx.tick()
            number = (number + 1) % 8

    async def _memory(self, ctx):
        access, offered = self.dut.access, None
        while True:
            if ctx.get(access.begin):
                self.core.begin(ctx.get(access.memory).value, ctx.get(access.address))
                offered = None
            ready = self._ready()
            ctx.set(access.write.ready, ready)
            if ready and ctx.get(access.write.valid):
                self.core.write(ctx.get(access.write.payload))
            if offered is None and self._ready():
                place = self.core.at
                offered = self.core.read()
                self.core.at = place
            ctx.set(access.read.valid, offered is not None)
            ctx.set(access.read.payload, offered or 0)
            if offered is not None and ctx.get(access.read.ready):
                self.core.read()
                offered = None
            await ctx.tick()

    async def _nothing(self, ctx):
        """Instead of the memory: never ready."""
        while True:
            await ctx.tick()
