# amaranth: UnusedElaboratable=no
"""The link against its Python twin, byte by byte."""

import random
from binascii import crc_hqx
from typing import Any

import pytest
from cobs import cobs

from hubel.hdl.events import EventKind
from hubel.hdl.identity import Identity
from hubel.hdl.link_protocol import ANSWER_MOST, Command, Flag, Result
from hubel.hdl.params import CoreParams
from hubel.hdl.shape import Shape
from hubel.sim.device import Device
from hubel.sim.frames import Answer, FrameReader, encode_frame, encode_request

from .link_bench import LinkBench, StandIn


def sizes(inputs: list[Shape], populations: list[Shape], outputs: tuple[int, ...]) -> CoreParams:
    """A core with these sources; what is between them has no part in its link."""
    return CoreParams(
        inputs=tuple(inputs),
        populations=tuple(populations),
        projections=(),
        outputs=outputs,
        clocks=(0,) * len(populations),
    )


#: Events of two bytes; of one; of three, from inputs whose fields have values that are not there.
PARAMS = sizes([Shape(300)], [Shape(40), Shape(1000)], (1,))
SMALL = sizes([Shape(5)], [Shape(3)], (0,))
SHAPED = sizes([Shape(3, 6, 5), Shape(7)], [Shape(5, 3, 3), Shape(100, 9, 9)], (1,))
CASES = {"two bytes": PARAMS, "one byte": SMALL, "three bytes": SHAPED}

OPEN = encode_request(Command.IDENTIFY, 0, b"test")


def answers(data: bytes) -> list[Answer]:
    reader = FrameReader()
    found = [Answer.of(*frame) for frame in reader.feed(data)]
    assert reader.bad == 0 and None not in found
    return [answer for answer in found if answer is not None]


def twin(bench: LinkBench) -> tuple[list[bytes], StandIn]:
    """What the Python device answers to the same bytes."""
    core = StandIn(bench.params)
    identity = bench.identity or Identity.of(bench.params)
    device = Device(bench.params, identity, core, loaded=bench.loaded)
    given, frame = [], []
    for chunk in bench.chunks:
        given.append(b"")
        for byte in chunk:
            if byte != 0:
                frame.append(byte)
            elif frame:
                given[-1] += device.frame(None if None in frame else bytes(frame))
                frame = []
    return given, core


def alike(bench: LinkBench) -> StandIn:
    """Run, and compare answers, events and memories with the twin."""
    expected, core = twin(bench)
    bench.run()
    assert bench.answers == expected
    assert bench.core.events == core.events
    assert bench.core.memory == core.memory
    assert bench.core.resets == core.resets
    return core


def event(core: StandIn, kind: EventKind, source: int = 0, code: int = 0) -> int:
    return core.packing.pack(kind=kind.value, source=source, code=code)


@pytest.mark.parametrize("params", CASES.values(), ids=CASES)
@pytest.mark.parametrize("stall", [0.0, 0.6])
def test_every_command(params: CoreParams, stall: float):
    requests = [
        (Command.STATUS, b""),
        (Command.COUNTERS, b""),
        (Command.SEEK, bytes([2, 0x56, 0x34, 0x12])),
        (Command.LOAD, bytes(range(20))),
        (Command.LOAD, b""),
        (Command.EVENTS, b""),
        (Command.SEEK, bytes([2, 0x58, 0x34, 0x12])),
        (Command.READ, bytes([25])),
        (Command.READ, bytes([0])),
        (Command.READ, bytes([255])),
        (Command.COMMIT, b"\0program"),
        (Command.LOAD, bytes(248)),
        (Command.COMMIT, b"program\0"),
        (Command.EVENTS, b""),
        (Command.STATUS, b""),
    ]
    frames = [encode_request(c, i + 1, p) for i, (c, p) in enumerate(requests)]
    early = encode_request(Command.READ, 7, b"\1")
    chunks = [early, OPEN, *frames, encode_request(Command.IDENTIFY, 99, bytes(4))]
    bench = LinkBench(params, [list(c) for c in chunks], stall=stall, seed=1, patience=12)
    alike(bench)
    got = [answer for data in bench.answers for answer in answers(data)]
    assert [a.result for a in got[:2]] == [Result.NO_SESSION, Result.OK]
    assert got[1].payload[:4] == b"test"
    assert Identity.from_bytes(got[1].payload[4:]) == Identity.of(params)
    results = [a.result for a in got[2:-1]]
    assert results[5] is Result.NOT_LOADED and set(results) == {Result.OK, Result.NOT_LOADED}
    assert len(got[11].payload) == ANSWER_MOST
    assert Identity.from_bytes(got[-1].payload[4:]) == Identity.of(params, tag=b"program\0")


@pytest.mark.parametrize("params, stall", [(PARAMS, 0.0), (SMALL, 0.5), (SHAPED, 0.5)])
def test_events_arrive_once_and_in_order(params: CoreParams, stall: float):
    core = StandIn(params)
    draw = random.Random(3)
    codes = [shape.codes().tolist() for shape in params.inputs]
    words = []
    for _ in range(4):
        words.append(event(core, EventKind.START))
        sources = [draw.randrange(len(codes)) for _ in range(draw.choice([0, 3, 90]))]
        words += [event(core, EventKind.SPIKE, s, draw.choice(codes[s])) for s in sources]
        words += [event(core, EventKind.END, s) for s in reversed(range(len(codes)))]
    expected = StandIn(params)
    for word in words:
        expected.event(word)
    count = -(-sum(f[1] for f in core.packing.fields.values()) // 8)
    data = b"".join(word.to_bytes(count, "little") for word in words)
    # As a driver does: what was not used comes again, and at last nothing until all is there.
    got: list[int] = []
    number, most = 0, 240 // count * count

    class Host(LinkBench):
        async def _host(self, ctx):
            nonlocal number
            self.chunks = [list(OPEN)]
            await super()._host(ctx)
            at = 0
            while at < len(data) or len(got) < len(expected.to_send):
                number += 1
                payload = data[at : at + most]
                self.chunks = [list(encode_request(Command.EVENTS, number % 256, payload))]
                await super()._host(ctx)
                [answer] = answers(self.answers[-1])
                assert answer.result is Result.OK and answer.number == number % 256
                at += answer.payload[-1]
                given = answer.payload[:-1]
                got.extend(
                    int.from_bytes(given[i : i + count], "little")
                    for i in range(0, len(given), count)
                )
                assert number < 200

    bench = Host(params, [], stall=stall, seed=4)
    bench.run()
    assert bench.core.events == words
    assert got == list(expected.to_send) and len(got) > 100


def test_a_poll_is_answered_when_there_is_no_more_to_come_or_after_a_while():
    core = StandIn(SMALL)
    data = bytes([event(core, EventKind.SPIKE, 0, 2), event(core, EventKind.END)])
    frames = [OPEN, encode_request(Command.EVENTS, 1, data), encode_request(Command.EVENTS, 2)]
    # One event waits before the work begins, and the answer does not wait for the work.
    bench = LinkBench(SMALL, [list(b"".join(frames[:1])), list(frames[1]), list(frames[2])])
    bench.run()
    first, second = [answers(d)[0] for d in bench.answers[1:]]
    assert first.payload == bytes([2]) and not first.flags & Flag.IDLE
    assert second.payload == bytes(core.to_send) + bytes([0]) or len(second.payload) == 3


@pytest.mark.parametrize("params", [PARAMS, SHAPED], ids=["plain", "shaped"])
def test_bad_events_are_dropped(params: CoreParams):
    core = StandIn(params)
    device = Device(params, Identity.of(params), core)
    count = -(-sum(f[1] for f in core.packing.fields.values()) // 8)
    draw = random.Random(1)
    words = [draw.getrandbits(8 * count) for _ in range(60)]
    words += [event(core, EventKind.SPIKE, 0, code) for code in (127, 128, 299, 300)]
    words += [event(core, EventKind.END, s) for s in (len(params.inputs) - 1, len(params.inputs))]
    good = [device.known(word) for word in words]
    assert 5 < sum(good) < 50
    # Without an END nothing comes out, so that answers do not depend on time.
    endless = [w for w in words if core.packing.unpack(w)["kind"] != EventKind.END.value]
    frames = [
        encode_request(Command.EVENTS, i + 1, word.to_bytes(count, "little"))
        for i, word in enumerate(endless)
    ]
    good_one = event(core, EventKind.SPIKE).to_bytes(count, "little")
    # A bad one between good ones, and a part of one at the end.
    bad = event(core, EventKind.END, len(params.inputs)).to_bytes(count, "little")
    parts = [good_one + bad + good_one, good_one + good_one[:-1], good_one]
    frames += [encode_request(Command.EVENTS, len(frames) + 1 + i, p) for i, p in enumerate(parts)]
    alike(LinkBench(params, [list(OPEN), *map(list, frames)], patience=6))


def test_requests_that_are_refused():
    lengths = [(c, n) for c in Command for n in (0, 1, 3, 4, 5, 7, 8, 9)
               if c not in (Command.LOAD, Command.EVENTS)]  # fmt: skip
    frames = [encode_frame(c, i + 1, bytes(n)) for i, (c, n) in enumerate(lengths)]
    frames += [encode_frame(c, len(frames) + 1 + i) for i, c in enumerate((8, 9, 64, 127))]
    frames += [encode_frame(0x80 | c, len(frames) + 1) for c in (0, 1, 7, 8)]
    bench = LinkBench(PARAMS, [list(OPEN), *map(list, frames)], patience=6)
    alike(bench)
    got = [a for data in bench.answers for a in map(_result, [data]) if a is not None]
    assert got.count(Result.BAD_COMMAND) >= 30


def _result(data: bytes) -> Result | None:
    frames = FrameReader().feed(data)
    return Result(frames[0][2][-1] & 0x0F) if frames else None


def test_a_request_that_comes_again_is_answered_again_and_not_obeyed():
    load = [encode_request(Command.LOAD, n, bytes([n])) for n in range(5)]
    seek = encode_request(Command.SEEK, 1, bytes([0, 5, 0, 0]))
    #                    again           stale    skips a number    stale
    chunks = [OPEN, seek, seek, load[2], load[2], load[1], load[4], load[3], load[2], load[4]]
    last = [encode_request(Command.STATUS, 5), encode_request(Command.STATUS, 5)]
    bench = LinkBench(PARAMS, [list(c) for c in chunks + last])
    core = alike(bench)
    assert core.memory == {(0, 5): 2, (0, 6): 3, (0, 7): 4}
    assert [bool(a) for a in bench.answers[5:10]] == [False, False, True, False, True]
    assert bench.answers[-1] == bench.answers[-2]
    assert answers(bench.answers[-1])[0].payload == bytes([0, 3, 0])


def damaged(draw: random.Random, frame: bytes) -> list[int | None]:
    """``frame`` with something wrong in it, or any bytes."""
    bytes_: list[Any] = list(frame)
    at = draw.randrange(1, len(bytes_) - 1)
    match draw.randrange(8):
        case 0:
            bytes_[at] ^= 1 << draw.randrange(8)
        case 1:
            del bytes_[at]
        case 2:
            bytes_.insert(at, bytes_[at])
        case 3:
            bytes_[at] = None
        case 4:
            bytes_ = [draw.randrange(256) for _ in range(draw.choice([1, 5, 40, 300, 600]))]
        case 5:
            bytes_ = [draw.randrange(1, 256) for _ in range(draw.choice([1, 5, 300]))]
        case 6:
            bytes_ = bytes_[:at]
        case 7:
            bytes_[at], bytes_[at - 1] = bytes_[at - 1], bytes_[at]
    return bytes_


@pytest.mark.parametrize("seed", [1])
def test_damage_is_noticed_and_does_no_harm(seed: int):
    draw = random.Random(seed)
    chunks: list[list[int | None]] = [list(OPEN)]
    number = 1
    for _ in range(50):
        payload = draw.randbytes(draw.choice([1, 3, 60, 200]))
        frame = encode_request(Command.LOAD, number, payload)
        if draw.random() < 0.6:
            chunks.append(damaged(draw, frame))
        chunks.append(list(frame))
        number = (number + 1) % 256
    chunks.append(list(encode_request(Command.STATUS, number)))
    bench = LinkBench(PARAMS, chunks, spacing=1, seed=seed)
    alike(bench)
    bad, _, lost = answers(bench.answers[-1])[0].payload
    assert bad > 15 and lost == 0


def stuffed(body: bytes) -> list[int]:
    """A frame of any bytes with the right check sum."""
    return [0, *cobs.encode(body + crc_hqx(body, 0xFFFF).to_bytes(2, "big")), 0]


def test_frames_of_any_length_with_a_right_check_sum():
    chunks: list[Any] = [list(OPEN)]
    number = 1
    for length in (*range(7), 250, 251, 256, 300):
        for said in {length - 3, length - 2, 254, 255}:
            body = bytes([Command.LOAD, number]) + bytes([1] * max(0, length - 3))
            body = (body[: max(0, length - 1)] + bytes([said % 256]))[:length]
            chunks.append(stuffed(body))
            number = (number + 1) % 256
    chunks.append(list(encode_request(Command.IDENTIFY, 5, bytes(4))))
    chunks.append(list(encode_request(Command.STATUS, 6)))
    bench = LinkBench(PARAMS, chunks, spacing=1, patience=6)
    alike(bench)
    assert answers(bench.answers[-1])[0].payload[0] > 20


def test_blocks_of_254_bytes_and_blocks_that_are_cut_short():
    """The longest frame has a block without a zero after it; and a frame whose last block says that
    it is one byte longer is no frame, though its check sum is right."""
    longest = encode_request(Command.LOAD, 1, bytes([7] * 250))
    assert longest[1] == 255 and len(longest) == 259
    short = bytearray(encode_request(Command.LOAD, 2, bytes([0, 1, 2, 0, 3])))
    last = 1
    while last + short[last] < len(short) - 1:
        last += short[last]
    whole = bytes(short)
    short[last] += 1
    chunks = [OPEN, longest, bytes(short), whole]
    bench = LinkBench(PARAMS, [list(c) for c in chunks], spacing=1)
    core = alike(bench)
    assert len(core.memory) == 255 and [bool(a) for a in bench.answers[1:]] == [True, False, True]


def test_what_comes_too_early_is_lost_as_a_whole_and_counted():
    load = encode_request(Command.LOAD, 1, bytes(range(1, 100)))
    late = encode_request(Command.LOAD, 2, bytes(range(50)))
    # The second request begins before the first one is answered; half of it comes in time.
    chunks = [list(OPEN), list(load) + list(late), list(late)]
    status = [list(encode_request(Command.STATUS, 3))]
    bench = LinkBench(PARAMS, chunks + status, stall=0.5, seed=1).run()
    assert [a.number for d in bench.answers for a in answers(d)] == [0, 1, 2, 3]
    assert answers(bench.answers[-1])[0].payload == bytes([0, 0, 1])
    assert bench.core.memory == {(0, i): b for i, b in enumerate([*range(1, 100), *range(50)])}


def test_memories_that_stand_still_are_timed_out():
    frames = [encode_request(Command.READ, 1, b"\5"), encode_request(Command.LOAD, 2, b"abc")]
    last = encode_request(Command.STATUS, 3)
    bench = LinkBench(PARAMS, [list(c) for c in (OPEN, *frames, last)], patience=6)
    bench._memory = bench._nothing  # pyright: ignore
    bench.run()
    got = [answers(d)[0] for d in bench.answers[1:]]
    assert [a.result for a in got] == [Result.TIMED_OUT, Result.TIMED_OUT, Result.OK]
