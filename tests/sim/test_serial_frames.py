"""The twin of the frames: what it finds, and what no line may hide from it."""

import random
from itertools import combinations

import pytest
from amaranth.lib.crc import Algorithm
from hypothesis import given
from hypothesis import strategies as st

from hubel.hdl.serial_params import FrameKind, SerialLinkParams
from hubel.sim.serial_frames import Frame, FrameDecoder, check_sum, encode

NUMBERS = st.integers(0, 15)

EXAMPLE = "d7 44 6f 7d 36 75 0d 1c 03 70"
HELLO = "80 00 7f 7f 7f"


@st.composite
def frames(draw, width: int) -> Frame:
    kind = draw(st.sampled_from(FrameKind))
    packet = draw(st.integers(0, (1 << width) - 1)) if kind == FrameKind.DATA else 0
    return Frame(kind, draw(NUMBERS), draw(NUMBERS), draw(NUMBERS), packet)


def decoded(data: bytes, width: int) -> tuple[list[Frame], int]:
    decoder = FrameDecoder(width)
    found = [frame for byte in data if (frame := decoder.hear(byte)) is not None]
    return found, decoder.bad


@given(st.data(), st.integers(1, 70))
def test_frames_come_back(data, width: int) -> None:
    sent = data.draw(st.lists(frames(width), max_size=5))
    line = b"".join(encode(frame, width) for frame in sent)
    assert decoded(line, width) == (sent, 0)
    params = SerialLinkParams(width=width)
    assert len(line) == sum(params.frame_bytes(frame.kind) for frame in sent)


@given(frames(32), st.binary(max_size=20), st.integers(0, 9))
def test_a_frame_is_found_after_anything(frame: Frame, noise: bytes, cut: int) -> None:
    line = encode(frame, 32)
    found, _ = decoded(line[:cut] + noise + line, 32)
    assert found[-1:] == [frame]


def test_the_example_of_the_docs() -> None:
    frame = Frame(FrameKind.DATA, number=5, received=9, taken=8, packet=0xDEADBEEF)
    assert encode(frame, 32).hex(" ") == EXAMPLE
    assert encode(Frame(FrameKind.HELLO), 32).hex(" ") == HELLO


def test_the_sum_is_that_of_a_crc_library() -> None:
    algorithm = Algorithm(
        crc_width=21,
        polynomial=0x102899,
        initial_crc=0,
        reflect_input=True,
        reflect_output=True,
        xor_output=0x1FFFFF,
    )
    draw = random.Random(1)
    for _ in range(100):
        data = [draw.randrange(128) for _ in range(draw.randrange(20))]
        assert check_sum(data) == algorithm(7).compute(data)


@pytest.mark.parametrize("width", [32, 64])
def test_up_to_five_bits_that_flip_are_found(width: int) -> None:
    """No pattern of at most five inverted bits, but for the mark of the first byte, leaves a frame
    good. As the sum is linear, no two sets of two bits, or of two and three, may have the same.
    """
    bits = 7 * SerialLinkParams(width=width).frame_bytes()
    zeros = check_sum([0] * (bits // 7))

    def syndrome(place: int) -> int:
        return check_sum([(1 << place % 7) * (place // 7 == i) for i in range(bits // 7)]) ^ zeros

    of = [syndrome(place) for place in range(bits)]
    pairs = {of[a] ^ of[b] for a, b in combinations(range(bits), 2)}
    assert 0 not in of and len(set(of)) == bits and 0 not in pairs
    assert len(pairs) == bits * (bits - 1) // 2, "four bits cancel"
    triples = [of[a] ^ of[b] ^ of[c] for a, b, c in combinations(range(bits), 3)]
    assert not pairs.intersection(triples), "five bits cancel"
    assert not set(of).intersection(pairs) and 0 not in triples


@pytest.mark.parametrize(
    "make, error",
    [
        (lambda: Frame(FrameKind.ACK, number=16), "number must be in 0..15, not 16"),
        (lambda: Frame(FrameKind.ACK, packet=1), "a frame of kind ACK has no packet"),
        (lambda: encode(Frame(FrameKind.DATA, packet=4), 2), "packet must be of 2 bits, not 0x4"),
        (lambda: SerialLinkParams(width=0), "width must be at least 1, not 0"),
        (lambda: SerialLinkParams(width=8, divisor=3), "divisor must be at least 4, not 3"),
        (lambda: SerialLinkParams(width=8, lanes=3), "lanes must be 1, 2, 4 or 8, not 3"),
        (lambda: SerialLinkParams(width=8, window=16), "window must be 2, 4 or 8, not 16"),
        (
            lambda: SerialLinkParams(width=8, timeout=9),
            "timeout must be 0 or at least 904, not 9",
        ),
    ],
)
def test_refuses(make, error: str) -> None:
    with pytest.raises(ValueError, match=f"^{error}$"):
        make()
