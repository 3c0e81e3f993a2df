"""The host's way into a core: requests come as frames, and each is answered by one."""

from typing import Any

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .counter_ring import CounterSignature
from .counters import Counters
from .events import EventLayout
from .frame_receiver import FrameReceiver
from .identity import IDENTITY_BYTES, Identity
from .link_events import LinkEvents
from .link_memory import LinkMemory, Part
from .link_protocol import ANSWER, ANSWER_MOST, TAG_BYTES, Command, Result
from .link_status import LinkStatus
from .memory_access import MemoryAccessSignature, MemoryKind
from .params import CoreParams
from .uart import ByteSignature

__all__ = ["HostLink"]


class HostLink(wiring.Component):
    """Serves a core over a pair of byte streams, by the protocol of docs/protocol.md.

    A :class:`LinkMemory` has it all: a request, which is obeyed when it is whole and its check
    sum is right; the answer, which is kept until the next request, to be sent again if that one
    repeats; and the :class:`Identity`. A request is obeyed, then answered, then the next one is
    received: what comes in between is dropped and counted.

    A byte of a request takes three cycles, one of an answer two to four, which is less than the
    line takes for it.

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
        m.submodules.memory = self._memory = mem = LinkMemory(self._identity)
        m.submodules.receiver = self._receiver = receiver = FrameReceiver()
        m.submodules.status = self._status = status = LinkStatus()
        wiring.connect(m, wiring.flipped(self.i_bytes), receiver.i_bytes)
        # All of the request was read, or of what is copied: decided a cycle before.
        self._used, used = Signal(), Signal()
        m.d.sync += used.eq(mem.get == receiver.length)
        m.d.comb += [
            self._used.eq(mem.there & used),
            self.receives.eq(receiver.enable),
            receiver.bad_byte.eq(self.bad_byte),
            receiver.written.eq(mem.written),
            receiver.byte.eq(mem.byte),
            receiver.place.eq(mem.place),
            receiver.crc_match.eq(mem.crc_match),
            mem.answers.eq(~receiver.enable),
            # What is put and what is sent, unless a state says otherwise.
            mem.put.payload.eq(mem.data),
            self.o_bytes.payload.eq(mem.data),
            status.bad.eq(receiver.bad),
            status.lost.eq(receiver.lost),
        ]
        self._session, self._have = Signal(), Signal(init=self._loaded)
        self._waited = Signal(self._patience + 1)
        self._result, self._kind = Signal(Result), Signal(MemoryKind)
        self._elaborate_events(m)
        m.d.comb += [
            self.access.memory.eq(self._kind),
            status.busy.eq(self.active | self.reset | self._exchange.waiting),
        ]
        self._elaborate_requests(m)
        return m

    def _offer(self, m, byte, when: Any = 1) -> None:
        """Append ``byte`` to the answer in this cycle, ``when`` that is said: only the state, which
        is early, chooses the byte."""
        m.d.comb += [self._memory.put.payload.eq(byte), self._memory.put.valid.eq(when)]

    def _copy(self, m) -> None:
        """Append the byte that is read, and read the next one."""
        m.d.comb += [self._memory.put.valid.eq(1), self._memory.take.eq(1)]

    def _seek(self, m, part: Part) -> None:
        m.d.comb += [self._memory.seek.eq(1), self._memory.part.eq(part)]

    def _elaborate_events(self, m):
        """To and from the core; a session begins with a reset of these too."""
        mem = self._memory
        self._exchange = exchange = LinkEvents(self.params)
        m.submodules.exchange = ResetInserter(self.reset)(exchange)
        wiring.connect(m, exchange.events, wiring.flipped(self.events))
        wiring.connect(m, wiring.flipped(self.spikes), exchange.spikes)
        self._exchanges = Signal()
        m.d.comb += [
            exchange.enable.eq(self._exchanges),
            exchange.data.eq(mem.data),
            exchange.there.eq(mem.there),
            exchange.used.eq(self._used),
            exchange.written.eq(mem.written),
            exchange.place.eq(mem.place),
            exchange.brings.eq(self._receiver.length != 0),
            exchange.idle.eq(self._status.idle),
            exchange.late.eq(self._waited[-1]),
        ]

    def _elaborate_requests(self, m):
        receiver, mem, status = self._receiver, self._memory, self._status
        command, last, step = Signal(8), Signal(8), Signal(8)
        # From flip-flops, because they go far: that the state is Receive, or was Events; the reset.
        listens = Signal()
        m.d.comb += receiver.enable.eq(listens)
        m.d.sync += [self.reset.eq(0), self._exchanges.eq(0), self._waited.eq(self._waited + 1)]
        with m.FSM():
            with m.State("Clear"):
                m.d.comb += [receiver.clear.eq(1), mem.start.eq(1), mem.crc_start.eq(1)]
                self._seek(m, Part.REQUEST)
                m.d.sync += [self._result.eq(Result.OK), listens.eq(1)]
                m.next = "Receive"
            with m.State("Receive"):
                m.d.comb += [
                    mem.put.payload.eq(receiver.write.payload),
                    mem.put.valid.eq(receiver.write.valid),
                    mem.start.eq(receiver.start),
                    mem.crc_start.eq(receiver.crc_start),
                ]
                with m.If(receiver.frame):
                    m.d.sync += listens.eq(0)
                    m.next = "Command"
            with m.State("Command"):
                m.d.sync += command.eq(mem.data)
                with m.If(mem.there):
                    m.d.comb += mem.take.eq(1)
                    m.next = "Number"
            with m.State("Number"):
                m.d.sync += step.eq(mem.data - last)
                with m.If(mem.there):
                    m.next = "Judge"
            with m.State("Judge"):
                m.d.comb += mem.crc_start.eq(1)
                m.next = "Clear"
                # An answer is no request.
                with m.If(~command[7] & ((command == Command.IDENTIFY) | ~self._session
                                         | (step == 1))):
                    m.d.sync += last.eq(mem.data)
                    self._seek(m, Part.REQUEST)
                    m.next = "Head"
                with m.Elif(~command[7] & (step == 0)):
                    m.next = "Send"
                with m.Else():
                    m.d.comb += status.stale.eq(1)
            with m.State("Head"):
                m.d.comb += mem.start.eq(1)
                m.d.sync += self._waited.eq(0)
                self._offer(m, mem.data | ANSWER, mem.there)
                with m.If(mem.there):
                    m.d.comb += mem.take.eq(1)
                    m.next = "Head 2"
            with m.State("Head 2"):
                with m.If(mem.there):
                    self._copy(m)
                    self._dispatch(m, command)
            self._elaborate_commands(m)
            with m.State("Used"):
                self._offer(m, mem.get)
                m.next = "Result"
            with m.State("Result"):
                self._offer(m, Cat(self._result, C(0, 1), status.idle, self._have, status.trouble))
                m.next = "Length"
            with m.State("Length"):
                self._offer(m, mem.place, ~mem.written)
                with m.If(~mem.written):
                    m.next = "CRC"
            with m.State("CRC"):
                m.d.comb += mem.crc_rests.eq(1)
                self._offer(m, mem.crc[8:], ~mem.written)
                with m.If(~mem.written):
                    m.next = "CRC 2"
            with m.State("CRC 2"):
                self._offer(m, mem.crc[:8])
                m.next = "Close"
            for state, following in ("Close", "Close 2"), ("Close 2", "Send"):
                with m.State(state):
                    self._offer(m, C(0))
                    m.next = following
            with m.State("Send"):
                # If nothing was put, because the answer is sent again, this does not matter.
                m.d.comb += mem.close.eq(1)
                self._seek(m, Part.ANSWER)
                m.next = "Open"
            sent = mem.there & self.o_bytes.ready
            with m.State("Open"):
                m.d.comb += [self.o_bytes.valid.eq(mem.there), mem.take.eq(sent)]
                with m.If(sent):
                    m.next = "Sending"
            with m.State("Sending"):
                m.d.comb += [self.o_bytes.valid.eq(mem.there), mem.take.eq(sent)]
                with m.If(sent & (mem.data == 0)):
                    m.next = "Clear"

    def _dispatch(self, m, command):
        """To the state of ``command``, or to the result that refuses it."""
        length, idle = self._receiver.length, self._status.idle

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
                unless(length == 1, idle, "Read")
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
        """A state or more for each command; the payload is read from its start on."""
        access, mem, late = self.access, self._memory, self._waited[-1]
        enough, comes = Signal(), Signal()

        def time_out():
            with m.If(late):
                m.d.sync += self._result.eq(Result.TIMED_OUT)
                m.next = "Result"

        with m.State("Copy"):
            with m.If(self._used):
                self._seek(m, Part.IDENTITY)
                m.next = "Identity"
            with m.Elif(mem.there):
                self._copy(m)
        with m.State("Identity"):
            # A core that was just reset is not said to be idle.
            m.d.comb += self._status.busy.eq(1)
            with m.If(mem.there):
                self._copy(m)
                with m.If(mem.get == len(self._identity) - 1):
                    m.next = "Result"
        with m.State("Seek"):
            with m.If(mem.there):
                m.d.comb += mem.take.eq(1)
                with m.Switch(mem.get[:2]):
                    with m.Case(0):
                        m.d.sync += self._kind.eq(mem.data)
                    for i in range(3):
                        with m.Case(i + 1):
                            m.d.sync += access.address[8 * i:8 * i + 8].eq(mem.data)
                with m.If(mem.get[:2] == 3):
                    m.next = "Begin"
        with m.State("Begin"):
            m.d.comb += access.begin.eq(1)
            m.next = "Result"
        m.d.comb += access.write.payload.eq(mem.data)
        with m.State("Load"):
            m.d.sync += self._have.eq(0)
            with m.If(self._used):
                m.next = "Result"
            with m.Elif(mem.there):
                m.next = "Give"
        with m.State("Give"):
            m.d.comb += [access.write.valid.eq(1), mem.take.eq(access.write.ready)]
            with m.If(access.write.ready):
                m.next = "Load"
            with m.Else():
                time_out()
        with m.State("Read"):
            # All that was asked for was given: decided in a cycle of its own.
            m.d.sync += enough.eq((mem.place == mem.data) | (mem.place == ANSWER_MOST))
            with m.If(mem.there & ~mem.written):
                m.next = "Ask"
        with m.State("Ask"):
            given = access.read.valid & ~enough
            m.d.comb += access.read.ready.eq(~enough)
            self._offer(m, access.read.payload, given)
            with m.If(enough):
                m.next = "Result"
            with m.Elif(given):
                m.next = "Read"
            with m.Else():
                time_out()
        with m.State("Commit"):
            with m.If(mem.there):
                m.next = "Tag"
        with m.State("Tag"):
            m.d.comb += [mem.tag.eq(1), mem.take.eq(1)]
            m.next = "Commit"
            with m.If(mem.get[:3] == TAG_BYTES - 1):
                m.d.sync += self._have.eq(1)
                m.next = "Result"
        with m.State("Events"):
            exchange = self._exchange
            m.d.sync += self._exchanges.eq(~exchange.done)
            m.d.comb += mem.take.eq(exchange.take)
            self._offer(m, exchange.put.payload, exchange.put.valid)
            with m.If(exchange.bad):
                m.d.sync += self._result.eq(Result.BAD_EVENT)
            with m.If(exchange.done):
                m.next = "Used"
        with m.State("Counters"):
            # It comes in the next cycle.
            m.d.sync += comes.eq(((self.counters.number + 1)[:3] == mem.place[2:5]) & ~mem.written)
            self._offer(m, self.counters.value.word_select(mem.place[:2], 8), comes)
            with m.If(comes & (mem.place[:5] == 4 * len(Counters.names()) - 1)):
                m.next = "Result"
        with m.State("Status"):
            counts = Cat(self._status.counts)
            self._offer(m, counts.word_select(mem.place[:2], 8), ~mem.written)
            with m.If(~mem.written & (mem.place[:2] == 2)):
                m.d.comb += self._status.report.eq(1)
                m.next = "Result"
