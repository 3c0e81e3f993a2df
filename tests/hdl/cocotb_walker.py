"""cocotb bench: what is around a walker, and what each clock brings."""

import pickle
import random
from collections import deque
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge

from hubel.hdl.events import EventKind, EventLayout
from hubel.hdl.params import CoreParams
from hubel.hdl.walker import SlotLayout
from hubel.sim.simulator import bench_parameters, bench_result
from hubel.sim.streams import Packing, start_clock

from .clockwork import Clockwork

INPUTS = ("packet", "take", "blocked", "done")
OUTPUTS = ("may_fill", "slot", "weight_address", "busy", "accepted", "dropped")
#: Kind, source, code.
Packet = tuple[EventKind, int, int]
Clock = dict[str, Any]


def names(params: CoreParams) -> tuple[str, ...]:
    """The ports that are watched."""
    return (*INPUTS, *OUTPUTS, *(("scatter",) if params.current_words else ()))


class Outside:
    """What is around a walker: inputs that send ``steps`` steps each, and the rest of the core,
    which gives back the spikes of the words that were given out.

    In a step, an input sends none to more spikes than it has neurons, in any order and with any
    other input's between them. A word is done ``delay`` clocks after it was given on average; each
    packet waits a clock with probability ``gap``; a population is blocked with probability
    ``block``.
    """

    def __init__(
        self,
        params: CoreParams,
        *,
        steps: int,
        gap: float,
        block: float,
        delay: int,
        seed: int,
    ):
        self._params, self._gap, self._block, self._delay = params, gap, block, delay
        self._draw = random.Random(seed)
        self._packing, self._slots = Packing(EventLayout(params)), Packing(SlotLayout(params))
        self._codes = [shape.codes().tolist() for shape in params.sources]
        self._steps = Clockwork(params)
        self._left = deque(self._input_packets(steps))
        self._inside: deque[Packet] = deque()
        self._words: deque[dict[str, int]] = deque()
        # Of the step whose words leave now, what did not set out yet.
        self._unsent: list[Packet] = []

    @property
    def idle(self) -> bool:
        """There is nothing more that could happen outside."""
        return not (self._left or self._inside or self._words)

    @property
    def left(self) -> int:
        """Packets of the inputs that were not taken yet."""
        return len(self._left)

    def _input_packets(self, steps: int) -> list[Packet]:
        draw, packets = self._draw, []
        for step in range(steps):
            turn = []
            for s, shape in enumerate(self._params.inputs):
                n = shape.neurons
                count = draw.choice([0, 1, 2, 3, n, n, n + 2, draw.randrange(n)])
                fresh = step == 0 or draw.random() < 0.3
                turn.append(deque(self._step(s, draw.choices(self._codes[s], k=count), fresh)))
            while any(turn):
                packets.append(draw.choice([part for part in turn if part]).popleft())
        return packets

    def _step(self, source: int, codes: list[int], fresh: bool) -> list[Packet]:
        start = [(EventKind.START, source, 0)] if fresh else []
        spikes = [(EventKind.SPIKE, source, code) for code in codes]
        return [*start, *spikes, (EventKind.END, source, 0)]

    def next_clock(self) -> Clock:
        """The inputs of the walker in the next clock."""
        draw, params = self._draw, self._params
        packet = self._taken() if draw.random() >= self._gap else None
        # Where nothing is taken, the packet is anything.
        source = draw.randrange(len(params.sources))
        any_packet = draw.choice(list(EventKind)), source, draw.choice(self._codes[source])
        kind, source, code = packet or any_packet
        if packet and kind is EventKind.END:
            self._steps.completed[source] += 1
        done = bool(self._words) and draw.random() * self._delay < 1
        if done:
            self._leave(self._words.popleft())
        return {
            "packet": self._packing.pack(kind=kind.value, source=source, code=code),
            "take": int(packet is not None),
            "blocked": sum(
                (draw.random() < self._block) << i for i in range(len(params.populations))
            ),
            "done": int(done),
        }

    def _leave(self, word: dict[str, int]) -> None:
        """With each word some packets of its step set out, the last ones with the final word; where
        nobody hears them, to nowhere."""
        source = len(self._params.inputs) + word["population"]
        if not self._params.consumers(source):
            return
        if word["first"]:
            codes = self._codes[source]
            fired = self._draw.sample(codes, self._draw.choice([0, 1, len(codes)]))
            self._unsent = self._step(source, sorted(fired), bool(word["fresh"]))
        count = len(self._unsent) if word["final"] else self._draw.randrange(len(self._unsent))
        self._inside.extend(self._unsent[:count])
        self._unsent = self._unsent[count:]

    def _taken(self) -> Packet | None:
        """The packet that is taken in the next clock: those of populations come first."""
        if self._inside:
            return self._inside.popleft()
        if self._left and self._steps.may_fill(self._left[0][1]):
            return self._left.popleft()
        return None

    def given(self, payload: int) -> None:
        """The slot of this clock."""
        slot = self._slots.unpack(payload)
        if slot["last"]:
            self._words.append(slot)
            self._steps.finished[slot["population"]] += slot["final"]


@cocotb.test()
async def walk(dut):
    """Let the world around it go on; end when nothing moved for some time."""
    task = bench_parameters()
    params: CoreParams = pickle.loads(bytes.fromhex(task["params"]))
    outside = Outside(params, **task["outside"])
    for name in INPUTS:
        getattr(dut, name).value = 0
    await start_clock(dut)
    edge = RisingEdge(dut.clk)
    clocks, idle = [], 0
    while idle < task["patience"]:
        for name, value in outside.next_clock().items():
            getattr(dut, name).value = value
        await edge
        values = {name: getattr(dut, name).value for name in names(params)}
        # Icarus knows X: None is no value that is expected.
        clock = {name: int(v) if v.is_resolvable else None for name, v in values.items()}
        clocks.append(clock)
        assert clock["slot"] is not None, f"clock {len(clocks)}: slot is {values['slot']}"
        outside.given(clock["slot"])
        idle = 0 if clock["busy"] or not outside.idle else idle + 1
        assert len(clocks) < 50_000, f"stuck with {outside.left} packets left"
    bench_result(clocks)
