"""The driver's side of the link, on a device in Python whose line can do anything."""

import random
from itertools import takewhile

import pytest

from hubel.hdl.identity import Identity
from hubel.hdl.link_protocol import Command, Flag, Result
from hubel.hdl.memory_access import MemoryKind
from hubel.hdl.memory_image import loads
from hubel.hdl.program_tag import program_tag
from hubel.sim.frames import Answer, FrameReader, encode_frame
from hubel.sw.link_client import LinkClient, LinkError, SessionLost

from .board_program import board_program
from .twin_port import TwinPort, twin_board

PROGRAM = board_program(1)
PARAMS = PROGRAM.params(lanes=8)
VALUES = {"events": 0x01020304, "weight_reads": 0x02040608}


def client(port: TwinPort, **options) -> LinkClient:
    link = LinkClient("twin", baud=10_000_000, opener=port.open, **{"timeout": 0.02, **options})
    link.connect()
    return link


def test_a_session():
    port = TwinPort(PARAMS, tag=b"12345678")
    link = LinkClient("twin", baud=10_000_000, opener=port.open)
    assert link.connect() == Identity.of(PARAMS, tag=b"12345678")
    assert port.opened == 1 and port.core.resets == 1
    assert link.request(Command.STATUS) == bytes(3)
    assert link.flags == Flag.IDLE | Flag.LOADED and link.resent == 0
    with pytest.raises(LinkError, match=r"^twin: READ was refused: BAD_COMMAND$"):
        link.request(Command.READ, b"12")
    link.close()
    with pytest.raises(LinkError, match=r"^twin: the port is closed$"):
        link.request(Command.STATUS)


def test_loads_what_golden_would_compute_with():
    port = TwinPort(PARAMS)
    board = twin_board(PROGRAM, port)
    assert board.program(PROGRAM) is True and board.program(PROGRAM) is False
    said = [FrameReader().feed(frame)[0] for frame in port.requests]
    for load in loads(PARAMS, PROGRAM):
        at = bytes([load.memory.value]) + load.address.to_bytes(3, "little")
        start = next(i for i, (c, _, p) in enumerate(said) if (c, p) == (Command.SEEK, at)) + 1
        parts = takewhile(lambda frame: frame[0] == Command.LOAD, said[start:])
        assert b"".join(payload for _, _, payload in parts) == load.data
    assert said[-1][0] == Command.COMMIT and said[-1][2] == program_tag(PARAMS, PROGRAM)


def test_numbers_go_round():
    port = TwinPort(PARAMS)
    link = client(port)
    for _ in range(300):
        link.request(Command.STATUS)
    numbers = [FrameReader().feed(frame)[0][1] for frame in port.requests[-257:]]
    assert sorted(numbers[:256]) == list(range(256)) and numbers[256] == numbers[0]
    assert port.device.status == [0, 0, 0]


def test_an_answer_that_is_lost_is_asked_for_again_and_nothing_is_done_twice():
    port = TwinPort(PARAMS)
    link = client(port)
    link.request(Command.SEEK, bytes(4))
    lost = [True, True, False]  # the request; the answer; nothing
    port.spoil = lambda data: b"" if data and lost.pop(0) else data
    lost[:] = [True, False, True, False, False]
    link.request(Command.LOAD, b"abc")
    assert link.resent == 2 and not lost
    assert port.core.memory == {(0, i): b for i, b in enumerate(b"abc")}


def test_old_answers_are_ignored():
    port = TwinPort(PARAMS)
    link = client(port)
    numbers = iter(range(256))

    def with_old(data: bytes) -> bytes:
        # Each number but the right one, and the right one to another command.
        [(first, number, _)] = FrameReader().feed(data)
        if not first & 0x80:
            return data
        others = [Answer(Command.STATUS, next(numbers) % 256, b"x", Result.OK, Flag.IDLE)]
        stale = [a.to_bytes() for a in others if a.number != number]
        stale.append(encode_frame(0x80 | Command.READ, number, b"wrong\0"))
        return b"".join(stale) + data

    port.spoil = with_old
    for _ in range(20):
        assert link.request(Command.STATUS) == bytes(3)


def test_an_identity_of_an_earlier_host_is_ignored():
    port = TwinPort(PARAMS)
    stale = b"".join(
        Answer(Command.IDENTIFY, n, b"oldo" + bytes(60), Result.OK, Flag.IDLE).to_bytes()
        for n in range(256)
    )
    port.spoil = lambda data: stale + data if len(data) > 40 else data
    assert client(port).request(Command.STATUS) == bytes(3)


def test_a_device_that_started_anew_is_noticed():
    port = TwinPort(PARAMS)
    link = client(port)
    port.start()
    with pytest.raises(SessionLost, match=r"^twin: the device started anew"):
        link.request(Command.STATUS)


def test_silence_and_another_device():
    port = TwinPort(PARAMS)
    port.spoil = lambda data: b""
    with pytest.raises(LinkError, match=r"^twin: no answer after 12 tries"):
        client(port)
    other = TwinPort(PARAMS)
    other.device._identity[:5] = b"other"
    with pytest.raises(LinkError, match=r"^twin: the device is no hubel device"):
        client(other)
    other.device._identity[:6] = b"hubel\x02"
    with pytest.raises(LinkError, match=r"^twin: the device speaks version 2 of the protocol"):
        client(other)


def test_a_device_that_is_never_idle_is_given_up(monkeypatch):
    port = TwinPort(PARAMS)
    link = client(port)
    port.core.to_send.append(0)
    clock = iter(range(10**6))
    monkeypatch.setattr("hubel.sw.link_client.time.monotonic", lambda: 0.01 * next(clock))
    with pytest.raises(LinkError, match=r"^twin: COUNTERS was refused: BUSY$"):
        link.request(Command.COUNTERS)


def spoiler(draw: random.Random, rate: float):
    def spoil(data: bytes) -> bytes:
        result = bytearray()
        for byte in data:
            if draw.random() >= rate:
                result.append(byte)
                continue
            match draw.randrange(4):
                case 0:
                    result.append(byte ^ 1 << draw.randrange(8))
                case 1:
                    result += bytes([byte, byte])
                case 2:
                    result += draw.randbytes(draw.randrange(20))
                case 3:
                    pass
        return bytes(result)

    return spoil


@pytest.mark.parametrize("seed", range(3))
def test_a_bad_line_gives_right_answers(seed: int):
    port = TwinPort(PARAMS)
    board = twin_board(PROGRAM, port)
    port.spoil = spoiler(random.Random(seed), 4e-3)
    board.program(PROGRAM)
    data = bytes((13 * i + 7) & 0xFF for i in range(1000))
    board.link.request(Command.SEEK, bytes([MemoryKind.NEURONS.value, 0, 0, 0]))
    for at in range(0, len(data), 200):
        board.link.request(Command.LOAD, data[at : at + 200])
    assert board.read(MemoryKind.NEURONS, 0, len(data)) == data
    assert board.counters()["weight_reads"] == VALUES["weight_reads"]
    assert board.link.resent > 3 and board.link.bad > 0
    print(f"seed {seed}: {board.link.resent} requests sent again, {board.link.bad} answers bad")
