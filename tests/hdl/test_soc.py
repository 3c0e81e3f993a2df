"""A network behind its serial line against the golden model, bit by bit on the wire."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hubel.hdl.link_protocol import Command, Flag
from hubel.hdl.memory_access import MemoryKind
from hubel.hdl.program import Conv2d, Dense, Population, Program, Shape, Source
from hubel.hdl.soc import SpikeSoc
from hubel.sim import golden
from hubel.sim.frames import Answer
from hubel.sw.board_events import OutputSpikes, step_events
from hubel.sw.board_states import state_bytes, unpack_states
from hubel.sw.figure import CORE_RAIL
from hubel.sw.meter_log import MeterLog

from .soc_bench import DIVISOR, Wires, converse

DOCS = Path(__file__).parents[2] / "docs" / "protocol.md"


def program(seed: int) -> Program:
    """An input with rows and columns that is convolved, and a readout that also feeds back."""
    draw = np.random.default_rng(seed)
    sizes: dict[str, Any] = {"threshold": 90, "decay": 3500, "v_reset": 90}
    return Program(
        inputs=(Source("image", Shape(2, 3, 3)),),
        populations=(
            Population(
                name="hidden", shape=Shape(3, 3, 2), bias=draw.integers(-5, 20, 18), **sizes
            ),
            Population(name="out", shape=Shape(5, 1, 3), bias=draw.integers(-5, 20, 15), **sizes),
        ),
        projections=(
            Conv2d(
                name="conv",
                source="image",
                target="hidden",
                padding=(1, 0),
                weights=draw.integers(-30, 60, (3, 2, 3, 2)),
            ),
            Dense(
                name="out", source="hidden", target="out", weights=draw.integers(-30, 60, (18, 15))
            ),
            Dense(
                name="loop",
                source="out",
                target="out",
                delay=1,
                weights=draw.integers(-30, 20, (15, 15)),
            ),
        ),
        outputs=("out",),
    )


def trims(busy: list[bool], counters: dict[str, int]) -> None:
    """The log of a meter that sees the ``busy`` pin gives the joules of the core's work alone."""
    clock, idle, active = 1e-6, 0.2, 0.35
    pin = np.array(busy)
    # After power-up the core looks for work once; a log begins later.
    pin = pin[np.argmin(pin) :]
    # High also while spikes wait for the line.
    assert counters["busy"] < pin.sum() < len(pin) / 4
    log = MeterLog(times=np.arange(len(pin)) / 1e6, watts=np.where(pin, active, idle), busy=pin,
                   boundary=CORE_RAIL, source="log.csv")  # fmt: skip
    seconds = pin.sum() * clock
    assert sum(end - begin for begin, end in log.windows()) == pytest.approx(seconds)
    # Trapezoids are a quarter of a step too low at each edge.
    edges = 2 * len(log.windows()) * clock * (active - idle) / 8
    assert log.gross().value == pytest.approx(seconds * active, abs=edges + 1e-12)
    operations = counters["synaptic_operations"]
    gross, net = (figure.value for figure in log.per_operation(operations))
    assert gross == pytest.approx(seconds * active / operations, abs=edges / operations)
    assert net == pytest.approx(seconds * (active - idle) / operations, abs=edges / operations)


def test_answers_as_the_golden_model_does():
    """Spikes, states after each step, and counters."""
    network = program(seed=5)
    samples, steps = 2, 2
    params = network.params(lanes=4)
    spikes = np.random.default_rng(6).random((samples, steps, network.input_neurons)) < 0.4
    trace = golden.run(network, spikes, lanes=4)
    assert trace.spikes[-1].any() and not trace.spikes[-1].all() and trace.membrane is not None
    outputs = OutputSpikes(params, samples, steps)
    states, answers, busy = [], [], []

    async def talk(wires: Wires):
        await wires.ask(Command.IDENTIFY, b"test")
        for events in step_events(network, params, spikes):
            data, idle = events.tobytes(), False
            while data or not idle:
                answer = await wires.ask(Command.EVENTS, data)
                data = data[answer.payload[-1] :]
                outputs.feed(answer.payload[:-1])
                idle = bool(answer.flags & Flag.IDLE)
            await wires.ask(Command.SEEK, bytes([MemoryKind.NEURONS.value, 0, 0, 0]))
            state = b""
            while len(state) < state_bytes(params):
                count = min(120, state_bytes(params) - len(state))
                state += (await wires.ask(Command.READ, bytes([count]))).payload
            states.append(unpack_states(params, state)["v"])
        answers.append(await wires.ask(Command.COUNTERS))
        answers.append(await wires.ask(Command.STATUS))
        busy.extend(wires.busy)

    converse(SpikeSoc(params, network, divisor=DIVISOR), talk)
    assert outputs.steps == samples * steps
    np.testing.assert_array_equal(outputs.spikes[0], trace.spikes[-1])
    for p, membrane in enumerate(trace.membrane):
        got = np.array([state[p] for state in states])
        np.testing.assert_array_equal(got.reshape(membrane.shape), membrane)
    counters = np.frombuffer(answers[0].payload, dtype="<u4").tolist()
    assert counters == list(trace.counters.total().values())
    assert answers[1].payload == bytes(3)
    trims(busy, trace.counters.total())


def example() -> Program:
    """The network of the example in docs/protocol.md: three neurons hear five axons."""
    return Program(
        inputs=(Source("in", Shape(5)),),
        populations=(Population(name="out", shape=Shape(3), threshold=50, v_reset=50),),
        projections=(Dense(name="w", source="in", target="out", weights=np.full((5, 3), 20)),),
        outputs=("out",),
    )


def conversation() -> list[bytes]:
    """The requests and answers of the example."""
    params = example().params(lanes=4)
    said: list[bytes] = []

    async def talk(wires: Wires):
        async def ask(command: Command, *payload: int) -> Answer:
            return await wires.ask(command, bytes(payload))

        await wires.ask(Command.IDENTIFY, b"abcd")
        await ask(Command.SEEK, MemoryKind.WEIGHTS.value, 3, 0, 0)
        await ask(Command.LOAD, 60, 0, 1, 0)
        await wires.ask(Command.COMMIT, b"mine\0\0\0\1")
        # START; axons 0, 1 and 3; END
        await ask(Command.EVENTS, 0x02, 0x00, 0x08, 0x18, 0x01)
        await ask(Command.EVENTS)
        await ask(Command.COUNTERS)
        await ask(Command.SEEK, MemoryKind.NEURONS.value, 0, 0, 0)
        await ask(Command.READ, 8)
        await ask(Command.STATUS)
        said.extend(wires.said)

    converse(SpikeSoc(params, example(), divisor=DIVISOR, clock_hz=36e6), talk)
    return said


def test_the_example_of_the_protocol():
    rows = re.findall(r"^\| (?:to|from) the device \| `([0-9a-f ]+)` \|", DOCS.read_text(), re.M)
    assert [bytes.fromhex(row) for row in rows] == conversation()
