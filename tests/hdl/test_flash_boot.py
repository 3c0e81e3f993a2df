# amaranth: UnusedElaboratable=no
"""A board without a host: weights come from a flash, and the answers are golden's."""

from random import Random

import numpy as np
import pytest
from amaranth.sim import Simulator

from hubel.hdl.flash_boot import BOOT_END, FlashBoot
from hubel.hdl.link_protocol import Command, Flag
from hubel.hdl.program_tag import program_tag
from hubel.hdl.soc import SpikeSoc
from hubel.sim import golden
from hubel.sim.boot_image import boot_image
from hubel.sw.board_events import OutputSpikes, step_events

from ..programs import random_chain
from .access import resembling
from .flash_model import FlashModel
from .soc_bench import DIVISOR, Wires

ADDRESS = 0x123456


def played(data: bytes, *, busy: float, clocks: int, stop: int | None = None) -> tuple:
    """What a boot gives from a flash with ``data``, whether it ended, and the flash."""
    dut, draw, got = FlashBoot(address=ADDRESS, wake_clocks=130), Random(1), bytearray()
    flash = FlashModel(dut.spi, {ADDRESS: data})
    over = []

    async def bench(ctx):
        for clock in range(clocks):
            ctx.set(dut.ready, draw.random() >= busy)
            ctx.set(dut.stop, clock == stop)
            _, _, valid, byte, booting = await ctx.tick().sample(
                dut.bytes.valid, dut.bytes.payload, dut.booting
            )
            if valid:
                got.append(byte)
            if not booting:
                over.append(clock)

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.add_testbench(flash.run, background=True)
    simulator.run()
    return bytes(got), bool(over), flash


@pytest.mark.parametrize("busy", [0.0, 0.9])
def test_gives_what_the_flash_has(busy: float) -> None:
    data = bytes([0, *Random(2).choices(range(1, 256), k=40), 0, 0, 7, 0, 0])
    got, over, flash = played(data + BOOT_END, busy=busy, clocks=3000)
    assert got == data and over
    assert flash.reads == [ADDRESS] and not flash.ignored


def test_an_erased_flash_ends_it() -> None:
    got, over, flash = played(b"", busy=0.0, clocks=600)
    assert got == b"" and over and flash.reads == [ADDRESS]


def test_a_host_ends_it() -> None:
    got, over, _ = played(bytes([0]) + bytes([5]) * 500, busy=0.5, clocks=3000)
    assert not over
    got, over, _ = played(bytes([0]) + bytes([5]) * 500, busy=1.0, clocks=1000, stop=900)
    assert got == b"" and over


@pytest.mark.parametrize("address", [-1, 1 << 24])
def test_an_address_has_24_bits(address: int) -> None:
    with pytest.raises(ValueError, match=r"^address must be in 0\.\.16777215, not "):
        FlashBoot(address=address)


def test_a_board_starts_by_itself_and_classifies() -> None:
    """The SoC with weights in SPRAM, built for another Program, against golden."""
    rng = np.random.default_rng(4)
    built = random_chain(rng, 9, 12, 5)
    program = resembling(rng, built)
    params = program.params(lanes=4)
    soc = SpikeSoc(params, built, divisor=DIVISOR, spram=True, boot=ADDRESS)
    image = boot_image(params, program)
    flash = FlashModel(soc.spi, {ADDRESS: image})
    samples, steps = 2, 3
    spikes = rng.random((samples, steps, program.input_neurons)) < 0.5
    trace = golden.run(program, spikes, lanes=4)
    assert trace.spikes[-1].any() and not trace.spikes[-1].all()
    outputs, tags = OutputSpikes(params, samples, steps), []

    async def bench(ctx):
        wires = Wires(ctx, soc)
        for _ in range(16 * len(image) + 20_000):
            await ctx.tick()
        answer = await wires.ask(Command.IDENTIFY, b"host")
        assert answer.flags & Flag.LOADED
        tags.append(answer.payload)
        for events in step_events(program, params, spikes):
            data, idle = events.tobytes(), False
            while data or not idle:
                answer = await wires.ask(Command.EVENTS, data)
                data = data[answer.payload[-1] :]
                outputs.feed(answer.payload[:-1])
                idle = bool(answer.flags & Flag.IDLE)

    simulator = Simulator(soc)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.add_testbench(flash.run, background=True)
    simulator.run()
    np.testing.assert_array_equal(outputs.spikes[0], trace.spikes[-1])
    assert program_tag(params, program) in tags[0]
    assert flash.reads == [ADDRESS] and not flash.ignored
