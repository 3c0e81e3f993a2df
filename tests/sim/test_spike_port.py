"""The host's codec of the spike port."""

import random
import re
from pathlib import Path

import pytest

from hubel.hdl.counters import Counters
from hubel.hdl.spike_port import WORDS
from hubel.sim.spike_port import (
    Decoded,
    Packet,
    PacketKind,
    decode_packets,
    encode_packets,
    read_answer,
)

DOCS = Path(__file__).parents[2] / "docs" / "spike_port.md"


def some_packets(seed: int) -> list[Packet]:
    draw = random.Random(seed)
    packets = [Packet(PacketKind(draw.randrange(3)), draw.randrange(4096)) for _ in range(50)]
    packets += [Packet(PacketKind.COUNTERS, i, draw.getrandbits(32)) for i in range(WORDS)]
    draw.shuffle(packets)
    return packets


@pytest.mark.parametrize(
    "packet, data",
    [
        (Packet(PacketKind.SPIKE, 0), "80 00"),
        (Packet(PacketKind.SPIKE, 127), "80 7f"),
        (Packet(PacketKind.SPIKE, 128), "81 00"),
        (Packet(PacketKind.SPIKE, 4095), "9f 7f"),
        (Packet(PacketKind.END), "a0 00"),
        (Packet(PacketKind.START), "c0 00"),
        (Packet(PacketKind.COUNTERS), "e0 00"),
        (Packet(PacketKind.COUNTERS, 6, 0), "e0 06 00 00 00 00 00"),
        (Packet(PacketKind.COUNTERS, 1, 128), "e0 01 00 01 00 00 00"),
        (Packet(PacketKind.COUNTERS, 1, 2**32 - 1), "e0 01 7f 7f 7f 7f 0f"),
    ],
)
def test_bytes_of_a_packet(packet: Packet, data: str):
    assert encode_packets([packet]).hex(" ") == data
    axons = 4096 if packet.value is None else None
    assert decode_packets(bytes.fromhex(data), axons=axons) == ([packet], 0, b"")


def test_example_of_the_documentation():
    lines = re.findall(r"\| to the (\w+) \| `([0-9a-f ]+)` \| (\w+) ?(\d*)", DOCS.read_text())
    assert len(lines) == 12
    for direction, data, name, number in lines:
        axons = 4096 if direction == "device" else None
        packets, bad, rest = decode_packets(bytes.fromhex(data), axons=axons)
        assert (bad, rest, len(packets)) == (0, b"", 1)
        if name == "counter":
            assert packets[0].kind is PacketKind.COUNTERS and packets[0].index == int(number)
        elif name != "status":
            assert packets[0] == Packet(PacketKind[name], int(number or 0))


def test_values_of_the_documentation():
    lines = re.findall(r"`([0-9a-f ]+)` \| counter \d, (\w+) = (\d+)", DOCS.read_text())
    assert len(lines) == 3
    for data, name, value in lines:
        [packet] = decode_packets(bytes.fromhex(data)).packets
        assert (Counters.names()[packet.index], packet.value) == (name, int(value))


def test_any_cut_of_the_bytes_gives_the_same_packets():
    packets = some_packets(seed=1)
    data = encode_packets(packets)
    for cut in range(len(data) + 1):
        first = decode_packets(data[:cut])
        second = decode_packets(first.rest + data[cut:])
        assert first.packets + second.packets == packets
        assert first.bad == second.bad == 0 and second.rest == b""


def test_a_lost_byte_costs_one_packet():
    packets = some_packets(seed=2)
    data = encode_packets(packets)
    for lost in range(len(data)):
        left = decode_packets(data[:lost] + data[lost + 1 :])
        assert len(left.packets) + bool(left.rest) >= len(packets) - 1
        assert left.bad > 0 or lost >= len(data) - 7


def test_noise_is_bad_and_never_an_error():
    noise = random.Random(3).randbytes(5000)
    for axons in (None, 100):
        packets, bad, _ = decode_packets(noise, axons=axons)
        assert packets and bad
        spikes = [p.index for p in packets if p.kind is PacketKind.SPIKE]
        assert axons is None or max(spikes) < axons


def test_an_axon_that_there_is_not():
    data = encode_packets([Packet(PacketKind.SPIKE, 9), Packet(PacketKind.SPIKE, 10)])
    assert decode_packets(data, axons=10) == Decoded([Packet(PacketKind.SPIKE, 9)], 1, b"")


@pytest.mark.parametrize(
    "packet, message",
    [
        (Packet(PacketKind.SPIKE, 4096), "^index must be in 0..4095, not 4096$"),
        (Packet(PacketKind.SPIKE, -1), "^index must be in 0..4095, not -1$"),
        (Packet(PacketKind.COUNTERS, 0, 2**32), "^value must have 32 bits, not 4294967296$"),
    ],
)
def test_refuses_what_does_not_fit(packet: Packet, message: str):
    with pytest.raises(ValueError, match=message):
        encode_packets([packet])


def test_reads_an_answer():
    values = {name: 10 * i for i, name in enumerate(Counters.names())}
    words = [*values.values(), 0b101]
    answer = [Packet(PacketKind.COUNTERS, i, value) for i, value in enumerate(words)]
    assert read_answer(answer) == (values, ("overflow", "bad_byte"))


@pytest.mark.parametrize("change", [slice(0, 1), slice(3, 4), slice(WORDS - 1, WORDS)])
def test_refuses_an_answer_with_a_hole(change: slice):
    answer = [Packet(PacketKind.COUNTERS, i, 0) for i in range(WORDS)]
    del answer[change]
    with pytest.raises(ValueError, match=r"^an answer has the words 0..8, not "):
        read_answer(answer)
