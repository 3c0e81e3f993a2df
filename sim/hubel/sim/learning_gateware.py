"""The learning core's Verilog in a simulator, with the golden layer's question."""

import pickle
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hubel.hdl.learning_access import LearningMemory
from hubel.hdl.learning_change import ChangeLayout
from hubel.hdl.learning_core import LearningCore
from hubel.hdl.learning_events import LearningKind, LearningPacket
from hubel.hdl.skewed_memory import SynapseLayout
from hubel.hdl.stdp_params import LearningParams, LearningRates
from hubel.hdl.verilog import to_verilog

from . import simulator
from .learning import Layer
from .learning_image import load_bytes, rate_bytes, weight_parts
from .streams import Packing
from .toolchain import Name

Ints = npt.NDArray[np.int64]


def apply_change(params: LearningParams, weights: Ints, payload: int) -> None:
    """Put a word that the core wrote, as :class:`ChangeLayout`, into ``weights``."""
    change = Packing(ChangeLayout(params)).unpack(payload)
    where = Packing(SynapseLayout(params)).unpack(change["synapses"])
    lanes, i, j = params.lanes, where["input"], where["neuron"]
    values = [
        change["word"] >> params.weight_width * lane & params.weight_max for lane in range(lanes)
    ]
    if where["column"]:
        weights[i : i + lanes, j] = values
    else:
        weights[i, j : j + lanes] = values


@dataclass(frozen=True, eq=False)
class Learned:
    """What a core did.

    Attributes
    ----------
    fired : list of list of list of int
        Neurons, by sample and step, in the order in which they fired.
    weights : array of int, shape (samples, inputs, neurons)
        After each sample.
    neurons : array of int, shape (samples, neurons, 3)
        v, a, y after each sample.
    lfsr : int
    counters : dict
    read_weights : array of int, shape (inputs, neurons)
        In the end, read from the memory.
    """

    fired: list[list[list[int]]]
    weights: Ints
    neurons: Ints
    lfsr: int
    counters: dict[str, int]
    read_weights: Ints


def learn_in_gateware(
    layer: Layer,
    spikes: npt.NDArray[np.bool_],
    *,
    backend: Name = "verilator",
    rates: Sequence[LearningRates] = (),
    gap: float = 0.0,
    stall: float = 0.0,
    seed: int = 0,
    cache_dir: str | PathLike | None = None,
    timeout_s: float = 3600.0,
    on_stage: Callable[[str], None] = lambda _: None,
) -> Learned:
    """Show samples to a core that was loaded with ``layer``, which stays as it is.

    Parameters
    ----------
    layer : Layer
        At the beginning of a sample.
    spikes : array of bool, shape (samples, steps, inputs)
    rates : for each sample, the rates before it; those of ``layer`` if empty
    backend, gap, stall, seed, cache_dir, timeout_s, on_stage
        As for :func:`hubel.sim.gateware.run`.
    """
    params = layer.params
    tool = simulator.find_simulator(backend)
    on_stage(f"building for {backend}")
    verilog = to_verilog(LearningCore(params), name="hubel_learning")
    build = simulator.build(verilog, "hubel_learning", tool, cache_dir=cache_dir)
    packing = Packing(LearningPacket(params))
    orders: list[Any] = [
        ("write", memory.value, address, content) for memory, address, content in load_bytes(layer)
    ]
    samples = []
    for number, sample in enumerate(spikes):
        if rates:
            content = rate_bytes(rates[number])
            orders.append(("write", LearningMemory.RATES.value, 0, content))
        packets = [packing.pack(kind=LearningKind.START.value)]
        for step in sample:
            packets += [packing.pack(code=int(i)) for i in np.flatnonzero(step)]
            packets.append(packing.pack(kind=LearningKind.END.value))
        samples.append(len(orders))
        orders.append(("packets", packets, len(sample)))
        orders.append(("read", LearningMemory.NEURONS.value, 0, 6 * params.neurons))
    orders.append(("read", LearningMemory.RANDOM.value, 0, 8))
    for memory, address, count in weight_parts(params):
        orders.append(("read", memory.value, address, count))
    orders.append(("counters",))
    on_stage(f"simulating with {backend}")
    with tempfile.TemporaryDirectory() as folder:
        task, answer = Path(folder, "orders"), Path(folder, "answers")
        task.write_bytes(pickle.dumps(orders))
        simulator.run(
            build,
            "hubel.sim.bench_learning",
            parameters={
                "orders": str(task),
                "answers": str(answer),
                "mask": packing.pack(kind=7),
                "end": packing.pack(kind=LearningKind.END.value),
                "gap": gap,
                "stall": stall,
                "seed": seed,
            },
            seed=seed,
            timeout_s=timeout_s,
        )
        answers = pickle.loads(answer.read_bytes())
    return _learned(layer, answers, samples, packing)


def _learned(layer: Layer, answers: list, samples: list[int], packing: Packing) -> Learned:
    params, weights = layer.params, layer.weights.copy()
    fired, all_weights, neurons = [], [], []
    for number in samples:
        packets, changes = answers[number]
        steps: list[list[int]] = [[]]
        for packet in map(packing.unpack, packets):
            if packet["kind"] == LearningKind.END.value:
                steps.append([])
            else:
                steps[-1].append(packet["code"])
        fired.append(steps[:-1])
        for change in changes:
            apply_change(params, weights, change)
        all_weights.append(weights.copy())
        neurons.append(np.frombuffer(answers[number + 1], dtype="<u2").reshape(-1, 3))
    parts = len(weight_parts(params))
    last = b"".join(answers[-1 - parts : -1])
    return Learned(
        fired=fired,
        weights=np.array(all_weights),
        neurons=np.array(neurons).astype(np.int64),
        lfsr=int.from_bytes(answers[-2 - parts], "little"),
        counters=answers[-1],
        read_weights=np.frombuffer(last, dtype=f"<u{params.weight_width // 8}")
        .reshape(params.inputs, params.neurons)
        .astype(np.int64),
    )
