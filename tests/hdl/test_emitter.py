"""The spike emitter against a few lines of Python, and how many clocks its packets take."""

from random import Random

import pytest
from amaranth.hdl import Value
from amaranth.sim import Simulator as AmaranthSimulator

from hubel.hdl.emitter import FiredLayout, SpikeEmitter
from hubel.hdl.events import EventKind, EventLayout
from hubel.hdl.params import CoreParams
from hubel.hdl.verilog import to_verilog
from hubel.sim import simulator as simulators
from hubel.sim.streams import Packing

DEPTH = 8
Word = dict[str, int]
Packet = tuple[EventKind, int, int]

SIZES = {
    "one population": CoreParams(inputs=(2,), neurons=(1,), lanes=2),
    "three": CoreParams(inputs=(30, 17, 9), neurons=(17, 9, 5), lanes=4),
    "wide": CoreParams(inputs=(3, 70), neurons=(70, 33), lanes=32),
}


def random_words(params: CoreParams, steps: int, seed: int) -> list[Word]:
    """Words of whole steps of random populations: none, few, one or all of their lanes fired."""
    draw = Random(seed)
    words = []
    for _ in range(steps):
        p = draw.randrange(params.populations)
        fresh = draw.random() < 0.2
        for i in range(params.words[p]):
            lanes = min(params.lanes, params.neurons[p] - i * params.lanes)
            every = (1 << lanes) - 1
            fired = draw.choice(
                [0, every, 1 << draw.randrange(lanes), 1 << (lanes - 1), draw.getrandbits(lanes)]
            )
            words.append(
                {
                    "fired": fired,
                    "row": params.first_word[p] + i,
                    "population": p,
                    "start": int(fresh and i == 0),
                    "end": int(i == params.words[p] - 1),
                }
            )
    return words


def packets_of(params: CoreParams, word: Word) -> list[Packet]:
    """START, the neurons that fired in the order of their numbers, END: what of it there is."""
    p = word["population"]
    first = (word["row"] - params.first_word[p]) * params.lanes
    packets = [(EventKind.START, p, 0)] if word["start"] else []
    packets += [
        (EventKind.SPIKE, p, first + i) for i in range(params.lanes) if word["fired"] >> i & 1
    ]
    return packets + ([(EventKind.END, p, 0)] if word["end"] else [])


def clocks_of(word: Word) -> int:
    return word["start"] + word["fired"].bit_count() + 1


def unpacked(params: CoreParams, payload: int) -> Packet:
    fields = Packing(EventLayout(params)).unpack(payload)
    kind = EventKind(fields["kind"])
    return kind, fields["population"], fields["index"] if kind is EventKind.SPIKE else 0


@pytest.mark.parametrize("gap, stall", [(0.0, 0.0), (0.0, 0.7), (0.7, 0.0), (0.5, 0.3)])
def test_random_words(simulator, cache_dir, gap: float, stall: float) -> None:
    params = SIZES["three"]
    words = random_words(params, 150, seed=1)
    text = to_verilog(SpikeEmitter(params, depth=DEPTH), name="emitter")
    built = simulators.build(text, "emitter", simulator, cache_dir=cache_dir)
    packing = Packing(FiredLayout(params))
    answer = simulators.run(
        built,
        "hdl.cocotb_emitter",
        parameters={
            "words": [packing.pack(**word) for word in words],
            "depth": DEPTH,
            "gap": gap,
            "stall": stall,
            "seed": 1,
        },
    )
    expected = [packet for word in words for packet in packets_of(params, word)]
    assert [unpacked(params, payload) for payload in answer["packets"]] == expected
    assert answer["done"] == len(words)
    assert answer["sent"] == sum(kind is EventKind.SPIKE for kind, _, _ in expected)
    assert answer["most"] == DEPTH or gap > stall, "the queue was never full"


def clocks_and_packets(params: CoreParams, words: list[Word]) -> tuple[int, list[Packet]]:
    """Clocks in which the emitter worked on ``words``, which it finds in its queue, and the packets
    that it sent in them."""
    dut = SpikeEmitter(params, depth=len(words) + 2)
    packing = Packing(FiredLayout(params))
    # A word of a packet marks the beginning, and one the end; before them, one waits in the output
    # register, so that none of ``words`` can begin before it is measured.
    mark = packing.pack(end=1)
    sent: list[tuple[int, Packet]] = []

    async def bench(ctx):
        ctx.set(dut.push, 1)
        for word in [mark, mark, *(packing.pack(**word) for word in words), mark]:
            ctx.set(Value.cast(dut.word), word)
            await ctx.tick()
        ctx.set(dut.push, 0)
        await ctx.tick().repeat(3)
        ctx.set(dut.spikes.ready, 1)
        clock = 0
        payload = Value.cast(dut.spikes.payload)
        async for _, _, valid, value in ctx.tick().sample(dut.spikes.valid, payload):
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
