"""A MAC core behind its serial line against the golden model, bit by bit on the wire."""

import numpy as np

from hubel.hdl.events import EventKind, EventLayout
from hubel.hdl.link_protocol import Command, Flag
from hubel.hdl.mac_counters import MacCounters
from hubel.hdl.mac_packets import packet_params
from hubel.hdl.mac_soc import MacSoc
from hubel.sim import mac
from hubel.sim.streams import Packing

from ..mac_programs import random_program, random_values
from .soc_bench import DIVISOR, Wires, converse


def test_answers_as_the_golden_model_does():
    """Also after a sample that had too few activations, which is answered without a class."""
    program = random_program(2, layers=2)
    values = random_values(program, 3, 1)
    trace = mac.run(program, values, lanes=4, skip_zeros=True)
    assert len(set(trace.labels.tolist())) > 1
    params = program.params(lanes=4, skip_zeros=True)
    packing = Packing(EventLayout(packet_params(params)))
    laid_out = values.reshape(-1, *program.inputs.sizes).transpose(0, 2, 3, 1).reshape(3, -1)
    # The second of four samples stops early.
    sent = [laid_out[0], laid_out[1][:5], laid_out[1], laid_out[2]]
    answers, counters, busy = [], [], []

    def event(kind: EventKind, source: int = 0, code: int = 0) -> bytes:
        word = packing.pack(kind=kind.value, source=source, code=code)
        return word.to_bytes(2, "little")

    async def talk(wires: Wires):
        await wires.ask(Command.IDENTIFY, b"test")
        for sample in sent:
            data = event(EventKind.START)
            data += b"".join(event(EventKind.SPIKE, code=int(value)) for value in sample)
            data += event(EventKind.END)
            got, idle = b"", False
            while data or not idle:
                answer = await wires.ask(Command.EVENTS, data[:200])
                data = data[answer.payload[-1] :]
                got += answer.payload[:-1]
                idle = bool(answer.flags & Flag.IDLE)
            answers.append(got)
        counters.append(await wires.ask(Command.COUNTERS))
        busy.extend(wires.busy)

    converse(MacSoc(params, program, divisor=DIVISOR), talk)
    end = event(EventKind.END, 1)
    first, second, third = (event(EventKind.SPIKE, 1, int(label)) for label in trace.labels)
    assert answers == [first + end, end, second + end, third + end]
    got = np.frombuffer(counters[0].payload, dtype="<u4").tolist()
    expected = trace.counters.total()
    expected["inputs"] += 5
    # The pin is high from the first packet of a sample to some clocks after its answer.
    edges = np.flatnonzero(np.diff(busy))
    assert expected["busy"] < sum(busy) < len(busy) and not busy[0] and not busy[-1]
    assert len(edges) >= 2 * len(sent) - 2
    assert dict(zip(MacCounters.names(), got, strict=True)) == expected
    assert np.count_nonzero(trace.activations[0])
