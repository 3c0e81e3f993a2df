"""A learning core behind the host link, bit by bit on its wires, against its Python twin and the
golden layer."""

import numpy as np
import pytest

from hubel.hdl.events import EventKind, EventLayout
from hubel.hdl.identity import Identity
from hubel.hdl.learning_access import LearningMemory
from hubel.hdl.learning_events import Reward
from hubel.hdl.learning_packets import (
    INPUTS,
    NEURONS,
    REWARDS,
    TEACHER,
    learning_identity,
    learning_sizes,
)
from hubel.hdl.learning_soc import LearningSoc
from hubel.hdl.link_protocol import ANSWER_MOST, Command, Flag, Result, event_bytes
from hubel.hdl.stdp_params import LearningParams, LearningRates, Rule
from hubel.sim.frames import Answer, FrameReader, encode_request
from hubel.sim.learning import Layer
from hubel.sim.learning_device import LearningTwin, learning_device
from hubel.sim.learning_image import layer_from, layer_parts, load_bytes
from hubel.sim.streams import Packing

from .soc_bench import DIVISOR, Wires, converse

SIZES = {
    "power of two": LearningParams(inputs=8, neurons=4, lanes=2),
    "16 bits": LearningParams(inputs=8, neurons=12, lanes=4, weight_width=16),
}


class Twin:
    """Asks the Python device as :class:`Wires` asks the gateware."""

    def __init__(self, params: LearningParams):
        self.core = LearningTwin(params)
        self.device = learning_device(self.core)
        self._number = 0

    async def ask(self, command: Command, payload: bytes = b"") -> Answer:
        frame = encode_request(command, self._number, payload)
        self._number += 1
        reader = FrameReader()
        [found] = [
            Answer.of(*parts)
            for parts in reader.feed(self.device.frame(frame.strip(b"\0")))
        ]  # fmt: skip
        assert found is not None
        return found


class Host:
    """What a test asks of either; keeps all that was answered."""

    def __init__(self, device: Wires | Twin, params: LearningParams):
        self._device = device
        self._packing = Packing(EventLayout(learning_sizes(params)))
        self._size = event_bytes(learning_sizes(params))
        self.answers: list[tuple[Result, bytes]] = []

    async def ask(self, command: Command, payload: bytes = b"") -> bytes:
        answer = await self._device.ask(command, payload)
        while answer.result is Result.BUSY:
            answer = await self._device.ask(command, payload)
        if command is not Command.EVENTS:
            self.answers.append((answer.result, answer.payload))
        self.idle = bool(answer.flags & Flag.IDLE)
        return answer.payload

    async def seek(self, memory: LearningMemory, address: int = 0) -> None:
        await self.ask(Command.SEEK, bytes([memory.value]) + address.to_bytes(3, "little"))

    async def read(self, memory: LearningMemory, address: int, count: int) -> bytes:
        await self.seek(memory, address)
        found = b""
        while len(found) < count:
            found += await self.ask(Command.READ, bytes([min(ANSWER_MOST, count - len(found))]))
        return found

    async def load(self, layer: Layer) -> None:
        for memory, address, content in load_bytes(layer):
            await self.seek(memory, address)
            for at in range(0, len(content), 100):
                await self.ask(Command.LOAD, content[at : at + 100])
        await self.ask(Command.COMMIT, b"a layer\0")

    async def events(self, *events: tuple[EventKind, int, int]) -> list[tuple[EventKind, int]]:
        """Send them; kind and code of all that comes back."""
        words = [self._packing.pack(kind=k.value, source=s, code=c) for k, s, c in events]
        data = b"".join(word.to_bytes(self._size, "little") for word in words)
        got, self.idle = b"", False
        while data or not self.idle:
            answer = await self.ask(Command.EVENTS, data)
            data = data[answer[-1] :]
            got += answer[:-1]
        found = [
            self._packing.unpack(w) for w in np.frombuffer(got, dtype=f"<u{self._size}").tolist()
        ]
        assert {f["source"] for f in found} <= {NEURONS}
        return [(EventKind(f["kind"]), f["code"]) for f in found]


def step(inputs: np.ndarray, *, fresh: bool) -> list[tuple[EventKind, int, int]]:
    start = [(EventKind.START, INPUTS, 0)] if fresh else []
    spikes = [(EventKind.SPIKE, INPUTS, int(i)) for i in inputs]
    return [*start, *spikes, (EventKind.END, INPUTS, 0)]


def expected(fired: list[int], *, fresh: bool) -> list[tuple[EventKind, int]]:
    start = [(EventKind.START, 0)] if fresh else []
    return [*start, *((EventKind.SPIKE, n) for n in fired), (EventKind.END, 0)]


async def teach(host: Host, params: LearningParams) -> Layer:
    """Load a layer, let it learn by spikes, rewards and a teacher, read all; the golden layer."""
    draw = np.random.default_rng(3)
    scale = params.weight_max // 255
    weights = draw.integers(50, 200, (params.inputs, params.neurons)) * scale
    rates = LearningRates(threshold=250, a_plus=9000, a_minus=9000, a_step=20, inhibition=300)
    layer = Layer(params, rates, weights)
    identity = Identity.from_bytes((await host.ask(Command.IDENTIFY, b"test"))[4:])
    assert identity == learning_identity(params)
    await host.ask(Command.EVENTS)
    await host.load(layer)
    assert (await host.ask(Command.COUNTERS)) == bytes(32)
    for sample in range(3):
        if sample == 2:
            # While it runs, another rule, which waits for rewards.
            layer.rates = LearningRates(
                rule=Rule.PAIR, wait=True, threshold=250, a_plus=3000, a_minus=2000, x_decay=3000,
                x_step=20000, y_step=30000, winners=2,
            )  # fmt: skip
            [memory, address, content] = next(load_bytes(layer))
            await host.seek(memory, address)
            await host.ask(Command.LOAD, content)
            await host.ask(Command.COMMIT, b"a layer\0")
        layer.start()
        for number in range(4):
            inputs = np.flatnonzero(draw.random(params.inputs) < 0.5)
            fresh = number == 0
            fired = layer.step(inputs)
            assert await host.events(*step(inputs, fresh=fresh)) == expected(fired, fresh=fresh)
            for sign, code in ((1, Reward.REWARD), (-1, Reward.PUNISHMENT)):
                if number == 2 - sign:
                    layer.reward(sign)
                    # What is no spike means nothing here.
                    assert not await host.events(
                        (EventKind.END, REWARDS, 0),
                        (EventKind.SPIKE, REWARDS, code.value),
                        (EventKind.START, TEACHER, 1),
                    )
        layer.learn(3)
        assert not await host.events((EventKind.SPIKE, TEACHER, 3))
    for memory, address, count in layer_parts(params):
        await host.read(memory, address, count)
    traces = await host.read(LearningMemory.TRACES, 0, 2 * params.inputs)
    assert np.frombuffer(traces, dtype="<u2").tolist() == layer.x.tolist()
    counters = np.frombuffer(await host.ask(Command.COUNTERS), dtype="<u4").tolist()
    assert counters == list(layer.counters.values())
    return layer


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.long if "16" in n else ()) for n in SIZES]
)
def test_a_host_teaches_and_reads_a_layer(name: str) -> None:
    """The gateware answers what its twin does; both are as the golden layer."""
    params = SIZES[name]
    found = []

    async def talk(wires: Wires) -> None:
        host = Host(wires, params)
        found.append((host, await teach(host, params)))

    converse(LearningSoc(params, divisor=DIVISOR), talk)
    twin = Twin(params)

    async def talk_to_twin() -> None:
        host = Host(twin, params)
        found.append((host, await teach(host, params)))

    coroutine = talk_to_twin()
    with pytest.raises(StopIteration):
        coroutine.send(None)
    (gateware, layer), (python, _) = found
    assert gateware.answers == python.answers
    np.testing.assert_array_equal(twin.core.layer.weights, layer.weights)
    assert layer.counters["spikes"] > 10 and layer.counters["updates"] > 20


def test_a_session_begins_with_a_new_sample_and_keeps_what_was_learned() -> None:
    """Also where the one before left spikes of half a step."""
    params = SIZES["power of two"]
    layer = Layer(params, LearningRates(threshold=100, a_plus=9000), np.full((8, 4), 60))
    layer.a[:] = 3
    layer.lfsr = 0x1234_5678_9ABC_DEF0

    async def talk(wires: Wires) -> None:
        host = Host(wires, params)
        await host.ask(Command.IDENTIFY, b"test")
        await host.load(layer)
        # One input is not enough for a spike, five are.
        assert await host.events(*step(np.arange(5), fresh=True)[:-1]) == []
        await host.ask(Command.IDENTIFY, b"more")
        assert await host.events(*step(np.arange(1), fresh=True)) == expected([], fresh=True)
        parts = layer_parts(params)
        contents = [await host.read(*part) for part in parts]
        again = layer_from(params, contents)
        layer.step([0])
        for name in ("weights", "v", "a", "y"):
            np.testing.assert_array_equal(getattr(again, name), getattr(layer, name))
        assert (again.rates, again.lfsr) == (layer.rates, layer.lfsr)
        layer.start()
        fired = layer.step(range(5))
        assert fired
        assert await host.events(*step(np.arange(5), fresh=True)) == expected(fired, fresh=True)

    converse(LearningSoc(params, divisor=DIVISOR), talk)


def test_events_of_what_is_not_there_are_refused() -> None:
    params = SIZES["16 bits"]
    packing = Packing(EventLayout(learning_sizes(params)))

    async def talk(wires: Wires) -> None:
        host = Host(wires, params)
        await host.ask(Command.IDENTIFY, b"test")
        await host.load(Layer(params, LearningRates(), np.zeros((8, 12), int)))
        for source, code in ((INPUTS, 8), (REWARDS, 4), (TEACHER, 12), (NEURONS, 0)):
            word = packing.pack(kind=EventKind.SPIKE.value, source=source, code=code)
            answer = await wires.ask(Command.EVENTS, word.to_bytes(2, "little"))
            assert answer.result is Result.BAD_EVENT

    converse(LearningSoc(params, divisor=DIVISOR), talk)
