"""Speed of the golden model, beside a plain C loop that is compiled on the spot."""

import ctypes
import shutil
import subprocess
import tempfile
import time
from dataclasses import asdict, dataclass
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from hubel.hdl.program import Dense, Population, Program, Shape, Source
from hubel.sim import golden

#: Networks, input rate, steps and leak of the comparison in the literature of simulators.
NETWORKS = {"784-800-10": (784, 800, 10), "64-256-10": (64, 256, 10)}
RATE, STEPS = 0.05, 100
DECAY = round(4096 * np.exp(-1 / 20))

_REPEATS = 5


@dataclass(frozen=True, kw_only=True)
class Speed:
    """Synaptic operations a second of one network, in millions, best of five.

    ``single`` is golden on one sample at a time; ``c`` is the C loop, None without a compiler;
    ``synaptic_operations`` is how many one sample takes.
    """

    network: str
    samples: int
    synaptic_operations: float
    golden: float
    single: float
    c: float | None

    def to_json(self) -> dict[str, Any]:
        """A dictionary that ``json.dumps`` accepts."""
        return asdict(self)


def bench_network(name: str, *, samples: int = 32) -> Speed:
    """Measure one of :data:`NETWORKS` on one thread; AssertionError if C and golden differ."""
    from threadpoolctl import threadpool_limits

    rng = np.random.default_rng(0)
    program = random_chain(NETWORKS[name], rng)
    spikes = rng.random((samples, STEPS, program.input_neurons)) < RATE
    with threadpool_limits(1):
        trace = golden.run(program, spikes, record_membrane=False)
        operations = trace.counters.total()["synaptic_operations"]
        together = _best(lambda: golden.run(program, spikes, record_membrane=False))
        alone = _best(lambda: golden.run(program, spikes[:1], record_membrane=False))
    first = int(trace.counters.synaptic_operations[0])
    return Speed(
        network=name,
        samples=samples,
        synaptic_operations=operations / samples,
        golden=operations / together / 1e6,
        single=first / alone / 1e6,
        c=_c_speed(program, spikes, trace.spikes[-1]),
    )


def random_chain(sizes: tuple[int, ...], rng: np.random.Generator) -> Program:
    """Random weights that make the hidden layer spike about as often as the input."""
    populations, projections = [], []
    source = "input"
    for inputs, neurons in pairwise(sizes):
        threshold = int(250 * np.sqrt(inputs * RATE))
        name = f"{inputs}-{neurons}"
        populations.append(
            Population(
                name=name,
                shape=Shape(neurons),
                threshold=threshold,
                v_reset=threshold,
                decay=DECAY,
            )
        )
        weights = rng.integers(-128, 128, (inputs, neurons))
        projections.append(Dense(name=f"to {name}", source=source, target=name, weights=weights))
        source = name
    return Program(
        inputs=(Source("input", Shape(sizes[0])),),
        populations=tuple(populations),
        projections=tuple(projections),
        outputs=(source,),
    )


def _best(function: Any) -> float:
    """Seconds of the fastest of some calls."""
    times = []
    for _ in range(_REPEATS):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def _c_speed(program: Program, spikes: np.ndarray, expected: np.ndarray) -> float | None:
    """Millions of synaptic operations a second of the C loop; None if there is no compiler."""
    compiler = shutil.which("gcc") or shutil.which("g++")
    if compiler is None:
        return None
    source = resources.files("hubel.sw").joinpath("data/yardstick.c").read_text("utf-8")
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder, "yardstick.so")
        command = [
            compiler,
            "-x",
            "c",
            "-O3",
            "-march=native",
            "-shared",
            "-fPIC",
            "-o",
            library,
            "-",
        ]
        subprocess.run(command, input=source, text=True, check=True)
        run_population = ctypes.CDLL(str(library)).run_population
    run_population.restype = ctypes.c_int64
    high = program.params().state_max
    layers = [
        (
            np.ascontiguousarray(program.into(p.name)[0].weights.astype(np.int8)),
            np.full(p.neurons, p.bias, dtype=np.int32),
            np.full(p.neurons, p.v_init, dtype=np.int32),
            np.empty((2, p.neurons), dtype=np.int32),
            p,
        )
        for p in program.populations
    ]

    def run_all() -> tuple[int, list[np.ndarray]]:
        operations, outputs = 0, []
        for sample in spikes:
            layer = np.ascontiguousarray(sample, dtype=np.uint8)
            for weights, bias, v_init, scratch, p in layers:
                fired = np.empty((len(layer), p.neurons), dtype=np.uint8)
                pointers = [layer, fired, weights, bias, v_init, scratch[0], scratch[1]]
                sizes = (len(layer), len(weights), p.neurons)
                operations += run_population(
                    *(ctypes.c_void_p(array.ctypes.data) for array in pointers),
                    *(ctypes.c_int64(size) for size in sizes),
                    *(ctypes.c_int32(int(x)) for x in (p.threshold, p.decay, p.v_reset, high)),
                )
                layer = fired
            outputs.append(layer)
        return operations, outputs

    operations, outputs = run_all()
    assert np.array_equal(np.array(outputs, dtype=np.bool_), expected), (
        "the C loop and the golden model differ"
    )
    return operations / _best(run_all) / 1e6
