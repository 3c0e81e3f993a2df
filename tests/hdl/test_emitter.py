"""The spike emitter against a few lines of Python, and how many clocks its packets take."""

from random import Random

import pytest
from amaranth.hdl import Value
from amaranth.sim import Simulator as AmaranthSimulator

from hubel.hdl.emitter import FiredLayout, SpikeEmitter
from hubel.hdl.events import EventKind, EventLayout
from hubel.hdl.params import CoreParams
from hubel.hdl.shape import Shape
from hubel.hdl.verilog import to_verilog
from hubel.sim import simulator as simulators
from hubel.sim.streams import Packing

from .sizes import chain, sizes

DEPTH = 8
Word = dict[str, int]
Packet = tuple[EventKind, int, int]

SIZES = {
    "one population": chain(2, 1, lanes=2),
    "three": chain(30, 17, 9, 5, lanes=4),
    "wide": chain(3, 70, 33, lanes=32),
    # Two inputs; channels that fill their words and that do not; a line of places.
    "planes": sizes(
        (Shape(4), Shape(2)),
        (Shape(6, 2, 3), Shape(3, 1, 5), Shape(8, 4, 1), Shape(1, 3, 3), Shape(9), Shape(1)),
        [(0, p, 0) for p in range(6)],
        lanes=4,
    ),
    "wide planes": sizes((Shape(3),), (Shape(33, 2, 2), Shape(2, 3, 1)), [(0, 0, 0)], lanes=16),
}


def random_words(params: CoreParams, steps: int, seed: int) -> list[Word]:
    """Words of whole steps of random populations, with the number of the word in its population as
    ``number``: none, few, one or all of their lanes fired."""
    draw = Random(seed)
    words = []
    for _ in range(steps):
        p = draw.randrange(len(params.populations))
        fresh = draw.random() < 0.2
        order = params.populations[p].lane_order(params.lanes)
        for i in range(params.words[p]):
            lanes = int((order[i] >= 0).sum())
            every = (1 << lanes) - 1
            fired = draw.choice(
                [0, every, 1 << draw.randrange(lanes), 1 << (lanes - 1), draw.getrandbits(lanes)]
            )
            words.append(
                {
                    "fired": fired,
                    "number": i,
                    "population": p,
                    "start": int(fresh and i == 0),
                    "end": int(i == params.words[p] - 1),
                }
            )
    return words


def payload(params: CoreParams, word: Word) -> int:
    fields = {name: value for name, value in word.items() if name != "number"}
    return Packing(FiredLayout(params)).pack(**fields)


def packets_of(params: CoreParams, word: Word) -> list[Packet]:
    """START, the neurons that fired in the order of their codes, END: what of it there is."""
    shape = params.populations[word["population"]]
    source = len(params.inputs) + word["population"]
    lanes = shape.lane_order(params.lanes)[word["number"]].tolist()
    fired = [neuron for i, neuron in enumerate(lanes) if word["fired"] >> i & 1]
    assert min(fired, default=0) >= 0
    codes = shape.codes()[fired].tolist() if fired else []
    assert codes == sorted(codes)
    packets = [(EventKind.START, source, 0)] if word["start"] else []
    packets += [(EventKind.SPIKE, source, code) for code in codes]
    return packets + ([(EventKind.END, source, 0)] if word["end"] else [])


def clocks_of(word: Word) -> int:
    return word["start"] + word["fired"].bit_count() + 1


def unpacked(params: CoreParams, packet: int) -> Packet:
    fields = Packing(EventLayout(params)).unpack(packet)
    kind = EventKind(fields["kind"])
    return kind, fields["source"], fields["code"] if kind is EventKind.SPIKE else 0


@pytest.mark.parametrize("gap, stall", [(0.0, 0.0), (0.0, 0.7), (0.7, 0.0), (0.5, 0.3)])
@pytest.mark.parametrize("name", ["three", "planes"])
def test_random_words(simulator, cache_dir, name: str, gap: float, stall: float) -> None:
    params = SIZES[name]
    words = random_words(params, 150, seed=1)
    text = to_verilog(SpikeEmitter(params, depth=DEPTH), name="emitter")
    built = simulators.build(text, "emitter", simulator, cache_dir=cache_dir)
    answer = simulators.run(
        built,
        "hdl.cocotb_emitter",
        parameters={
            "words": [payload(params, word) for word in words],
            "depth": DEPTH,
            "gap": gap,
            "stall": stall,
            "seed": 1,
        },
    )
    expected = [packet for word in words for packet in packets_of(params, word)]
    assert [unpacked(params, packet) for packet in answer["packets"]] == expected
    assert answer["done"] == len(words)
    assert answer["sent"] == sum(kind is EventKind.SPIKE for kind, _, _ in expected)
    assert answer["most"] == DEPTH or gap > stall, "the queue was never full"


def clocks_and_packets(params: CoreParams, words: list[Word]) -> tuple[int, list[Packet]]:
    """Clocks in which the emitter worked on ``words``, which it finds in its queue, and the packets
    that it sent in them."""
    dut = SpikeEmitter(params, depth=len(words) + 2)
    # A word of a packet marks the beginning, and one the end; before them, one waits in the output
    # register, so that none of ``words`` can begin before it is measured.
    mark = Packing(FiredLayout(params)).pack(end=1)
    sent: list[tuple[int, Packet]] = []

    async def bench(ctx):
        ctx.set(dut.push, 1)
        for word in [mark, mark, *(payload(params, word) for word in words), mark]:
            ctx.set(Value.cast(dut.word), word)
            await ctx.tick()
        ctx.set(dut.push, 0)
        await ctx.tick().repeat(3)
        ctx.set(dut.spikes.ready, 1)
        clock = 0
        packet = Value.cast(dut.spikes.payload)
        async for _, _, valid, value in ctx.tick().sample(dut.spikes.valid, packet):
            if valid:
                sent.append((clock, unpacked(params, value)))
            clock += 1
            if clock == 2000:
                break

    simulator = AmaranthSimulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return sent[-1][0] - sent[1][0] - 1, [packet for _, packet in sent[2:-1]]


@pytest.mark.parametrize("params", SIZES.values(), ids=SIZES.keys())
def test_a_word_takes_a_clock_more_than_its_start_and_spikes(params: CoreParams) -> None:
    for seed in range(5):
        words = random_words(params, 6, seed)
        packets = [packets_of(params, word) for word in words]
        clocks, sent = clocks_and_packets(params, words)
        assert sent == [packet for some in packets for packet in some], f"seed {seed}"
        assert clocks == sum(map(clocks_of, words)), f"seed {seed}"
