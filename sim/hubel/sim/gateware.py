"""The gateware as a back end: the core's Verilog in a simulator, with golden's question."""

import tempfile
from collections.abc import Callable
from os import PathLike
from pathlib import Path

import numpy as np
import numpy.typing as npt
from amaranth.hdl import Shape as HdlShape

from hubel.hdl.core import Core, UpdateLayout
from hubel.hdl.counters import Counters
from hubel.hdl.events import EventKind, EventLayout
from hubel.hdl.image import StateLayout
from hubel.hdl.params import CoreParams
from hubel.hdl.program import Program
from hubel.hdl.verilog import to_verilog

from . import simulator
from .golden import Trace, checked_spikes
from .streams import Packing
from .toolchain import Name


def core_verilog(program: Program, *, lanes: int = 8) -> str:
    """Verilog of the core that runs ``program``, module ``hubel_core``."""
    return to_verilog(Core(program.params(lanes=lanes), program), name="hubel_core")


def input_packets(
    program: Program, params: CoreParams, spikes: npt.NDArray[np.bool_], *, seed: int = 0
) -> npt.NDArray[np.int64]:
    """The packets for the inputs of ``program`` that say ``spikes``, shape (samples, steps,
    inputs).

    The spikes of a step come in a random order, because no result may depend on it.
    """
    packing = Packing(EventLayout(params))
    numbers = range(len(params.inputs))
    starts = [packing.pack(kind=EventKind.START.value, source=i) for i in numbers]
    ends = [packing.pack(kind=EventKind.END.value, source=i) for i in numbers]
    spike = np.array(
        [
            packing.pack(source=i, code=code)
            for i, shape in enumerate(params.inputs)
            for code in shape.codes().tolist()
        ]
    )
    rng = np.random.default_rng(seed)
    packets: list[int] = []
    for sample in spikes:
        packets += starts
        for step in sample:
            packets += rng.permutation(spike[step]).tolist()
            packets += ends
    return np.array(packets, dtype=np.int64)


def run(
    program: Program,
    spikes: npt.ArrayLike,
    *,
    backend: Name = "verilator",
    lanes: int = 8,
    gap: float = 0.0,
    stall: float = 0.0,
    seed: int = 0,
    waves: str | PathLike | None = None,
    cache_dir: str | PathLike | None = None,
    timeout_s: float = 3600.0,
    on_stage: Callable[[str], None] = lambda _: None,
    verilog: str | None = None,
) -> Trace:
    """Run ``program`` on the gateware, in a simulator; the same contract as
    :func:`hubel.sim.golden.run`.

    Parameters
    ----------
    program, spikes, lanes
        As for golden.
    backend : "verilator" or "icarus"
    gap, stall : float
        Probability that the sender pauses, and that the receiver is not ready, in a clock.
    seed : int
        Of the pauses and of the order of the spikes in a step.
    waves : path
        Write waves there, ``.fst`` or ``.vcd``.
    cache_dir : path
        Where simulator builds are kept.
    timeout_s : float
        Wall-clock limit of the simulation.
    on_stage : callable
        Is told what is being done.
    verilog : str
        Simulate this instead of :func:`core_verilog`: a netlist of it, say, with the same name
        and ports.

    Raises
    ------
    ValueError
        If ``spikes`` do not suit the Program, or ``waves`` has another suffix.
    ToolMissing, BuildFailed, BenchFailed
        From :mod:`hubel.sim.simulator`.
    """
    wanted = checked_spikes(program, spikes)
    params = program.params(lanes=lanes)
    waves_format = _waves_format(waves)
    tool = simulator.find_simulator(backend)
    on_stage(f"building for {backend}")
    build = simulator.build(
        verilog or core_verilog(program, lanes=lanes),
        "hubel_core",
        tool,
        waves=waves_format,
        cache_dir=cache_dir,
    )
    end = Packing(EventLayout(params)).pack(kind=EventKind.END.value)
    mask = Packing(EventLayout(params)).pack(kind=3)
    on_stage(f"simulating with {backend}")
    with tempfile.TemporaryDirectory() as folder:
        packets = Path(folder, "packets.npy")
        np.save(packets, input_packets(program, params, wanted, seed=seed))
        answer = simulator.run(
            build,
            "hubel.sim.bench_core",
            parameters={
                "packets": str(packets),
                "mask": mask,
                "end": end,
                "ends": wanted.shape[0] * wanted.shape[1] * len(program.outputs),
                "updates": wanted.shape[0] * wanted.shape[1] * sum(params.words),
                "gap": gap,
                "stall": stall,
                "seed": seed,
            },
            waves=waves,
            seed=seed,
            timeout_s=timeout_s,
        )
    return _trace(params, wanted.shape[:2], answer)


def _waves_format(waves: str | PathLike | None) -> simulator.Waves | None:
    formats: dict[str, simulator.Waves] = {".fst": "fst", ".vcd": "vcd"}
    if waves is None:
        return None
    if Path(waves).suffix not in formats:
        raise ValueError(f"waves are written as .fst or .vcd, not {Path(waves).name!r}")
    return formats[Path(waves).suffix]


def _trace(params: CoreParams, shape: tuple[int, int], answer: dict) -> Trace:
    """What the bench saw, as golden would say it; AssertionError where it makes no sense."""
    spikes, states = _unpack_updates(params, shape, answer["updates"])
    outputs = _unpack_spikes(params, shape, answer["spikes"])
    for p, sent in zip(params.outputs, outputs, strict=True):
        assert np.array_equal(sent, spikes[p]), (
            f"the packets that left the core are not the spikes of population {p}"
        )
    counters = Counters(**{name: np.array([n]) for name, n in answer["counters"].items()})
    return Trace(
        spikes=spikes,
        membrane=states["v"],
        current=states.get("u"),
        adaptation=states.get("a"),
        counters=counters,
        cycles=answer["cycles"],
    )


Arrays = tuple[npt.NDArray, ...]


def _unpack_updates(
    params: CoreParams, shape: tuple[int, int], updates: list[int]
) -> tuple[Arrays, dict[str, Arrays]]:
    """Spikes and states of each population, from the state words in the order of writing."""
    layout = UpdateLayout(params)
    packing, lanes = Packing(layout), params.lanes
    state_at = packing.fields["state"][0]
    # Name, position and width of a lane's field.
    fields = [("fired", packing.fields["fired"][0], 1)]
    for name, place in StateLayout(params):
        width = HdlShape.cast(place.shape).width // lanes
        fields.append((str(name), state_at + place.offset, width))
    words: list[list[int]] = [[] for _ in range(sum(params.words))]
    for update in updates:
        row = packing.unpack(update)["row"]
        assert row < len(words), f"state word {row} was written, there are {len(words)}"
        words[row].append(update)
    steps = shape[0] * shape[1]
    for row, written in enumerate(words):
        assert len(written) == steps, (
            f"state word {row} was written {len(written)} times in {steps} steps"
        )
    found: dict[str, list[npt.NDArray]] = {}
    for name, at, width in fields:
        bits = [at + width * lane for lane in range(lanes)]
        # (words, steps, lanes)
        values = np.array(
            [
                [[update >> bit & ((1 << width) - 1) for bit in bits] for update in written]
                for written in words
            ]
        )
        if name in ("v", "u", "a"):
            values = values - (values >> (width - 1) << width)
        found[name] = [
            _neurons(values[first : first + count], population.lane_order(lanes), shape)
            for first, count, population in zip(
                params.first_word, params.words, params.populations, strict=True
            )
        ]
    fired = tuple(array.astype(np.bool_) for array in found.pop("fired"))
    return fired, {
        name: tuple(array.astype(np.int32) for array in arrays) for name, arrays in found.items()
    }


def _neurons(
    words: npt.NDArray, order: npt.NDArray[np.int64], shape: tuple[int, int]
) -> npt.NDArray:
    """Values of shape (words, steps, lanes) as (samples, steps, neurons)."""
    flat = words.transpose(1, 0, 2)[:, order >= 0]
    values = np.empty_like(flat)
    values[:, order[order >= 0]] = flat
    return values.reshape(*shape, -1)


def _unpack_spikes(
    params: CoreParams, shape: tuple[int, int], packets: list[int]
) -> list[npt.NDArray[np.bool_]]:
    """Spikes of each output, shape (samples, steps, neurons), from the packets."""
    packing = Packing(EventLayout(params))
    result = []
    for p in params.outputs:
        neurons = {code: n for n, code in enumerate(params.populations[p].codes().tolist())}
        spikes = np.zeros((*shape, len(neurons)), dtype=np.bool_)
        sample, step = -1, 0
        for packet in packets:
            fields = packing.unpack(packet)
            if fields["source"] != params.source_of(p):
                continue
            kind = EventKind(fields["kind"])
            if kind is EventKind.START:
                assert step == 0, f"sample {sample} has {step} of {shape[1]} steps"
                sample += 1
            elif kind is EventKind.SPIKE:
                code = fields["code"]
                assert code in neurons, f"spike with code {code}, which is not there"
                place = sample, step, neurons[code]
                assert not spikes[place], f"code {code} spiked twice in step {step}"
                spikes[place] = True
            else:
                step = (step + 1) % shape[1]
        assert (sample, step) == (shape[0] - 1, 0), (
            f"the packets of population {p} end in sample {sample}, step {step}"
        )
        result.append(spikes)
    return result
