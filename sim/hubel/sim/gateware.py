"""The gateware as a back end: the chain's Verilog in a simulator, with golden's question."""

import tempfile
from collections.abc import Callable
from os import PathLike
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hubel.hdl.chain import Chain
from hubel.hdl.core import UpdateLayout
from hubel.hdl.counters import Counters
from hubel.hdl.events import EventKind, EventLayout
from hubel.hdl.params import CoreParams
from hubel.hdl.program import Program
from hubel.hdl.verilog import to_verilog

from . import simulator
from .golden import Trace, checked_spikes
from .streams import Packing
from .toolchain import Name


def chain_verilog(program: Program, *, lanes: int = 8) -> str:
    """Verilog of the core that runs ``program``, module ``hubel_chain``."""
    return to_verilog(Chain(program.params(lanes=lanes), program), name="hubel_chain")


def input_packets(
    params: CoreParams, spikes: npt.NDArray[np.bool_], *, seed: int = 0
) -> npt.NDArray[np.int64]:
    """The packets for population 0 that say ``spikes``, shape (samples, steps, inputs).

    The spikes of a step come in a random order, because no result may depend on it.
    """
    packing = Packing(EventLayout(params))
    start = packing.pack(kind=EventKind.START.value)
    end = packing.pack(kind=EventKind.END.value)
    spike = np.array([packing.pack(index=i) for i in range(params.inputs[0])])
    rng = np.random.default_rng(seed)
    packets: list[int] = []
    for sample in spikes:
        packets.append(start)
        for step in sample:
            packets += rng.permutation(spike[step]).tolist()
            packets.append(end)
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
        Simulate this instead of :func:`chain_verilog`: a netlist of it, say, with the same name
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
        verilog or chain_verilog(program, lanes=lanes),
        "hubel_chain",
        tool,
        waves=waves_format,
        cache_dir=cache_dir,
    )
    packing = Packing(EventLayout(params))
    end = packing.pack(kind=EventKind.END.value, population=params.populations - 1)
    mask = packing.pack(kind=3, population=(1 << packing.fields["population"][1]) - 1)
    on_stage(f"simulating with {backend}")
    with tempfile.TemporaryDirectory() as folder:
        packets = Path(folder, "packets.npy")
        np.save(packets, input_packets(params, wanted, seed=seed))
        answer = simulator.run(
            build,
            "hubel.sim.bench_chain",
            parameters={
                "packets": str(packets),
                "mask": mask,
                "end": end & mask,
                "ends": wanted.shape[0] * wanted.shape[1],
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
    spikes, membrane = _unpack_updates(params, shape, answer["updates"])
    sent = _unpack_spikes(params, shape, answer["spikes"])
    assert np.array_equal(sent, spikes[-1]), (
        "the packets that left the core are not the spikes of its last population"
    )
    counters = Counters(**{name: np.array([n]) for name, n in answer["counters"].items()})
    return Trace(spikes=spikes, membrane=membrane, counters=counters, cycles=answer["cycles"])


def _unpack_updates(
    params: CoreParams, shape: tuple[int, int], updates: list[int]
) -> tuple[tuple[npt.NDArray[np.bool_], ...], tuple[npt.NDArray[np.int32], ...]]:
    """Spikes and membranes of each population, from the state words in the order of writing."""
    packing = Packing(UpdateLayout(params))
    width, lanes = params.state_width, params.lanes
    row_width, v_at = packing.fields["row"][1], packing.fields["v"][0]
    words: list[list[tuple[list[int], list[int]]]] = [[] for _ in range(sum(params.words))]
    for update in updates:
        row = update & ((1 << row_width) - 1)
        fired = [update >> (row_width + lane) & 1 for lane in range(lanes)]
        v = [update >> (v_at + width * lane) & ((1 << width) - 1) for lane in range(lanes)]
        assert row < len(words), f"state word {row} was written, there are {len(words)}"
        words[row].append((fired, v))
    all_spikes, all_membranes = [], []
    for first, count, neurons in zip(params.first_word, params.words, params.neurons, strict=True):
        steps = shape[0] * shape[1]
        for row in range(first, first + count):
            assert len(words[row]) == steps, (
                f"state word {row} was written {len(words[row])} times in {steps} steps"
            )
        # (steps, 2, words of the population, lanes): fired and v
        array = np.array(words[first : first + count], dtype=np.int64).transpose(1, 2, 0, 3)
        flat = array.reshape(*shape, 2, count * lanes)[..., :neurons]
        v = flat[:, :, 1]
        all_spikes.append(flat[:, :, 0].astype(np.bool_))
        all_membranes.append((v - (v >> (width - 1) << width)).astype(np.int32))
    return tuple(all_spikes), tuple(all_membranes)


def _unpack_spikes(
    params: CoreParams, shape: tuple[int, int], packets: list[int]
) -> npt.NDArray[np.bool_]:
    """Spikes of the last population, shape (samples, steps, neurons), from its packets."""
    packing = Packing(EventLayout(params))
    spikes = np.zeros((*shape, params.neurons[-1]), dtype=np.bool_)
    sample, step = -1, 0
    for packet in packets:
        fields = packing.unpack(packet)
        kind = EventKind(fields["kind"])
        if kind is EventKind.START:
            assert step == 0, f"sample {sample} has {step} of {shape[1]} steps"
            sample += 1
        elif kind is EventKind.SPIKE:
            index = fields["index"]
            assert index < params.neurons[-1], f"spike of neuron {index}, which is not there"
            assert not spikes[sample, step, index], f"neuron {index} spiked twice in step {step}"
            spikes[sample, step, index] = True
        else:
            step = (step + 1) % shape[1]
    assert (sample, step) == (shape[0] - 1, 0), f"the packets end in sample {sample}, step {step}"
    return spikes
