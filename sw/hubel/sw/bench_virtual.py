"""How fast the virtual board is, the driver and the serial line included."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from hubel.hdl.program import Conv2d, Dense, Population, Program, Shape, Source
from hubel.sim.virtual import VirtualBoard, build_virtual

from .bench_simulators import chain
from .board import Board

_RATE = 0.1
_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True)
class VirtualSpeed:
    """Of a network on a virtual board: clocks that are simulated in a second while somebody talks
    to it, and in a second of the processor; steps and synaptic operations in a second of the
    driver's. Samples come one after the other for some seconds."""

    network: str
    clocks: int
    clocks_per_second: float
    clocks_per_cpu_second: float
    steps_per_second: float
    operations_per_second: float
    build_seconds: float

    def to_json(self) -> dict[str, Any]:
        """A dictionary that ``json.dumps`` accepts."""
        return asdict(self)


def _digits(rng: np.random.Generator) -> Program:
    return chain((64, 128, 10), rng)


def _cnn(rng: np.random.Generator) -> Program:
    """16 channels of 5 x 5 over 2 x 16 x 16, pooled into 10 neurons."""
    return Program(
        inputs=(Source("input", Shape(2, 16, 16)),),
        populations=(
            Population(name="conv", shape=Shape(16, 12, 12), threshold=300, v_reset=300),
            Population(name="out", shape=Shape(10), threshold=300, v_reset=300),
        ),
        projections=(
            Conv2d(
                name="conv",
                source="input",
                target="conv",
                weights=rng.integers(-60, 80, (16, 2, 5, 5)),
            ),
            Dense(
                name="out",
                source="conv",
                target="out",
                pool=(4, 4),
                weights=rng.integers(-60, 60, (16 * 9, 10)),
            ),
        ),
        outputs=("out",),
    )


CASES: dict[str, Callable[[np.random.Generator], Program]] = {
    "64-128-10": _digits,
    "2x16x16-16x12x12-10": _cnn,
}


def bench_virtual(
    on_network: Callable[[str], None] = lambda _: None, *, seconds: float = _SECONDS
) -> list[VirtualSpeed]:
    """Build a virtual board for each of :data:`CASES` and keep it busy for ``seconds``.

    Raises
    ------
    ToolMissing, VirtualBoardFailed
        From :mod:`hubel.sim.virtual`.
    """
    results = []
    for name, build in CASES.items():
        on_network(name)
        rng = np.random.default_rng(0)
        program = build(rng)
        start = time.perf_counter()
        executable = build_virtual(program)
        built = time.perf_counter() - start
        spikes = rng.random((1, 100, program.input_neurons)) < _RATE
        steps = operations = 0
        with VirtualBoard(executable) as virtual:
            with Board(virtual.port) as board:
                board.program(program)
                start = time.perf_counter()
                while (taken := time.perf_counter() - start) < seconds:
                    run = board.run(spikes)
                    steps += spikes.shape[1]
                    operations += run.counters["synaptic_operations"]
        assert virtual.speed is not None
        results.append(
            VirtualSpeed(
                network=name,
                clocks=virtual.speed.clocks,
                clocks_per_second=virtual.speed.clocks_per_second,
                clocks_per_cpu_second=virtual.speed.clocks_per_cpu_second,
                steps_per_second=steps / taken,
                operations_per_second=operations / taken,
                build_seconds=built,
            )
        )
    return results
