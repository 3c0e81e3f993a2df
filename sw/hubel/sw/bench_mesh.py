"""Figures of meshes: how much faster more cores are, and what a mesh takes of a chip."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from amaranth.hdl import Module
from amaranth.lib import wiring

from hubel.boards.out_of_context import Placed, place_ecp5
from hubel.hdl.fabric_program import FabricProgram
from hubel.hdl.mesh import Mesh
from hubel.hdl.program import Dense, Population, Program, Shape, Source
from hubel.sim import fabric as sim_fabric
from hubel.sim import mesh_gateware

from .fabric_row import FabricRow, Progress
from .mapping import map_program

__all__ = ["Scaling", "digits_like", "place_mesh", "place_row", "scaling_row", "weak_scaling"]

#: Meshes of the weak scaling: rows and columns.
SIZES = ((1, 1), (1, 2), (2, 2), (3, 3))


def digits_like(*, hidden: int = 128, seed: int = 1) -> Program:
    """Dense 64-``hidden``-10 as it is made of a trained network, with random weights."""
    rng = np.random.default_rng(seed)
    shapes, names = [Shape(64), Shape(hidden), Shape(10)], ["i0", "p0", "p1"]
    return Program(
        inputs=(Source("i0", shapes[0]),),
        populations=tuple(
            Population(
                name=name,
                shape=shape,
                threshold=1023,
                v_reset=1024,
                v_init=512,
                bias=rng.integers(-100, 100, shape.neurons),
            )
            for name, shape in zip(names[1:], shapes[1:], strict=True)
        ),
        projections=tuple(
            Dense(
                name=f"w{i}",
                source=names[i],
                target=names[i + 1],
                weights=rng.integers(-127, 128, (shapes[i].neurons, shapes[i + 1].neurons)),
            )
            for i in range(2)
        ),
        outputs=("p1",),
    )


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """A run of a network that grows with the cores.

    ``clocks`` are from the first packet in to the last state word; ``operations`` the synaptic ones
    of all cores, ``a_clock`` their number in a clock, and ``ideal`` that of one core times the
    cores.
    """

    cores: int
    neurons: int
    clocks: int
    operations: int
    a_clock: float
    ideal: float

    @property
    def efficiency(self) -> float:
        """Of the ideal."""
        return self.a_clock / self.ideal


def growing(cores: int, *, seed: int = 0) -> tuple[Program, np.ndarray]:
    """A layer of 64 neurons for each core, dense from 128 inputs and, a step later, from the next
    layer around; and spikes for it. Each core has the same work, however many there are."""
    rng = np.random.default_rng(seed)
    layers = tuple(
        Population(name=f"p{i}", shape=Shape(64), threshold=600, v_reset=600, decay=3500)
        for i in range(cores)
    )
    projections = []
    for i, layer in enumerate(layers):
        projections.append(
            Dense(name=f"in {i}", source="i0", target=layer.name, weights=_weights(rng, 128))
        )
        neighbour = layers[(i + 1) % cores].name
        projections.append(
            Dense(
                name=f"loop {i}", source=neighbour, target=layer.name, delay=1,
                weights=_weights(rng, 64),
            )
        )  # fmt: skip
    program = Program(
        inputs=(Source("i0", Shape(128)),),
        populations=layers,
        projections=tuple(projections),
        outputs=(layers[-1].name,),
    )
    return program, rng.random((2, 16, 128)) < 0.3


def _weights(rng: np.random.Generator, axons: int) -> np.ndarray:
    return rng.integers(-60, 80, (axons, 64))


def weak_scaling(
    *, cache_dir: str | None = None, on_stage: Callable[[str], None] = lambda _: None
) -> Iterator[Scaling]:
    """Simulate the growing network on 1, 2, 4 and 9 cores; AssertionError where it is not golden's.

    Raises
    ------
    ToolMissing, BuildFailed, BenchFailed
        From :mod:`hubel.sim.simulator`.
    """
    one = None
    for rows, columns in SIZES:
        cores = rows * columns
        program, spikes = growing(cores)
        fabric = map_program(program, rows=rows, columns=columns, spikes=spikes)
        got = mesh_gateware.run(
            fabric, spikes, cache_dir=cache_dir,
            on_stage=lambda stage, cores=cores: on_stage(f"{cores} cores: {stage}"),
        )  # fmt: skip
        expected = sim_fabric.run(fabric, spikes)
        different = mesh_gateware.first_divergence(fabric, expected, got)
        assert different is None, different
        operations, clocks = got.whole.counters.total()["synaptic_operations"], got.whole.cycles
        assert clocks is not None
        a_clock = operations / clocks
        one = one or a_clock
        yield Scaling(
            cores=sum(node is not None for node in fabric.nodes),
            neurons=sum(p.neurons for p in program.populations),
            clocks=clocks,
            operations=operations,
            a_clock=a_clock,
            ideal=one * cores,
        )


class _Unobserved(wiring.Component):
    """A mesh without the observation of its state words, which no chip has pins for."""

    def __init__(self, mesh: Mesh):
        self._mesh = mesh
        members = mesh.signature.members
        super().__init__({n: m for n, m in members.items() if not n.startswith("update_")})

    def elaborate(self, platform):
        m = Module()
        m.submodules.mesh = mesh = self._mesh
        for name, member in self.signature.members.items():
            mine, its = getattr(self, name), getattr(mesh, name)
            if member.is_signature:
                wiring.connect(m, wiring.flipped(mine), its)
            else:
                m.d.comb += mine.eq(its)
        return m


def place_mesh(
    fabric: FabricProgram | None = None, *, mhz: float = 80.0, lanes: int = 8, **how: Any
) -> Placed:
    """Place and route a mesh on an LFE5U-85F: that of ``fabric``, or 3 x 3 cores that share a
    network as that of the digits, with so many neurons that none is idle.

    Other parameters and errors are those of :func:`hubel.boards.out_of_context.place_ecp5`.
    """
    fabric = fabric or map_program(digits_like(hidden=160), rows=3, columns=3, lanes=lanes)
    if None in fabric.nodes:
        raise ValueError(f"{fabric.nodes.count(None)} of the nodes have no core")
    router = mesh_gateware.smallest_router(fabric)
    return place_ecp5(lambda: _Unobserved(Mesh(fabric, router, lanes=lanes)), mhz=mhz, **how)


def scaling_row(progress: Progress, out_dir: Path) -> FabricRow:
    """Synaptic operations a clock on 1, 2, 4 and 9 cores, simulated."""
    del out_dir
    found = list(weak_scaling(on_stage=progress))
    figures: list[tuple[str, float | int | str]] = [
        (f"{s.cores} cores, synaptic operations a clock",
         f"{s.a_clock:.2f} of {s.ideal:.2f} ({s.efficiency:.0%})")
        for s in found
    ]  # fmt: skip
    data = {"runs": [asdict(s) | {"efficiency": s.efficiency} for s in found]}
    return FabricRow(name="scaling", figures=figures, data=data)


def place_row(progress: Progress, out_dir: Path) -> FabricRow:
    """Size and clock of 3 x 3 cores of 8 lanes on an ECP5-85F, speed grade 6."""
    del out_dir
    placed = place_mesh(progress=lambda stage: progress(f"3x3 cores: {stage}"), timeout_s=5400)
    return FabricRow(
        name="nine cores",
        figures=[
            ("device", placed.device),
            ("LUT4", placed.logic),
            ("flip-flops", placed.ff - placed.wrapper_ff),
            ("block RAMs", placed.block_ram),
            ("MHz", placed.fmax_mhz),
        ],
        data=placed.to_json(),
    )
