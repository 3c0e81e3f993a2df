"""The host's way into a core: requests come as frames, and each is answered by one."""

import random
from typing import Any

from amaranth import *
from amaranth.lib import memory, stream, wiring
from amaranth.lib.crc import catalog
from amaranth.lib.wiring import In, Out

from .counter_ring import CounterSignature
from .counters import Counters
from .event_bytes import EventPacker, EventUnpacker
from .events import EventLayout
from .frame_receiver import HEAD, FrameReceiver
from .frame_sender import FrameSender
from .identity import IDENTITY_BYTES, TAG_PLACE, Identity
from .link_protocol import ANSWER, ANSWER_MOST, TAG_BYTES, Command, Result, event_bytes
from .memory_access import MemoryAccessSignature, MemoryKind
from .params import CoreParams
from .uart import ByteSignature

__all__ = ["HostLink", "link_memory"]


# What a part of the memory holds, the upper bits of its addresses: the request, the answer, and
# what the device says of itself.
_REQUEST, _ANSWER, _IDENTITY = C(0b0, 1), C(0b10, 2), C(0b11, 2)

_COUNTER_BYTES = 4 * len(Counters.names())


def link_memory(identity: bytes) -> list[int]:
    """Contents of the memory of a link at first. What is written before it is read is noise, by
    which the memory can be found in a routed design."""
    contents = list(random.Random("link").randbytes(512))
    contents[0x180:0x180 + len(identity)] = identity
    return contents


class HostLink(wiring.Component):
    """Serves a core over a pair of byte streams, by the protocol of docs/protocol.md.

    One block RAM of 512 bytes has it all: a request, which is obeyed when it is whole and its check
    sum is right; the answer, which is kept until the next request, to be sent again if that one
    repeats; and the :class:`Identity`. A request is obeyed, then answered, then the next one is
    received: what comes in between is dropped and counted.

    Outputs of the core wait until an answer to EVENTS takes them. While no such answer is made,
    and while it is full, ``spikes`` is not ready; nothing is lost.

    Parameters
    ----------
    params : :class:`CoreParams`
    identity : :class:`Identity`
    loaded : bool
        The memories have a complete Program from the start.
    patience : int
        After ``2**patience`` clocks EVENTS is answered whatever has come, and LOAD and READ end
        with an error. A step may take longer.

    Members
    -------
    i_bytes : :py:`In(ByteSignature())`
        Bytes from the host.
    bad_byte : :py:`In(1)`
        A byte was lost in this cycle.
    o_bytes : :py:`Out(stream.Signature(8))`
        Bytes to the host.
    events : :py:`Out(stream.Signature(EventLayout(params)))`
        Events for the core.
    spikes : :py:`In(stream.Signature(EventLayout(params)))`
        Events of its outputs.
    counters : :py:`In(CounterSignature())`
        Its counters.
    access : :py:`Out(MemoryAccessSignature())`
        Its memories.
    active : :py:`In(1)`
        It has something to do, or did in the last few cycles.
    reset : :py:`Out(1)`
        Resets it: a session begins.
    receives : :py:`Out(1)`
        A request is waited for; for observers.
    """
    i_bytes: Any
    bad_byte: Signal
    o_bytes: stream.Interface
    events: stream.Interface
    spikes: stream.Interface
    counters: Any
    access: Any
    active: Signal
    reset: Signal
    receives: Signal

    def __init__(self, params: CoreParams, identity: Identity, *, loaded: bool = True,
                 patience: int = 14):
        self.params = params
        self._identity = identity.to_bytes()
        self._loaded = loaded
        self._patience = patience
        assert len(self._identity) <= IDENTITY_BYTES
        layout = EventLayout(params)
        super().__init__({
            "i_bytes":  In(ByteSignature()),
            "bad_byte": In(1),
            "o_bytes":  Out(stream.Signature(8)),
            "events":   Out(stream.Signature(layout)),
            "spikes":   In(stream.Signature(layout)),
            "counters": In(CounterSignature()),
            "access":   Out(MemoryAccessSignature()),
            "active":   In(1),
            "reset":    Out(1),
            "receives": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.frames = frames = memory.Memory(
            shape=8, depth=512, init=link_memory(self._identity))
        m.submodules.crc = self._crc = crc = catalog.CRC16_IBM_3740(8).create()
        m.submodules.receiver = self._receiver = receiver = FrameReceiver()
        m.d.comb += self.receives.eq(receiver.enable)
        m.submodules.sender = self._sender = sender = FrameSender(first=128 - HEAD)
        self._read, self._write = frames.read_port(), frames.write_port()
        wiring.connect(m, wiring.flipped(self.i_bytes), receiver.i_bytes)
        wiring.connect(m, sender.o_bytes, wiring.flipped(self.o_bytes))

        # Bytes of the request (or of the identity) are taken at ``get``; ``data`` is the one there.
        self._get, self._take = Signal(8, init=256 - HEAD), Signal()
        self._identifies = Signal()
        following = Signal.like(self._get)
        self._data = self._read.data
        # The choice comes last: what decides it is late.
        after = Signal.like(self._get)
        m.d.comb += [after.eq(self._get + 1), following.eq(Mux(self._take, after, self._get))]
        m.d.sync += self._get.eq(following)
        # Decided a cycle before, because much depends on it.
        self._used = Signal()
        m.d.sync += self._used.eq(following == receiver.length)
        with m.If(self._identifies):
            m.d.comb += self._read.addr.eq(Cat(following[:7], _IDENTITY))
        with m.Else():
            m.d.comb += self._read.addr.eq(Cat(following, _REQUEST))
        # Bytes of the answer are put at ``put``.
        self._put = Signal(7, init=128 - HEAD)
        m.d.comb += [
            receiver.bad_byte.eq(self.bad_byte),
            receiver.crc_match.eq(crc.match_detected),
            sender.end.eq(self._put),
            sender.data.eq(self._data),
            # What is written, unless a state says otherwise.
            self._write.addr.eq(Cat(self._put, _ANSWER)),
            self._write.data.eq(self._data),
            crc.data.eq(self._write.data),
        ]
        self._session, self._have = Signal(), Signal(init=self._loaded)
        self._result = Signal(3)
        self._waited = Signal(self._patience + 1)
        self._memory = Signal(MemoryKind)
        m.d.comb += self.access.memory.eq(self._memory)
        self._elaborate_status(m)
        self._elaborate_events(m)
        self._elaborate_requests(m)
        return m

    def _emit(self, m, byte, *, summed: bool = True) -> None:
        """Append ``byte`` to the answer in this cycle."""
        m.d.comb += self._write.en.eq(1)
        if byte is not self._data:
            m.d.comb += self._write.data.eq(byte)
        m.d.sync += self._put.eq(self._put + 1)
        m.d.comb += self._crc.valid.eq(summed)

    def _elaborate_status(self, m):
        """Counts what was wrong, and whether the core is idle."""
        self._stale, self._report = Signal(), Signal()
        self._status = [Signal(8, name=name) for name in ("bad", "stale", "lost")]
        happens = (self._receiver.bad, self._stale, self._receiver.lost)
        for count, now in zip(self._status, happens, strict=True):
            # Counted a cycle later: what decides it is late.
            one = Signal(name=f"{count.name}_one")
            m.d.sync += one.eq(now)
            with m.If(self._report):
                m.d.sync += count.eq(one)
            with m.Elif(count != 255):
                m.d.sync += count.eq(count + one)
        # Longer than anything is on its way through the core or its counters.
        quiet = Signal(7)
        self._idle = Signal()
        m.d.comb += self._idle.eq(quiet.all())
        with m.If(self.active | self.reset):
            m.d.sync += quiet.eq(0)
        with m.Elif(~self._idle):
            m.d.sync += quiet.eq(quiet + 1)

    def _elaborate_events(self, m):
        """To and from the core; a session begins with a reset of these too."""
        unpacker, packer = EventUnpacker(self.params), EventPacker(self.params)
        m.submodules.unpacker = ResetInserter(self.reset)(unpacker)
        m.submodules.packer = ResetInserter(self.reset)(packer)
        wiring.connect(m, unpacker.o, wiring.flipped(self.events))
        wiring.connect(m, wiring.flipped(self.spikes), packer.i)
        self._unpacker, self._packer = unpacker, packer

    def _elaborate_requests(self, m):
        receiver, sender, crc = self._receiver, self._sender, self._crc
        data, last = self._data, Signal(8)
        command = Signal(8)
        # A byte of the request in a register, because a memory's clock-to-output and what depends
        # on the byte are more than a cycle: the number, and then what READ wants.
        self._held = number = Signal(8)
        step = Signal(8)
        m.d.comb += step.eq(number - last)
        # From a flip-flop, because it goes far.
        m.d.sync += [self.reset.eq(0), self._waited.eq(self._waited + 1)]
        with m.FSM():
            with m.State("Clear"):
                m.d.comb += [receiver.clear.eq(1), crc.start.eq(1)]
                m.d.sync += [self._get.eq(-HEAD), self._result.eq(0), self._identifies.eq(0)]
                m.next = "Receive"
            with m.State("Receive"):
                m.d.comb += [
                    receiver.enable.eq(1),
                    self._write.addr.eq(Cat(receiver.place, _REQUEST)),
                    self._write.data.eq(receiver.write.payload),
                    self._write.en.eq(receiver.write.valid),
                    crc.start.eq(receiver.crc_start),
                    crc.valid.eq(receiver.write.valid),
                ]
                with m.If(receiver.frame):
                    m.next = "Command"
            with m.State("Command"):
                m.d.comb += self._take.eq(1)
                m.d.sync += command.eq(data)
                m.next = "Number"
            with m.State("Number"):
                m.d.sync += number.eq(data)
                m.next = "Judge"
            with m.State("Judge"):
                m.next = "Clear"
                with m.If(command[7]):
                    m.d.comb += self._stale.eq(1)  # an answer is no request
                with m.Elif((command == Command.IDENTIFY) | ~self._session | (step == 1)):
                    m.d.sync += [last.eq(number), self._put.eq(-HEAD)]
                    m.next = "Head"
                with m.Elif(step == 0):
                    m.next = "Send"
                with m.Else():
                    m.d.comb += self._stale.eq(1)
            with m.State("Head"):
                m.d.comb += crc.start.eq(1)
                m.d.sync += self._waited.eq(0)
                self._emit(m, command | ANSWER)
                m.next = "Head 2"
            with m.State("Head 2"):
                m.d.comb += self._take.eq(1)
                self._emit(m, data)
                self._dispatch(m, command)
            self._elaborate_commands(m)
            with m.State("Used"):
                self._emit(m, self._get)
                m.next = "Result"
            with m.State("Result"):
                trouble = Cat(self._status).any()
                self._emit(m, Cat(self._result, C(0, 1), self._idle, self._have, trouble))
                m.next = "Length"
            with m.State("Length"):
                self._emit(m, self._put)
                m.next = "CRC"
            with m.State("CRC"):
                self._emit(m, crc.crc[8:], summed=False)
                m.next = "CRC 2"
            with m.State("CRC 2"):
                self._emit(m, crc.crc[:8], summed=False)
                m.next = "Send"
            with m.State("Send"):
                m.d.comb += sender.start.eq(1)
                m.next = "Sending"
            with m.State("Sending"):
                m.d.comb += self._read.addr.eq(Cat(sender.place, _ANSWER))
                with m.If(sender.done):
                    m.next = "Clear"

    def _dispatch(self, m, command):
        """To the state of ``command``, or to the result that refuses it."""
        length, idle = self._receiver.length, self._idle

        def refuse(result: Result):
            m.d.sync += self._result.eq(result)
            m.next = "Result"

        def unless(length_is_right, ready, state: str, otherwise: Result = Result.BUSY):
            with m.If(~length_is_right):
                refuse(Result.BAD_COMMAND)
            with m.Elif(~ready):
                refuse(otherwise)
            with m.Else():
                m.next = state

        with m.If(~self._session & (command != Command.IDENTIFY)):
            refuse(Result.NO_SESSION)
        with m.Else(), m.Switch(command):
            with m.Case(Command.IDENTIFY):
                with m.If(length == 4):
                    m.d.sync += [self.reset.eq(1), self._session.eq(1)]
                unless(length == 4, C(1), "Copy")
            with m.Case(Command.SEEK):
                unless(length == 4, idle, "Seek")
            with m.Case(Command.LOAD):
                unless(C(1), idle, "Load")
            with m.Case(Command.READ):
                unless(length == 1, idle, "Count")
            with m.Case(Command.COMMIT):
                unless(length == TAG_BYTES, idle, "Commit")
            with m.Case(Command.EVENTS):
                unless(C(1), self._have, "Events", Result.NOT_LOADED)
            with m.Case(Command.COUNTERS):
                unless(length == 0, idle, "Counters")
            with m.Case(Command.STATUS):
                unless(length == 0, C(1), "Status")
            with m.Default():
                refuse(Result.BAD_COMMAND)

    def _elaborate_commands(self, m):
        """A state or more for each command; the payload is at ``data``, ``put`` starts at 0."""
        access, data, get, put = self.access, self._data, self._get, self._put
        used, late = self._used, self._waited[-1]

        def time_out():
            with m.If(late):
                m.d.sync += self._result.eq(Result.TIMED_OUT)
                m.next = "Result"

        with m.State("Copy"):
            with m.If(~used):
                self._emit(m, data)
                m.d.comb += self._take.eq(1)
            with m.Else():
                m.d.sync += [get.eq(0), self._identifies.eq(1)]
                m.next = "Turn"
        with m.State("Turn"):
            m.next = "Identity"
        with m.State("Identity"):
            self._emit(m, data)
            m.d.comb += self._take.eq(1)
            with m.If(get == len(self._identity) - 1):
                m.next = "Result"
        with m.State("Seek"):
            m.d.comb += self._take.eq(1)
            with m.Switch(get[:2]):
                with m.Case(0):
                    m.d.sync += self._memory.eq(data)
                for i in range(3):
                    with m.Case(i + 1):
                        m.d.sync += access.address[8 * i:8 * i + 8].eq(data)
            with m.If(get == 3):
                m.next = "Begin"
        with m.State("Begin"):
            m.d.comb += access.begin.eq(1)
            m.next = "Result"
        with m.State("Load"):
            m.d.sync += self._have.eq(0)
            m.d.comb += [
                access.write.valid.eq(~used),
                access.write.payload.eq(data),
                self._take.eq(access.write.valid & access.write.ready),
            ]
            time_out()
            with m.If(used):
                m.next = "Result"
        wanted = self._held
        with m.State("Count"):
            m.d.sync += wanted.eq(Mux(data > ANSWER_MOST, ANSWER_MOST, data))
            m.next = "Read"
        with m.State("Read"):
            with m.If(put == wanted):
                m.next = "Result"
            with m.Elif(access.read.valid):
                m.d.comb += access.read.ready.eq(1)
                self._emit(m, access.read.payload)
            with m.Else():
                time_out()
        with m.State("Commit"):
            m.d.comb += [
                self._take.eq(1),
                self._write.addr.eq(Cat(get[:3], C(TAG_PLACE >> 3, 4), _IDENTITY)),
                self._write.en.eq(1),
            ]
            with m.If(get == TAG_BYTES - 1):
                m.d.sync += self._have.eq(1)
                m.next = "Result"
        with m.State("Events"):
            self._exchange(m, used, late)
        with m.State("Counters"):
            with m.If(self.counters.number == put[2:5]):
                self._emit(m, self.counters.value.word_select(put[:2], 8))
                with m.If(put == _COUNTER_BYTES - 1):
                    m.next = "Result"
        with m.State("Status"):
            with m.Switch(put[:2]):
                for i, count in enumerate(self._status):
                    with m.Case(i):
                        self._emit(m, count)
            with m.If(put == len(self._status) - 1):
                m.d.comb += self._report.eq(1)
                m.next = "Result"

    def _exchange(self, m, used, late):
        """Events go in and come out until all are in and no more is to be waited for, or until
        there is no room for another one, or for too long."""
        unpacker, packer, full, stop = self._unpacker, self._packer, Signal(), Signal()
        put_most = ANSWER_MOST - event_bytes(self.params) - 1
        # A cycle late, and therefore a byte early; the head, below 0, is no byte of the answer.
        m.d.sync += full.eq((put_most < self._put) & ~self._put[1:].all())
        m.d.comb += [
            stop.eq(full | late | unpacker.bad | (self._result != Result.OK)
                    | (used & ((self._receiver.length != 0) | self._idle))),
            # What is half in or half out goes on.
            unpacker.i.payload.eq(self._data),
            unpacker.i.valid.eq(~used & ~(stop & unpacker.first)),
            self._take.eq(unpacker.i.valid & unpacker.i.ready),
            packer.o.ready.eq(~(stop & packer.first)),
        ]
        with m.If(packer.o.valid & packer.o.ready):
            self._emit(m, packer.o.payload)
        with m.If(unpacker.bad):
            m.d.sync += self._result.eq(Result.BAD_EVENT)
        with m.If(stop & packer.first):
            with m.If(used & ~unpacker.first & unpacker.i.ready):
                # A part of an event is left.
                m.d.comb += unpacker.flush.eq(1)
                m.d.sync += self._result.eq(Result.BAD_EVENT)
                m.next = "Used"
            with m.Elif(used | unpacker.first | ~unpacker.i.ready):
                m.next = "Used"
