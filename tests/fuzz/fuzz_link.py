"""Feed garbage to the gateware and to the driver: neither may hang, crash or give a wrong answer.

    python tests/fuzz/fuzz_link.py [BYTES [SEED]]

BYTES (10,000,000) of garbage go to a virtual board over its serial line: any bytes, and frames with
a right check sum that say anything, whole or damaged. Now and then the driver must find the board
answering; at the end it loads a Program and runs it as golden does. Then the driver reads as many
bytes of garbage; all that it may raise is a LinkError.
"""

import os
import random
import select
import sys
import time
import tty
from binascii import crc_hqx
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from cobs import cobs

from hubel.hdl.link_protocol import Command
from hubel.sim import golden
from hubel.sim.virtual import VirtualBoard, build_virtual
from hubel.sw.board import Board
from hubel.sw.link_client import LinkError

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.sw.board_program import board_program, board_spikes

LANES = 4
#: Garbage between two looks whether the board answers.
CHUNK = 250_000


def frame(body: bytes) -> bytes:
    """A frame of any bytes with a right check sum."""
    return b"\0" + cobs.encode(body + crc_hqx(body, 0xFFFF).to_bytes(2, "big")) + b"\0"


def pieces(draw: random.Random) -> Iterator[bytes]:
    """Garbage, without an end."""
    number = 0
    while True:
        match draw.randrange(6):
            case 0:
                yield draw.randbytes(draw.randrange(1, 60))
            case 1:
                yield bytes(draw.randrange(1, 256) for _ in range(draw.choice([1, 9, 300])))
            case 2:
                yield bytes(draw.randrange(1, 5))
            case 3:
                yield frame(draw.randbytes(draw.choice([0, 1, 2, 3, 5, 9, 250, 253, 260])))
            case kind:
                # A request that means something, most often with the next number.
                number = (number + draw.choice([1, 1, 1, 0, 7])) % 256
                command = draw.choice([*range(8), *range(8), draw.randrange(256)])
                size = draw.choice([0, 1, 4, 4, 8, draw.randrange(249)])
                payload = draw.randbytes(size)
                good = frame(bytes([command, number]) + payload + bytes([size]))
                if kind == 5:
                    at = draw.randrange(len(good))
                    good = good[:at] + draw.randbytes(draw.randrange(3)) + good[at + 1 :]
                yield good
                # Half of the time there is room for an answer.
                yield b"\0" * draw.choice([0, 12, 150])


def garbage(seed: int, count: int) -> bytes:
    """``count`` bytes of it."""
    parts, size = [], 0
    for piece in pieces(random.Random(seed)):
        parts.append(piece)
        size += len(piece)
        if size >= count:
            return b"".join(parts)[:count]
    raise AssertionError


def pour(port: str, data: bytes) -> int:
    """Write ``data``, and read what comes meanwhile; the number of bytes that came."""
    end = os.open(port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        tty.setraw(end)
        at = came = 0
        last = time.monotonic()
        while at < len(data):
            readable, writable, _ = select.select([end], [end], [], 1.0)
            if readable:
                came += len(os.read(end, 65536))
            if writable:
                written = os.write(end, data[at : at + 4096])
                at += written
                last = time.monotonic() if written else last
            assert time.monotonic() < last + 60, f"the board has stopped at byte {at}"
        return came
    finally:
        os.close(end)


def fuzz_gateware(count: int, seed: int) -> None:
    """Garbage to the board."""
    program, spikes = board_program(1), board_spikes(3)
    trace = golden.run(program, spikes, lanes=LANES)
    executable = build_virtual(program, lanes=LANES)
    done = came = counted = 0
    start = time.monotonic()
    with VirtualBoard(executable) as virtual:
        while done < count:
            data = garbage(seed + done, min(CHUNK, count - done))
            came += pour(virtual.port, data)
            done += len(data)
            with Board(virtual.port, timeout=5.0) as board:
                counted += sum(board.status().values())
                board.program(program, force=True)
                run = board.run(spikes, states=done >= count)
            for population, expected in zip(program.populations, trace.spikes, strict=True):
                np.testing.assert_array_equal(run.spikes[population.name], expected)
            assert run.counters == trace.counters.total()
            if sys.stdout.isatty() or done % 1_000_000 == 0:
                print(f"\r{done:,} bytes", end="" if sys.stdout.isatty() else "\n", flush=True)
    assert virtual.speed is not None and counted > 0
    print(
        f"\rgateware: {done:,} bytes of garbage (seed {seed}), {came:,} bytes of answers, "
        f"{counted:,} faults counted; equal to golden after each {CHUNK:,}; "
        f"{virtual.speed.clocks:,} clocks, {time.monotonic() - start:.0f} s"
    )


class GarbagePort:
    """A port that gives garbage, whatever it is told."""

    def __init__(self, data: bytes):
        self.data, self.at = data, 0
        self.requests = 0

    def open(self, name: str, baud: int) -> "GarbagePort":
        return self

    def write(self, data: bytes, /) -> None:
        self.requests += 1
        # Now and then what it was told comes back, as an answer.
        if self.requests % 5 == 0:
            number = cobs.decode(data.strip(b"\0"))[1]
            command = random.Random(self.requests).choice(list(Command))
            body = bytes([0x80 | command, number]) + self.data[self.at : self.at + 40]
            echo = frame(body + bytes([len(body) - 2]))
            self.data = self.data[: self.at] + echo + self.data[self.at :]

    def read(self, size: int, /) -> bytes:
        data = self.data[self.at : self.at + size]
        self.at += len(data)
        return data

    def close(self) -> None:
        pass


def fuzz_driver(count: int, seed: int) -> None:
    """Garbage to the driver."""
    refused = done = 0
    chunk = 100_000
    while done < count:
        port = GarbagePort(garbage(seed + 1 + done, min(chunk, count - done)))
        while port.at < len(port.data):
            try:
                Board("garbage", opener=port.open, timeout=0.005)
                raise SystemExit("the driver took garbage for a device")
            except LinkError as error:
                assert str(error).startswith("garbage: ") and "\n" not in str(error)
                refused += 1
        done += chunk
    print(f"driver: {count:,} bytes of garbage (seed {seed}), {refused} times refused")


if __name__ == "__main__":
    total = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    fuzz_driver(total, first)
    fuzz_gateware(total, first)
