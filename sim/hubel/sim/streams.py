"""Streams in cocotb benches: sources, sinks, the rules of a stream, and payloads as ints.

A stream is the three ports ``<name>__payload``, ``<name>__valid`` and ``<name>__ready`` of an
Amaranth component in Verilog. Everything here samples on the rising edge of ``dut.clk`` and sees
the values from before the edge. While nothing can be transferred nobody wakes, so that a long
computation inside the design costs no Python. A ``valid`` or ``ready`` that is X fails the bench.
"""

import random
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import cocotb
from amaranth.hdl import Shape
from amaranth.lib import data
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, Event, RisingEdge, ValueChange


async def start_clock(dut: Any, *, period_ns: int = 10) -> None:
    """Start ``dut.clk``, low at first, and return after two edges with ``dut.rst`` high.

    Create sources and sinks and drive every other input before: an input that is not driven from
    time 0 is X in Icarus and random in Verilator.
    """
    dut.rst.value = 1
    Clock(dut.clk, period_ns, unit="ns").start(start_high=False)
    await RisingEdge(dut.clk)
    await RisingEdge(dut.clk)
    dut.rst.value = 0


async def read_counters(
    dut: Any, names: Sequence[str], *, port: str = "counters"
) -> dict[str, int]:
    """The counters at ``port`` of ``dut``, which go round, one a clock, and lag by a round or two;
    and a faulty design may still send for a while."""
    await ClockCycles(dut.clk, 8 * len(names))
    counters = {}
    for _ in names:
        await ClockCycles(dut.clk, 1)
        number = int(getattr(dut, f"{port}__number").value)
        counters[names[number]] = int(getattr(dut, f"{port}__value").value)
    return counters


class _Ports:
    """The ports of stream ``name``; a stream that is always ready has no ``ready``."""

    def __init__(self, dut: Any, name: str):
        self.name = name
        self.edge = RisingEdge(dut.clk)
        self.payload: Any = getattr(dut, f"{name}__payload")
        self.valid: Any = getattr(dut, f"{name}__valid")
        self.ready: Any = getattr(dut, f"{name}__ready", None)

    async def edge_with(self, signal: Any) -> None:
        """Return after the next clock edge at which ``signal``, valid or ready, is 1."""
        await self.edge
        while (value := signal.value) != 1:
            assert value == 0, f"{signal._name} is {value}"
            await ValueChange(signal)
            await self.edge


class StreamSource:
    """Sends payloads into the stream ``name`` of the design.

    Parameters
    ----------
    dut : handle
    name : str
        Of the stream: ``events`` for the port ``events__payload``.
    gap : float
        Probability of an idle clock before each payload and after each idle clock. In idle
        clocks the payload is random.
    seed : int
    """

    def __init__(self, dut: Any, name: str, *, gap: float = 0.0, seed: int = 0):
        self._ports = _Ports(dut, name)
        self._gap = gap
        self._random = random.Random(f"{name} {seed}")
        self._width = len(self._ports.payload)
        self._ports.valid.value = 0
        self._ports.payload.value = 0

    async def send(self, payloads: Iterable[int]) -> None:
        """Send ``payloads`` in order; return at the clock edge that transfers the last one.

        Call it after the reset, and not again before it has returned.
        """
        ports = self._ports
        valid = False
        for payload in payloads:
            while self._gap and self._random.random() < self._gap:
                ports.valid.value = 0
                ports.payload.value = self._random.getrandbits(self._width)
                valid = False
                await ports.edge
            ports.payload.value = payload
            if not valid:
                ports.valid.value = 1
                valid = True
            if ports.ready is None:
                await ports.edge
            else:
                await ports.edge_with(ports.ready)
        ports.valid.value = 0


class StreamSink:
    """Receives all that the stream ``name`` of the design sends, from the reset to the end.

    With back-pressure it also watches the rules of the stream (:func:`watch_rules`); without,
    every valid payload is transferred at once, and no rule can be broken.

    Parameters
    ----------
    dut : handle
    name : str
        Of the stream: ``spikes`` for the port ``spikes__payload``.
    stall : float
        Probability that a clock is not ready.
    seed : int

    Attributes
    ----------
    payloads : list of int
        What was received so far.
    """

    def __init__(self, dut: Any, name: str, *, stall: float = 0.0, seed: int = 0):
        self.payloads: list[int] = []
        self._ports = _Ports(dut, name)
        self._received = Event()
        self._stall = stall
        self._random = random.Random(f"{name} {seed}")
        if self._ports.ready is None and stall:
            raise ValueError(f"stream {name!r} is always ready: it cannot stall")
        if self._ports.ready is not None:
            self._ports.ready.value = 0
        cocotb.start_soon(self._collect(dut))

    async def until(self, condition: Callable[[], bool]) -> None:
        """Return when ``condition()`` holds; it is asked now and after each payload."""
        while not condition():
            self._received.clear()
            await self._received.wait()

    async def receive(self, count: int) -> list[int]:
        """The first ``count`` payloads since the sink was created, when they are there."""
        await self.until(lambda: len(self.payloads) >= count)
        return self.payloads[:count]

    async def _collect(self, dut: Any) -> None:
        ports = self._ports
        await ports.edge
        while dut.rst.value == 1:
            await ports.edge
        if ports.ready is None:
            if ports.valid.value == 1:
                self._take()
        elif self._stall:
            cocotb.start_soon(watch_rules(dut, ports.name))
            await self._collect_stalling()
        else:
            ports.ready.value = 1
        while True:
            await ports.edge_with(ports.valid)
            self._take()

    async def _collect_stalling(self) -> None:
        ports = self._ports
        while True:
            ready = self._random.random() >= self._stall
            ports.ready.value = int(ready)
            await ports.edge
            if ready and ports.valid.value == 1:
                self._take()

    def _take(self) -> None:
        value = self._ports.payload.value
        try:
            self.payloads.append(int(value))
        except ValueError:
            raise AssertionError(f"stream {self._ports.name}: payload is {value}") from None
        self._received.set()


async def watch_rules(dut: Any, name: str) -> None:
    """Fail the bench if the stream ``name`` breaks a rule; start it with ``cocotb.start_soon``.

    The rules: once ``valid`` is 1, it stays 1 and the payload stays the same until the transfer.
    """
    ports = _Ports(dut, name)
    waiting = None
    while True:
        if waiting is None:
            await ports.edge_with(ports.valid)
        else:
            await ports.edge
            assert ports.valid.value == 1, f"stream {name}: valid fell before the transfer"
        payload = ports.payload.value
        assert waiting is None or payload == waiting, (
            f"stream {name}: payload changed before the transfer, from {waiting} to {payload}"
        )
        waiting = None if ports.ready is None or ports.ready.value == 1 else payload


class Packing:
    """Payloads of an Amaranth struct as ints: the first field is in the least significant bits.

    A nested layout counts as one unsigned field, an enumeration as its value.
    """

    def __init__(self, layout: data.StructLayout):
        self.fields: dict[str, tuple[int, int, bool]] = {}
        for name, place in layout:
            shape = Shape.cast(place.shape)
            self.fields[str(name)] = place.offset, shape.width, shape.signed

    def pack(self, **values: int) -> int:
        """The payload with these fields, 0 where not given; ValueError if one does not fit."""
        payload = 0
        for name, value in values.items():
            offset, width, signed = self.fields[name]
            least = -(1 << (width - 1)) if signed else 0
            most = least + (1 << width) - 1
            if not least <= value <= most:
                raise ValueError(f"{name} must be in {least}..{most}, not {value}")
            payload |= (value & ((1 << width) - 1)) << offset
        return payload

    def unpack(self, payload: int) -> dict[str, int]:
        """The fields of a payload."""
        values = {}
        for name, (offset, width, signed) in self.fields.items():
            value = (payload >> offset) & ((1 << width) - 1)
            values[name] = value - (1 << width) if signed and value >> (width - 1) else value
        return values
