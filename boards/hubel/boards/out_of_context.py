# pyright: reportAttributeAccessIssue=false
# (amaranth-stubs do not know back.rtlil)
"""Clock and cells of a component on its own, behind a wrapper that stands for all around it."""

import json
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from amaranth.back import rtlil
from amaranth.hdl import Cat, ClockDomain, Elaboratable, Module, Mux, Signal, Value
from amaranth.lib.wiring import In

from .build import RELAX_COLLISIONS, BuildFailed, other_names
from .report import PathEnd, cell_counts, clock_mhz, critical_path, utilisation
from .toolchain import find_tool

__all__ = ["Placed", "ShiftWrapper", "place_ecp5"]


class ShiftWrapper(Elaboratable):
    """All ports of a component as one bit in and one bit out, so that it fits any package: a shift
    register drives its inputs, another one takes its outputs. Each input and output has a register
    of its own, and no path is longer than in a design that registers its ports.

    Parameters
    ----------
    component : :class:`amaranth.lib.wiring.Component`

    Attributes
    ----------
    clk, si, so : Signal
    flip_flops : int
        Of the wrapper.
    """
    def __init__(self, component: Any):
        self._component = component
        self.clk, self.si, self.so, self.load = (
            Signal(name=name) for name in ("clk", "si", "so", "load"))
        flat = [(member.flow, Value.cast(value))
                for _, member, value in component.signature.flatten(component)]
        self._inputs = [value for flow, value in flat if flow is In]
        self._outputs = [value for flow, value in flat if flow is not In]
        inputs, outputs = (sum(map(len, ports)) for ports in (self._inputs, self._outputs))
        self.flip_flops = inputs + 2 * outputs

    def elaborate(self, platform):
        m = Module()
        m.domains.sync = sync = ClockDomain(reset_less=True)
        m.submodules.dut = self._component
        m.d.comb += sync.clk.eq(self.clk)
        inputs, outputs = Cat(self._inputs), Cat(self._outputs)
        shifted = Signal(len(inputs))
        caught, kept = Signal(len(outputs)), Signal(len(outputs))
        m.d.sync += [
            shifted.eq(Cat(self.si, shifted)),
            caught.eq(outputs),
            kept.eq(Mux(self.load, caught, Cat(kept[1:], self.si))),
        ]
        m.d.comb += [inputs.eq(shifted), self.so.eq(kept[0])]
        return m


@dataclass(frozen=True, kw_only=True)
class Placed:
    """What place and route made of a component behind :class:`ShiftWrapper`.

    ``logic`` counts LUT4 after place and route, of carries and LUT RAM too, those of the wrapper
    included; ``ff`` the flip-flops, ``wrapper_ff`` those of the wrapper. ``cells`` are of the
    component alone, after synthesis. ``fmax_mhz`` is for the slowest corner, from the best of the
    seeds tried, ``attempts`` has all of them.
    """
    device: str
    fmax_mhz: float
    logic: int
    ff: int
    wrapper_ff: int
    block_ram: int
    cells: dict[str, int]
    critical_path: PathEnd
    seed: int
    attempts: dict[int, float]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)


def place_ecp5(component: Callable[[], Any], *, mhz: float, seeds: int = 1,
               speed: int = 6, progress: Callable[[str], None] = lambda stage: None,
               timeout_s: float = 1800.0) -> Placed:
    """Synthesise a component for an LFE5U-85F, then place and route it.

    Parameters
    ----------
    component : callable
        Makes it; an elaborated one is used up.
    mhz : float
        What the tools aim at.
    seeds : int
        Seeds of the placer to try, from 1 on, while that is not reached.
    speed : int
        Speed grade, 6 (slowest) to 8.
    progress : callable
        Told each stage as it begins.
    timeout_s : float
        Limit of each run of a tool.

    Raises
    ------
    ToolMissing
        If a tool is not installed.
    BuildFailed
        If one stops with an error or takes too long.
    """
    wrapper = ShiftWrapper(component())
    ports = [wrapper.clk, wrapper.si, wrapper.so, wrapper.load]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "yosys.rpt")

        def run(tool: str, *arguments: str) -> None:
            command = [*find_tool(tool).command, *arguments]
            try:
                done = subprocess.run(command, cwd=folder, capture_output=True, text=True,
                                      timeout=timeout_s)
            except subprocess.TimeoutExpired:
                raise BuildFailed(f"{tool} did not end in {timeout_s:g} s") from None
            if done.returncode:
                # Yosys tells of an assertion in its report alone.
                said = done.stderr + done.stdout
                if not said and report.exists():
                    said = report.read_text()
                last = said.strip().splitlines()[-3:]
                raise BuildFailed(f"{tool}: {' '.join(last)}")

        def synthesise(design: Any, name: str, ports: list[Signal] | None) -> dict[str, int]:
            options = {} if ports is None else {"ports": ports}
            Path(folder, f"{name}.il").write_text(
                rtlil.convert(design, name=name, emit_src=False, **options))
            script = Path(folder, f"{name}.ys")
            script.write_text("\n".join([
                f"read_rtlil {name}.il", RELAX_COLLISIONS,
                f"synth_ecp5 -top {name} -json {name}.json",
                "tee -q -o stat.json stat -json"]))
            arguments = "-q", "-l", report.name, script.name
            try:
                run("yosys", *arguments)
            except BuildFailed as failed:
                other_names(failed, script)
                run("yosys", *arguments)
            return cell_counts(json.loads(Path(folder, "stat.json").read_text()))

        progress("synthesis")
        cells = synthesise(component(), "alone", None)
        synthesise(wrapper, "top", ports)
        reports: dict[int, dict[str, Any]] = {}
        for seed in range(1, seeds + 1):
            progress(f"place and route, seed {seed}")
            run("nextpnr-ecp5", "--85k", "--package", "CABGA381", "--speed", str(speed), "--json",
                "top.json", "--freq", f"{mhz:g}", "--seed", str(seed), "--timing-allow-fail",
                "--quiet", "--report", "report.json")
            reports[seed] = json.loads(Path(folder, "report.json").read_text())
            if clock_mhz(reports[seed])[1]:
                break
    attempts = {seed: round(clock_mhz(report)[0], 2) for seed, report in reports.items()}
    seed = max(attempts, key=lambda s: attempts[s])
    used = utilisation(reports[seed])
    return Placed(
        device=f"LFE5U-85F-{speed}", fmax_mhz=attempts[seed], logic=used["logic"].used,
        ff=used["ff"].used, wrapper_ff=wrapper.flip_flops, block_ram=used["block_ram"].used,
        cells=cells, critical_path=critical_path(reports[seed]), seed=seed, attempts=attempts)
