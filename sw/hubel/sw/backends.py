"""One question, several back ends: run a Program, and compare the answers."""

import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy.typing as npt

from hubel.hdl.program import Program
from hubel.hdl.walks import walks
from hubel.sim import gateware, golden
from hubel.sim.compare import first_divergence
from hubel.sim.golden import Trace

from .board_backend import is_port, run_port, run_virtual

#: A simulator, the virtual board, or the name of a serial port.
Backend = Literal["golden", "verilator", "icarus", "virtual"] | str
BACKENDS: tuple[Backend, ...] = ("golden", "verilator", "icarus", "virtual")


def run(
    program: Program,
    spikes: npt.ArrayLike,
    *,
    backend: Backend = "golden",
    lanes: int = 8,
    waves: str | os.PathLike[str] | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    on_stage: Callable[[str], None] = lambda _: None,
    on_step: Callable[[int, int], None] = lambda done, total: None,
    verilog: str | None = None,
    states: bool | None = None,
) -> tuple[Trace, float]:
    """Run ``program`` on ``spikes``, shape (samples, steps, inputs); the same spikes, membranes
    and counters whatever the back end.

    ``backend`` may be the name of a serial port: the board there has lanes of its own, and gives
    the spikes of its outputs only. ``states`` says whether a board is asked for its membranes after
    each step, which takes time; by default only the virtual one is.

    Returns
    -------
    trace, seconds : Trace, float
        What came out, and the wall-clock time that it took, builds included.

    Raises
    ------
    ValueError
        If the back end is unknown, or the spikes do not suit the Program.
    ToolMissing, BuildFailed, BenchFailed
        From :mod:`hubel.sim.simulator`.
    VirtualBoardFailed, LinkError
        From :mod:`hubel.sim.virtual` and :mod:`.link_client`.
    """
    start = time.perf_counter()
    if waves is not None and backend not in ("verilator", "icarus"):
        raise ValueError(f"{backend} has no waves; use the back end verilator or icarus")
    if backend == "golden":
        trace = golden.run(program, spikes, lanes=lanes)
    elif backend == "virtual":
        trace = run_virtual(
            program,
            spikes,
            lanes=lanes,
            states=states is not False,
            cache_dir=cache_dir,
            on_stage=on_stage,
            on_step=on_step,
        )
    elif is_port(backend):
        trace = run_port(
            program, spikes, backend, states=bool(states), on_stage=on_stage, on_step=on_step
        )
    elif backend in ("verilator", "icarus"):
        trace = gateware.run(
            program,
            spikes,
            backend="icarus" if backend == "icarus" else "verilator",
            lanes=lanes,
            waves=waves,
            cache_dir=cache_dir,
            on_stage=on_stage,
            verilog=verilog,
        )
    else:
        raise ValueError(
            f"backend must be one of {', '.join(BACKENDS)}, or a serial port, not {backend!r}"
        )
    return trace, time.perf_counter() - start


@dataclass(frozen=True, kw_only=True)
class Check:
    """A comparison of the gateware with golden.

    ``spikes``, ``membranes`` and ``counters`` say how many values were compared; ``result`` is
    "equal" or the first divergence; ``clocks_per_weight_word`` is the time of the whole run over
    the weight words that were read (0, as ``cycles``, on a board, which does not show its clocks).
    ``occupancy`` is, for each projection, the share of the lanes
    that had a synapse while its spikes were walked, and ``occupancy_overall`` the same over all
    clocks of the run.
    """

    backend: str
    images: int
    steps: int
    spikes: int
    membranes: int
    counters: int
    cycles: int
    clocks_per_weight_word: float
    seconds: float
    result: str
    occupancy: dict[str, float]
    occupancy_overall: float

    @property
    def equal(self) -> bool:
        """Nothing differs."""
        return self.result == "equal"

    def __str__(self) -> str:
        compared = f"{self.spikes:,} spikes and {self.membranes:,} membranes"
        rate = f"; {self.clocks_per_weight_word:.3f} clocks a weight word" if self.cycles else ""
        return f"{self.images} images, {compared}: {self.result}{rate}"

    def to_json(self) -> dict[str, Any]:
        """A dictionary that ``json.dumps`` accepts."""
        return asdict(self)


def check(
    program: Program,
    spikes: npt.NDArray,
    *,
    backend: Backend = "verilator",
    lanes: int = 8,
    waves: str | os.PathLike[str] | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    on_stage: Callable[[str], None] = lambda _: None,
    verilog: str | None = None,
    label: str | None = None,
) -> Check:
    """Compare every spike, membrane and counter of ``backend``, called ``label``, with golden;
    errors as in :func:`run`."""
    expected = golden.run(program, spikes, lanes=lanes)
    got, seconds = run(
        program,
        spikes,
        backend=backend,
        lanes=lanes,
        waves=waves,
        cache_dir=cache_dir,
        on_stage=on_stage,
        verilog=verilog,
    )
    assert expected.membrane is not None
    fired = dict(
        zip(
            (source.name for source in program.sources),
            (*golden.by_input(program, golden.checked_spikes(program, spikes)), *expected.spikes),
            strict=True,
        )
    )
    occupancy = {
        walk.name: walk.occupancy(lanes)
        for walk in walks(program, fired, lanes=lanes)
        if walk.clocks.any()
    }
    operations = expected.counters.total()["synaptic_operations"]
    weight_reads = expected.counters.total()["weight_reads"]
    return Check(
        backend=label or backend,
        images=len(spikes),
        steps=spikes.shape[1],
        spikes=sum(s.size for s in expected.spikes),
        membranes=sum(v.size for v in expected.membrane),
        counters=len(expected.counters.total()),
        cycles=got.cycles or 0,
        clocks_per_weight_word=(got.cycles or 0) / max(1, weight_reads),
        seconds=seconds,
        result=first_divergence(program, expected, got) or "equal",
        occupancy=occupancy,
        occupancy_overall=operations / (got.cycles * lanes) if got.cycles else 0.0,
    )
