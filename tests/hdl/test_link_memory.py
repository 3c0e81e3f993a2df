# amaranth: UnusedElaboratable=no
"""The memory of a link: what is put is what is read, an answer as the library for COBS has it."""

import random
from binascii import crc_hqx

import pytest
from amaranth import sim
from cobs import cobs

from hubel.hdl.frame_receiver import HEAD
from hubel.hdl.identity import TAG_PLACE
from hubel.hdl.link_memory import LinkMemory, Part

IDENTITY = bytes(range(100, 200))


async def put(ctx, dut: LinkMemory, data: bytes, draw: random.Random) -> None:
    for byte in data:
        while draw.random() < 0.3:
            await ctx.tick()
        ctx.set(dut.put.payload, byte)
        ctx.set(dut.put.valid, 1)
        await ctx.tick()
        ctx.set(dut.put.valid, 0)


async def start(ctx, dut: LinkMemory, *, answers: bool) -> None:
    ctx.set(dut.answers, answers)
    ctx.set(dut.start, 1)
    ctx.set(dut.crc_start, 1)
    await ctx.tick()
    ctx.set(dut.start, 0)
    ctx.set(dut.crc_start, 0)


async def read(ctx, dut: LinkMemory, part: Part, draw: random.Random, end) -> bytes:
    """What ``part`` has until ``end`` says that it is all."""
    ctx.set(dut.part, part)
    ctx.set(dut.seek, 1)
    await ctx.tick()
    ctx.set(dut.seek, 0)
    data = b""
    while not end(data):
        waited = 0
        while not ctx.get(dut.there):
            await ctx.tick()
            waited += 1
            assert waited <= 2
        while draw.random() < 0.3:
            await ctx.tick()
        data += bytes([ctx.get(dut.data)])
        ctx.set(dut.take, 1)
        await ctx.tick()
        ctx.set(dut.take, 0)
    return data


def run(bench) -> None:
    dut = LinkMemory(IDENTITY)
    simulator = sim.Simulator(dut)
    simulator.add_clock(1e-6)

    async def testbench(ctx):
        await bench(ctx, dut)

    simulator.add_testbench(testbench)
    simulator.run()


def sent(data: bytes) -> bool:
    return len(data) > 1 and data[-1] == 0


@pytest.mark.parametrize("zeros", [0.0, 0.1, 0.9])
def test_answers_are_stuffed(zeros: float):
    """The largest has 126 bytes, whose last zero lies where the first one does."""
    draw = random.Random(1)

    async def bench(ctx, dut):
        for length in (126, 4, 5, 125, *(draw.randrange(4, 127) for _ in range(8))):
            body = bytes(0 if draw.random() < zeros else draw.randrange(256)
                         for _ in range(length))  # fmt: skip
            await start(ctx, dut, answers=True)
            await put(ctx, dut, body, draw)
            await ctx.tick()
            assert ctx.get(dut.place) == (length - HEAD) % 256
            assert ctx.get(dut.crc) == crc_hqx(body, 0xFFFF)
            await put(ctx, dut, bytes(2), draw)
            ctx.set(dut.close, 1)
            await ctx.tick()
            ctx.set(dut.close, 0)
            expected = b"\0" + cobs.encode(body) + b"\0"
            # As often as it is asked for.
            for _ in range(2):
                assert await read(ctx, dut, Part.ANSWER, draw, sent) == expected

    run(bench)


def test_requests_are_kept_as_they_come():
    draw = random.Random(2)

    async def bench(ctx, dut):
        for length in (256, 0, 1, 5, 100):
            body = draw.randbytes(length) + bytes(3)
            body = body[:256]
            await start(ctx, dut, answers=False)
            await put(ctx, dut, body, draw)
            await ctx.tick()
            got = await read(ctx, dut, Part.REQUEST, draw, lambda data, n=body: len(data) == len(n))
            assert got == body
            assert ctx.get(dut.get) == (len(body) - HEAD) % 256

    run(bench)


def test_a_good_frame_has_a_check_sum_that_matches():
    draw = random.Random(3)

    async def bench(ctx, dut):
        for damage in (0, 1, 0x80):
            body = draw.randbytes(9)
            crc = crc_hqx(body, 0xFFFF) ^ damage
            await start(ctx, dut, answers=False)
            await put(ctx, dut, body + crc.to_bytes(2, "big"), draw)
            await ctx.tick()
            assert ctx.get(dut.crc_match) == (damage == 0)

    run(bench)


def test_the_identity_has_another_tag():
    draw, tag = random.Random(4), b"\0another"

    async def bench(ctx, dut):
        async def identity():
            return await read(ctx, dut, Part.IDENTITY, draw, lambda data: len(data) == 100)

        assert await identity() == IDENTITY
        await start(ctx, dut, answers=True)
        await put(ctx, dut, b"ab", draw)
        await start(ctx, dut, answers=False)
        await put(ctx, dut, b"..", draw)
        await put(ctx, dut, tag, draw)
        await ctx.tick()
        ctx.set(dut.answers, 1)
        ctx.set(dut.part, Part.REQUEST)
        ctx.set(dut.seek, 1)
        await ctx.tick()
        ctx.set(dut.seek, 0)
        for _ in range(HEAD):
            ctx.set(dut.take, 1)
            await ctx.tick()
        ctx.set(dut.take, 0)
        for i in range(8):
            for _ in range(2):
                await ctx.tick()
            ctx.set(dut.put.payload, ctx.get(dut.data))
            await ctx.tick()
            assert ctx.get(dut.get) == i
            ctx.set(dut.tag, 1)
            ctx.set(dut.take, 1)
            await ctx.tick()
            ctx.set(dut.tag, 0)
            ctx.set(dut.take, 0)
        changed = IDENTITY[:TAG_PLACE] + tag + IDENTITY[TAG_PLACE + 8 :]
        assert await identity() == changed

    run(bench)
