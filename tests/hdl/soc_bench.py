"""A SoC on its two wires, bit by bit."""

from collections.abc import Callable

from amaranth.sim import Simulator

from hubel.hdl.link_protocol import Command
from hubel.hdl.serial_soc import SerialSoc
from hubel.sim.frames import Answer, FrameReader, encode_request

DIVISOR = 4


class Wires:
    """Asks ``dut`` on its wires; to be used in a testbench."""

    def __init__(self, ctx, dut: SerialSoc):
        self._ctx, self._dut = ctx, dut
        self._number = 0
        #: Bytes that went to the device and came from it, in turn.
        self.said: list[bytes] = []
        #: The busy pin, a clock each.
        self.busy: list[bool] = []

    async def ask(self, command: Command, payload: bytes = b"") -> Answer:
        """The answer to the next request."""
        frame = encode_request(command, self._number, payload)
        levels = [
            bit
            for byte in frame
            for value in (0, *(byte >> i & 1 for i in range(8)), 1)
            for bit in [value] * DIVISOR
        ]
        bits: list[int] = []
        answer = b""
        clocks = 0
        while len(answer) < 2 or answer[-1]:
            self._ctx.set(self._dut.rx, levels[clocks] if clocks < len(levels) else 1)
            await self._ctx.tick()
            level = self._ctx.get(self._dut.tx)
            self.busy.append(bool(self._ctx.get(self._dut.busy)))
            if bits or not level:
                bits.append(level)
            if len(bits) == 10 * DIVISOR:
                sampled = bits[DIVISOR // 2 :: DIVISOR]
                assert sampled[0] == 0 and sampled[9] == 1
                answer += bytes([sum(bit << i for i, bit in enumerate(sampled[1:9]))])
                bits = []
            clocks += 1
            assert clocks < 60_000, f"no answer to {command.name}"
        self.said += [frame, answer]
        [found] = [Answer.of(*parts) for parts in FrameReader().feed(answer)]
        assert found is not None and (found.command, found.number) == (command, self._number)
        self._number = (self._number + 1) % 256
        return found


def converse(dut: SerialSoc, talk: Callable) -> None:
    """Simulate ``dut`` while ``talk`` runs, a coroutine function that is given :class:`Wires`."""

    async def bench(ctx):
        await talk(Wires(ctx, dut))

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
