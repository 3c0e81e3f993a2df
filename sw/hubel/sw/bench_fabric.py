"""Figures of the fabric. A figure more is a function in :data:`ROWS`."""

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from amaranth.hdl import Value
from amaranth.sim import Simulator

from hubel.boards.out_of_context import place_ecp5
from hubel.hdl.fabric_packet import RouterParams
from hubel.hdl.router import Router
from hubel.hdl.router_port import TURNS, Port

from . import fabric_chart
from .bench_mesh import place_row, scaling_row
from .fabric_row import FabricRow, Progress
from .mesh_load import load_curves
from .npz import atomic_file
from .svg import picture

__all__ = ["ROWS", "FabricRow", "bench_fabric"]

#: What place and route is asked for, and how many seeds of the placer are tried to reach it. More
#: than the 120 MHz that are wanted, because the tools stop when they have it.
AIM_MHZ, SEEDS = 140.0, 4

#: Rows and columns of the mesh that is loaded.
MESH = 4, 4


def router_row(progress: Progress, out_dir: Path) -> FabricRow:
    """Size and clock of a router of 32-bit packets on an ECP5-85F, speed grade 6."""
    params = RouterParams()
    table = {key: (7 * key + 3) % 32 for key in range(params.keys)}
    placed = place_ecp5(
        lambda: Router(params, table),
        mhz=AIM_MHZ,
        seeds=SEEDS,
        progress=lambda stage: progress(f"router: {stage}"),
    )
    cells = placed.cells
    # A carry cell is two LUT4, a LUT RAM of 16 x 4 bits four.
    lut4 = cells["lut4"] + 2 * cells.get("carry", 0) + 4 * cells["lut_ram"]
    return FabricRow(
        name="router",
        figures=[
            ("device", placed.device),
            ("packet, bits", params.key_bits + params.payload_bits),
            ("LUT4, carries and LUT RAM included", lut4),
            ("flip-flops", cells["ff"]),
            ("block RAMs", placed.block_ram),
            ("MHz", placed.fmax_mhz),
            ("MHz of each seed", ", ".join(f"{mhz:.1f}" for mhz in placed.attempts.values())),
            ("LUT4 placed, with the wrapper", placed.logic),
        ],
        data=placed.to_json() | {"lut4_total": lut4, "packet_bits": 32},
    )


def latency_row(progress: Progress, out_dir: Path) -> FabricRow:
    """Clocks from the transfer of a packet into a router to its transfer into the next one."""
    progress("latency of a hop")
    clocks = {port.name.lower(): hop_clocks(port) for port in Port}
    return FabricRow(
        name="latency",
        figures=[("clocks a hop, nobody in the way", max(clocks.values()))],
        data={"clocks": clocks},
    )


def hop_clocks(port: Port) -> int:
    """The same of a packet that comes in by ``port`` and goes to all ports that it may; measured
    at the last of them."""
    router = Router(RouterParams(), {1: sum(output.bit for output in TURNS[port])})
    times: list[int] = []

    async def bench(ctx):
        came = None
        ctx.set(Value.cast(router.i[port].payload), 1)
        ctx.set(router.i[port].valid, 1)
        for output in Port:
            ctx.set(router.o[output].ready, 1)
        for clock in range(100):
            sampled = [router.i[port].ready, *(router.o[output].valid for output in TURNS[port])]
            _, _, ready, *valid = await ctx.tick().sample(*sampled)
            if ready and came is None:
                came = clock
                ctx.set(router.i[port].valid, 0)
            if any(valid):
                assert came is not None
                times.append(clock - came)

    simulator = Simulator(router)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return max(times)


def mesh_row(progress: Progress, out_dir: Path) -> FabricRow:
    """What arrives of uniform random traffic, by what is offered, with a picture."""
    rows, columns = MESH
    curves = load_curves(rows, columns, progress)
    path = out_dir / "mesh.svg"
    with atomic_file(path) as temporary:
        temporary.write_text(
            picture(partial(fabric_chart.mesh_load, curves), name="mesh"), encoding="utf-8"
        )
    figures: list[tuple[str, float | int | str]] = [("mesh", f"{rows}x{columns}")]
    for curve in curves:
        figures += [
            (f"{curve.traffic}: saturates at, packets a node and clock", curve.saturation),
            (f"{curve.traffic}: most that arrive", curve.most),
            (f"{curve.traffic}: bound of the busiest link", curve.bound),
            (f"{curve.traffic}: clocks at a load of {curve.offered[0]}", curve.latency[0]),
        ]
    figures.append(("picture", str(path)))
    return FabricRow(
        name="mesh",
        figures=figures,
        data={
            "rows": rows,
            "columns": columns,
            "curves": [curve.to_json() for curve in curves],
            "picture": str(path),
        },
    )


#: Each measurement, by its name.
ROWS: dict[str, Callable[[Progress, Path], FabricRow]] = {
    "router": router_row,
    "latency": latency_row,
    "mesh": mesh_row,
    "scaling": scaling_row,
    "nine cores": place_row,
}


def bench_fabric(
    progress: Progress = lambda stage: None,
    *,
    names: Sequence[str] = (),
    out_dir: str | os.PathLike[str] = "build/bench-fabric",
) -> list[FabricRow]:
    """Measure ``names`` of :data:`ROWS`, all if there are none; pictures go into ``out_dir``.

    Raises
    ------
    ValueError
        If there is no such measurement.
    ToolMissing, BuildFailed, BenchFailed
        From :mod:`hubel.boards` and :mod:`hubel.sim.simulator`.
    """
    for name in names:
        if name not in ROWS:
            raise ValueError(f"no figure of the fabric is called {name!r}: {', '.join(ROWS)}")
    folder = Path(out_dir)
    folder.mkdir(parents=True, exist_ok=True)
    return [ROWS[name](progress, folder) for name in names or ROWS]
