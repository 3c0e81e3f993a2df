"""Bench of both directions of the four-phase interface, with partners that know no clock."""

import random

import cocotb
from cocotb.triggers import FallingEdge, RisingEdge, Timer, ValueChange

from hubel.sim.simulator import bench_parameters, bench_result
from hubel.sim.streams import StreamSink, StreamSource, start_clock


class Partner:
    """Waits, by at most ``slowest`` picoseconds, mostly much less."""

    def __init__(self, dut, slowest: int, seed: str):
        self.dut, self._slowest, self._random = dut, slowest, random.Random(seed)

    async def wait(self) -> None:
        limit = self._random.choice([1, self._slowest // 50, self._slowest])
        await Timer(self._random.randint(1, max(limit, 1)), unit="ps")

    async def send(self, addresses: list[int]) -> None:
        """The other end of FourPhaseIn."""
        dut = self.dut
        for address in addresses:
            dut.rx_address.value = address
            await self.wait()
            dut.rx_req.value = 1
            await RisingEdge(dut.rx_ack)
            # From here on the address means nothing.
            dut.rx_address.value = self._random.getrandbits(len(dut.rx_address))
            await self.wait()
            dut.rx_req.value = 0
            await FallingEdge(dut.rx_ack)
            await self.wait()

    async def receive(self, addresses: list[int]) -> None:
        """The other end of FourPhaseOut; fails if the address changes when it must not."""
        dut = self.dut
        while True:
            if dut.tx_req.value != 1:
                await RisingEdge(dut.tx_req)
            address = int(dut.tx_address.value)
            await self.wait()
            assert dut.tx_req.value == 1, "REQ fell before ACK rose"
            assert int(dut.tx_address.value) == address, "the address changed before ACK rose"
            addresses.append(address)
            dut.tx_ack.value = 1
            await FallingEdge(dut.tx_req)
            await self.wait()
            assert dut.tx_req.value == 0, "REQ rose before ACK fell"
            dut.tx_ack.value = 0


async def wire(source, target, delay: int) -> None:
    """Copy ``source`` to ``target``, ``delay`` picoseconds later, which is longer than any level
    stays."""

    async def later(value) -> None:
        await Timer(delay, unit="ps")
        target.value = value

    while True:
        await ValueChange(source)
        cocotb.start_soon(later(int(source.value)))


@cocotb.test()
async def passes_events(dut):
    """Send ``sent`` in both directions, or out and back in where ``joined``."""
    task = bench_parameters()
    draw = random.Random(task["seed"])
    source = StreamSource(dut, "i", gap=task["gap"], seed=1)
    sink = StreamSink(dut, "o", stall=task["stall"], seed=2)
    for name in ("rx_address", "rx_req", "tx_ack"):
        getattr(dut, name).value = 0
    await start_clock(dut)
    # A phase of the clock that is no multiple of anything.
    await Timer(draw.randint(1, 9999), unit="ps")
    sent, out = task["sent"], []
    if task["joined"]:
        # The wires of the address may be slower than that of the request by `skew`.
        request = draw.randint(1, 25_000)
        cocotb.start_soon(wire(dut.tx_req, dut.rx_req, request))
        cocotb.start_soon(wire(dut.tx_address, dut.rx_address, request + task["skew"]))
        cocotb.start_soon(wire(dut.rx_ack, dut.tx_ack, draw.randint(1, 25_000)))
        await RisingEdge(dut.clk)
        await source.send(sent)
        back = await sink.receive(len(sent))
    else:
        slow = task["slowest"]
        cocotb.start_soon(Partner(dut, slow, f"in {task['seed']}").send(sent))
        cocotb.start_soon(Partner(dut, slow, f"out {task['seed']}").receive(out))
        await RisingEdge(dut.clk)
        await source.send(sent)
        back = await sink.receive(len(sent))
        while len(out) < len(sent):
            await RisingEdge(dut.clk)
    # What comes twice, comes soon.
    await Timer(4 * task["slowest"] + 500_000, unit="ps")
    bench_result({"out": out, "back": back, "more": len(sink.payloads) - len(sent)})
