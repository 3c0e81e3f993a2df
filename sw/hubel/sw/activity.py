"""Joules from a simulation: what the registers of a core toggle while it works on real inputs."""

import os
import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy.typing as npt

from hubel.hdl.core import Core
from hubel.hdl.program import Program
from hubel.sim.gateware import core_verilog
from hubel.sim.golden import run as golden_run
from hubel.sim.registers import FLIP_FLOPS, register_names

from . import backends
from .building import netlist as netlist_of
from .energy import estimate
from .figure import Figure
from .fit import decaying_states
from .inference import RAM_WIDTH, ram_accesses
from .switching import Switching, read_vcd


@dataclass(frozen=True, kw_only=True)
class Activity:
    """What a core did in a simulation.

    Attributes
    ----------
    check : Check
        Whether all of it was as golden says.
    switching : Switching
        Toggles of its registers.
    ram_accesses, dsp_ops : int
        From its counters, which golden predicts.
    """

    check: backends.Check
    switching: Switching
    ram_accesses: int
    dsp_ops: int

    def joules(
        self, clock_hz: float, *, device: str = "iCE40UP5K", table: Mapping[str, Any] | None = None
    ) -> list[Figure]:
        """Energy of the simulated clocks, term by term; as :func:`.energy.estimate`."""
        return estimate(
            device,
            self.switching.cycles,
            clock_hz,
            dsp_ops=self.dsp_ops,
            ram_accesses=self.ram_accesses,
            toggles=self.switching.toggles,
            table=table,
        )


def simulated(
    program: Program,
    spikes: npt.NDArray,
    *,
    lanes: int = 8,
    netlist: bool = False,
    dump: str | os.PathLike[str] | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    on_stage: Callable[[str], None] = lambda _: None,
) -> Activity:
    """Run ``program`` on ``spikes``, shape (samples, steps, inputs), in Verilator with a value
    change dump, and count what toggles.

    Parameters
    ----------
    netlist : bool
        Simulate the iCE40 netlist after synthesis, whose flip-flops are those of the chip, instead
        of the gateware, whose registers are theirs before synthesis. Verilating it takes minutes.
    dump : path
        Keep the dump there (.vcd).

    Raises
    ------
    AssertionError
        If the simulation differs from golden: its activity would be that of another design.
    ValueError, ToolMissing, BuildFailed, BenchFailed
        As for :func:`.backends.run`.
    """
    verilog = core_verilog(program, lanes=lanes)
    only = "^(" + "|".join(map(re.escape, register_names(verilog))) + ")$"
    params = program.params(lanes=lanes)
    if netlist:
        on_stage("synthesis")
        verilog, only = netlist_of(Core(params, program)), FLIP_FLOPS
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "activity.vcd") if dump is None else Path(dump)
        check = backends.check(
            program,
            spikes,
            backend="verilator",
            lanes=lanes,
            waves=path,
            cache_dir=cache_dir,
            on_stage=on_stage,
            verilog=verilog,
            label="iCE40 netlist" if netlist else "gateware",
        )
        if not check.equal:
            raise AssertionError(f"{check.backend}: {check.result}")
        on_stage("counting toggles")
        switching = read_vcd(path, clock="hubel_core.clk", only=only)
    counters = golden_run(program, spikes, lanes=lanes).counters.total()
    return Activity(
        check=check,
        switching=switching,
        ram_accesses=ram_accesses(params, counters, RAM_WIDTH["ice40"]),
        dsp_ops=counters["updates"] * params.lanes * decaying_states(params),
    )
