"""A mesh of cores in a simulator, compared with golden."""

import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy.typing as npt

from hubel.hdl.fabric_program import FabricProgram
from hubel.sim import fabric as golden
from hubel.sim import mesh_gateware
from hubel.sim.toolchain import Name


@dataclass(frozen=True, kw_only=True)
class MeshCheck:
    """A comparison of a mesh with golden.

    ``spikes``, ``states`` and ``counters`` say how many values were compared, all of every core;
    ``result`` is "equal" or the first divergence. ``cycles`` are the clocks from the first packet
    in to the last one out; ``busiest`` those in which the busiest core worked.
    """

    backend: str
    mesh: str
    cores: int
    images: int
    steps: int
    spikes: int
    states: int
    counters: int
    cycles: int
    busiest: int
    totals: dict[str, int]
    seconds: float
    result: str

    @property
    def equal(self) -> bool:
        """Nothing differs."""
        return self.result == "equal"

    def __str__(self) -> str:
        compared = f"{self.spikes:,} spikes, {self.states:,} states and {self.counters} counters"
        return (
            f"{self.images} images on {self.mesh}, {self.cores} cores, {compared}: {self.result}; "
            f"{self.cycles:,} clocks"
        )

    def to_json(self) -> dict[str, Any]:
        """A dictionary that ``json.dumps`` accepts."""
        return asdict(self)


def check_mesh(
    fabric: FabricProgram,
    spikes: npt.NDArray,
    *,
    backend: Name = "verilator",
    lanes: int = 8,
    cache_dir: str | os.PathLike[str] | None = None,
    on_stage: Callable[[str], None] = lambda _: None,
) -> MeshCheck:
    """Run ``fabric`` on ``spikes``, shape (samples, steps, inputs), in a simulator, and compare
    every spike, state and counter of every core, and what the host hears, with golden.

    Raises
    ------
    ValueError
        If the spikes do not suit the Program.
    MeshDiverges
        If the mapping itself is wrong: :func:`hubel.sim.fabric.run`.
    ToolMissing, BuildFailed, BenchFailed
        From :mod:`hubel.sim.simulator`.
    """
    start = time.perf_counter()
    on_stage("golden")
    expected = golden.run(fabric, spikes, lanes=lanes)
    got = mesh_gateware.run(
        fabric, spikes, backend=backend, lanes=lanes, cache_dir=cache_dir, on_stage=on_stage
    )
    traces = [node for node in expected.nodes if node is not None]
    states = [
        array
        for trace in traces
        for of_all in (trace.membrane, trace.current, trace.adaptation)
        for array in of_all or ()
        if array is not None
    ]
    return MeshCheck(
        backend=backend,
        mesh=f"{fabric.rows}x{fabric.columns}",
        cores=len(traces),
        images=len(spikes),
        steps=spikes.shape[1],
        spikes=sum(s.size for trace in traces for s in trace.spikes),
        states=sum(array.size for array in states),
        counters=sum(len(trace.counters.names()) for trace in traces),
        cycles=got.whole.cycles or 0,
        busiest=max(trace.counters.total()["busy"] for trace in traces),
        totals=got.whole.counters.total(),
        seconds=time.perf_counter() - start,
        result=mesh_gateware.first_divergence(fabric, expected, got) or "equal",
    )
