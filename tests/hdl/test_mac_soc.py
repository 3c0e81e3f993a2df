"""A MAC core behind its serial line against the golden model, bit by bit on the wire."""

import numpy as np
from amaranth.sim import Simulator

from hubel.hdl.mac_counters import MacCounters
from hubel.hdl.mac_soc import MacSoc
from hubel.sim import mac
from hubel.sim.spike_port import Packet, PacketKind, read_answer

from ..mac_programs import random_program, random_values
from .test_soc import DIVISOR, Host


def test_answers_as_the_golden_model_does():
    """Also after a sample that had too few activations, which is answered without a class."""
    program = random_program(2, layers=2)
    values = random_values(program, 3, 1)
    trace = mac.run(program, values, lanes=4, skip_zeros=True)
    assert len(set(trace.labels.tolist())) > 1
    dut = MacSoc(program.params(lanes=4, skip_zeros=True), program, divisor=DIVISOR)
    received: list[Packet] = []
    laid_out = values.reshape(-1, *program.inputs.sizes).transpose(0, 2, 3, 1).reshape(3, -1)
    # The second of four samples stops early.
    sent = [laid_out[0], laid_out[1][:5], laid_out[1], laid_out[2]]

    async def bench(ctx):
        host = Host(ctx, dut)  # pyright: ignore[reportArgumentType]
        for number, sample in enumerate(sent):
            spikes = [Packet(PacketKind.SPIKE, int(value)) for value in sample]
            host.send([Packet(PacketKind.START), *spikes, Packet(PacketKind.END)])
            await host.until(PacketKind.END, number + 1)
        host.send([Packet(PacketKind.COUNTERS)])
        await host.until(PacketKind.COUNTERS, len(MacCounters.names()) + 1)
        received.extend(host.packets)

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()

    first, second, third = (int(label) for label in trace.labels)
    wanted = [Packet(PacketKind.SPIKE, first), Packet(PacketKind.END), Packet(PacketKind.END)]
    for label in (second, third):
        wanted += [Packet(PacketKind.SPIKE, label), Packet(PacketKind.END)]
    answers = [Packet(p.kind) if p.kind is PacketKind.END else p for p in received[:7]]
    assert answers == wanted
    values_, wrong = read_answer(received[7:])
    counters = dict(zip(MacCounters.names(), values_.values(), strict=True))
    expected = trace.counters.total()
    expected["inputs"] += 5
    assert counters == expected
    assert wrong == ()
    assert np.count_nonzero(trace.activations[0])
