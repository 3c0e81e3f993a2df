"""The main job end to end: real digits in; a spiking FPGA design, joules and NATURE out."""

import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hubel.boards import board
from hubel.boards.report import BuildReport
from hubel.hdl.core import Core
from hubel.hdl.params import check_widths
from hubel.hdl.program import Program
from hubel.sim import gateware, golden, simulator
from hubel.sim.golden import Trace

from . import backends
from .accuracy import accuracy_curve, output_number, prefix_accuracy
from .building import ToolMissing, build_recorded, netlist
from .convert import PERCENTILE, convert, decide
from .digits import FULL_SCALE, Digits, load_digits
from .encode import encode
from .fit import describe
from .footprint import ledger_nature, site
from .inference import inference_energy
from .network import Network
from .nir import load_nir, save_nir
from .npz import atomic_file
from .program_file import load_program, save_program
from .quantise import quantise
from .ranges import ranges
from .relays import relay_names
from .report import write
from .report_data import Curve, Raster, ReportData, Sample
from .simulate import FloatTrace, simulate
from .spike_file import save_inputs
from .stages import Stages
from .train import load_mlp, save_mlp
from .training import train_digits
from .versions import ARITHMETIC, versions
from .workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What :func:`demo` does.

    Parameters
    ----------
    steps : int
        Steps of an image on the gateware, 1 or more.
    curve_steps : int
        Steps to which the accuracy curves go, ``steps`` or more.
    weight_width : int
        Bits of a weight on the gateware: 8, 4 or 2.
    lanes : int
        Lanes of the core.
    images, icarus_images : int
        Test images through Verilator and through Icarus, 1 or more.
    boards : tuple of str
        Boards to build for.
    country : str
        Where the computer stands: ISO 3166, three letters.
    seed : int
        Of the training.
    """

    steps: int = 16
    curve_steps: int = 32
    weight_width: int = 8
    lanes: int = 8
    images: int = 100
    icarus_images: int = 5
    boards: tuple[str, ...] = ("icebreaker", "ulx3s")
    country: str = "USA"
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "images", "icarus_images"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be 1 or more, not {getattr(self, name)}")
        check_widths(self.lanes, self.weight_width, 16)
        if self.curve_steps < self.steps:
            raise ValueError(f"curve_steps must be {self.steps} or more, not {self.curve_steps}")
        for name in self.boards:
            board(name)
        site(self.country)


def demo(
    folder: str | os.PathLike[str] = "build/demo",
    settings: Settings | None = None,
    stages: Stages | None = None,
    *,
    cache_dir: str | os.PathLike[str] | None = None,
) -> ReportData:
    """Run every stage, reuse what is unchanged since the last run, and write the report.

    Parameters
    ----------
    folder : path
        Everything is written there.
    settings : Settings, optional
    stages : Stages, optional
        Shows progress.
    cache_dir : path, optional
        Where simulator builds are kept; ``sim`` in the folder by default.

    Returns
    -------
    data : ReportData
        What ``report.html`` and ``report.json`` show. A stage whose tool is not installed is
        missing there, and its line says what to install.

    Raises
    ------
    ValueError, OSError, ImportError, BuildFailed, BenchFailed
        From the stages; what they had finished stays and is reused.
    """
    work = Workspace(folder)
    cache = Path(cache_dir or work["sim"])
    return _Demo(work, settings or Settings(), stages or Stages(), cache).all()


class _Demo:
    """The stages; each reads what the ones before it left in the workspace."""

    def __init__(self, work: Workspace, settings: Settings, stages: Stages, cache: Path):
        self.work, self.settings, self.stages, self.cache = work, settings, stages, cache
        self.tools = versions()

    def made_with(self, *tools: str) -> list[str]:
        """Versions of ``tools``, for the inputs of what they make."""
        return [f"{tool} {self.tools[tool]}" for tool in tools]

    def all(self) -> ReportData:
        settings = self.settings
        digits = load_digits()
        self.train()
        self.convert(digits)
        program = self.compile()
        inputs = encode(digits.test_images, settings.curve_steps, FULL_SCALE)
        curves, trace = self.golden(program, digits, inputs)
        spikes = inputs[:, : settings.steps]
        save_inputs(self.work["inputs.npz"], spikes, digits.test_labels)
        self.verilog(program)
        checks = self.simulate(program, spikes)
        reports = self.build(program)
        if "icebreaker" in settings.boards:
            checks += self.netlist(program, spikes[:1])
        with self.stages("energy") as stage:
            energy = self._energy(program, reports, checks, spikes)
            place = site(settings.country)
            nature = ledger_nature(self.work["ledger.jsonl"], place, settings.country)
            stage.result = _energy_line(nature)
        data = ReportData(
            title="hubel: digits on a spiking FPGA",
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            network=describe(program.params()),
            steps=settings.steps,
            lanes=settings.lanes,
            weight_width=program.weight_width,
            state_width=program.state_width,
            ann_accuracy=load_mlp(self.work["mlp.npz"]).accuracy,
            test_images=len(digits.test_labels),
            curves=curves,
            samples=_samples(program, trace, digits, spikes),
            ranges=tuple(asdict(r) for r in ranges(program, trace)),
            checks=tuple(check.to_json() for check in checks),
            builds=tuple(report.to_json() for report in reports),
            energy=energy,
            nature=nature,
            profile=ARITHMETIC,
            tools=self.tools,
        )
        with self.stages("report") as stage:
            with atomic_file(self.work["report.json"]) as temporary:
                temporary.write_text(json.dumps(data.to_json()))
            write(data, self.work["report.html"])
            stage.result = str(self.work["report.html"])
        return data

    def train(self) -> None:
        settings = self.settings
        with self.stages("train") as stage:
            made = self.work.make(
                "mlp.npz",
                {"seed": settings.seed, "tools": self.made_with("scikit-learn", "numpy")},
                lambda path: save_mlp(
                    path,
                    train_digits(
                        self.work["ledger.jsonl"], seed=settings.seed, on_epoch=stage.advance
                    ),
                ),
            )
            mlp = load_mlp(self.work["mlp.npz"])
            stage.result = f"{_percent(mlp.accuracy)} of 360 test images{_reused(made)}"

    def convert(self, digits: Digits) -> None:
        with self.stages("convert") as stage:
            made = self.work.make(
                "network.nir",
                {"convert": PERCENTILE, "mlp": self.work.digest("mlp.npz")},
                lambda path: save_nir(
                    path, convert(load_mlp(self.work["mlp.npz"]), digits.train_images / FULL_SCALE)
                ),
            )
            stage.result = f"{self.work['network.nir']}{_reused(made)}"

    def compile(self) -> Program:
        width = self.settings.weight_width
        with self.stages("compile") as stage:
            made = self.work.make(
                "program.npz",
                {"weight_width": width, "network": self.work.digest("network.nir")},
                lambda path: save_program(
                    path,
                    quantise(load_nir(self.work["network.nir"]), weight_width=width),
                    {"source": "digits of scikit-learn", "lanes": self.settings.lanes},
                ),
            )
            program, _ = load_program(self.work["program.npz"])
            params = program.params(lanes=self.settings.lanes)
            most = max(
                max(-least, most)
                for least, most in (program.accumulator_range(p.name) for p in program.populations)
            )
            stage.result = (
                f"int{width}; a step adds up {most} at most, the accumulator holds "
                f"{(1 << (params.accumulator_width - 1)) - 1}{_reused(made)}"
            )
            return program

    def golden(
        self, program: Program, digits: Digits, inputs: npt.NDArray[np.bool_]
    ) -> tuple[tuple[Curve, ...], Trace]:
        """Accuracy over steps, and the golden run of the gateware's steps."""
        settings, labels = self.settings, digits.test_labels
        with self.stages("golden") as stage:
            network = load_nir(self.work["network.nir"])
            real = simulate(network, inputs)
            curves = [
                Curve(
                    label="float SNN",
                    accuracy=tuple(prefix_accuracy(*_output(network, real), labels)),
                )
            ]
            for width in sorted({8, 4, settings.weight_width}, reverse=True):
                narrow = quantise(network, weight_width=width)
                accuracy = tuple(accuracy_curve(narrow, inputs, labels))
                curves.append(Curve(label=f"int{width} golden", accuracy=accuracy))
            trace = golden.run(program, inputs[:, : settings.steps], lanes=settings.lanes)
            used = next(c for c in curves if c.label.startswith(f"int{settings.weight_width} "))
            stage.result = f"int{settings.weight_width} after T steps: " + ", ".join(
                f"{t}: {_percent(used.accuracy[t - 1])}"
                for t in (1, 2, 4, 8, 16, 32)
                if t <= settings.curve_steps
            )
            return tuple(curves), trace

    def verilog(self, program: Program) -> None:
        with self.stages("verilog") as stage:
            text = gateware.core_verilog(program, lanes=self.settings.lanes)
            with atomic_file(self.work["hubel_core.v"]) as temporary:
                temporary.write_text(text)
            try:
                warnings = simulator.lint(text, "hubel_core")
                stage.result = f"{self.work['hubel_core.v']}, {len(warnings)} lint warnings"
            except simulator.ToolMissing as missing:
                stage.result = f"{self.work['hubel_core.v']}, not linted: {missing}"

    def simulate(self, program: Program, spikes: npt.NDArray[np.bool_]) -> list[backends.Check]:
        settings, checks = self.settings, []
        jobs: list[tuple[backends.Backend, int]] = [
            ("verilator", settings.images),
            ("icarus", settings.icarus_images),
        ]
        for backend, images in jobs:
            check = self._check(program, spikes[:images], backend=backend)
            checks += [check] if check else []
        return checks

    def netlist(self, program: Program, spikes: npt.NDArray[np.bool_]) -> list[backends.Check]:
        """The netlist after synthesis against golden."""
        core = Core(program.params(lanes=self.settings.lanes), program)
        check = self._check(program, spikes, backend="icarus", of="iCE40 netlist", core=core)
        return [check] if check else []

    def _check(
        self,
        program: Program,
        spikes: npt.NDArray[np.bool_],
        *,
        backend: backends.Backend,
        of: str | None = None,
        core: Core | None = None,
    ) -> backends.Check | None:
        """One comparison with golden, or None where its tool is not installed."""
        label = of or backend
        with self.stages(label) as stage:
            inputs = {
                "backend": backend,
                "core": self.work.digest("hubel_core.v"),
                "inputs": self.work.digest("inputs.npz"),
                "images": len(spikes),
                "tools": self.made_with("cocotb", backend, *(["yosys"] if core else [])),
            }
            name = f"check-{label.replace(' ', '-')}.json"

            def compare(path: Path) -> None:
                verilog = None
                if core is not None:
                    stage.doing("synthesis")
                    verilog = netlist(core)
                check = backends.check(
                    program,
                    spikes,
                    backend=backend,
                    lanes=self.settings.lanes,
                    cache_dir=self.cache,
                    on_stage=stage.doing,
                    verilog=verilog,
                    label=label,
                )
                path.write_text(json.dumps(check.to_json()))

            try:
                made = self.work.make(name, inputs, compare)
            except (simulator.ToolMissing, ToolMissing) as missing:
                stage.result = f"not run: {missing}"
                return None
            check = backends.Check(**json.loads(self.work[name].read_text()))
            stage.result = f"{check}{_reused(made)}"
            return check

    def build(self, program: Program) -> list[BuildReport]:
        reports = []
        for name in self.settings.boards:
            with self.stages(name) as stage:
                try:
                    report, made = build_recorded(
                        board(name),
                        program,
                        self.work["builds"],
                        ledger=self.work["ledger.jsonl"],
                        lanes=self.settings.lanes,
                        progress=stage.doing,
                    )
                except ToolMissing as missing:
                    stage.result = f"not built: {missing}"
                    continue
                stage.result = f"{report}{_reused(made)}"
                reports.append(report)
        return reports

    def _energy(
        self,
        program: Program,
        reports: list[BuildReport],
        checks: list[backends.Check],
        spikes: npt.NDArray[np.bool_],
    ) -> dict[str, list[dict[str, Any]]]:
        """Joules an inference by board, from the longest run that was simulated."""
        if not checks:
            return {}
        longest = max(checks, key=lambda check: check.images)
        part = spikes[: longest.images]
        counters = golden.run(program, part, lanes=self.settings.lanes).counters.total()
        return {
            report.board: [
                figure.to_json()
                for figure in inference_energy(
                    board(report.board),
                    report,
                    program.params(lanes=self.settings.lanes),
                    counters,
                    longest.cycles,
                    longest.images,
                )
            ]
            for report in reports
        }


def _output(
    graph: Network | Program, trace: FloatTrace | Trace
) -> tuple[npt.NDArray[np.bool_], npt.NDArray]:
    """Spikes and membranes of the classes."""
    number = output_number(graph)
    assert trace.membrane is not None
    return trace.spikes[number], trace.membrane[number]


def _samples(
    program: Program, trace: Trace, digits: Digits, spikes: npt.NDArray[np.bool_]
) -> tuple[Sample, ...]:
    """Three images to look at: two that are right, and one that is wrong if there is one."""
    output, membrane = _output(program, trace)
    decided = decide(output, membrane)
    right = np.flatnonzero(decided == digits.test_labels)[[0, 200]]
    wrong = np.flatnonzero(decided != digits.test_labels)[:1]
    relays = relay_names(program)
    shown = [(p.name, s) for p, s in zip(program.populations, trace.spikes, strict=True)
             if p.name not in relays]  # fmt: skip
    return tuple(
        Sample(
            label=int(digits.test_labels[i]),
            decided=int(decided[i]),
            image=tuple(map(tuple, digits.test_images[i].reshape(8, 8).tolist())),
            rasters=(
                Raster.of("input", spikes[i]),
                *(Raster.of(name, fired[i]) for name, fired in shown),
            ),
            counts=tuple(int(c) for c in output[i].sum(axis=0)),
        )
        for i in (*right, *wrong)
    )


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def _reused(made: bool) -> str:
    return "" if made else " [dim](unchanged)[/dim]"


def _energy_line(nature: dict[str, Any]) -> str:
    kwh, co2e = nature["kwh"], nature["co2e"]
    if kwh is None:
        return f"NATURE unknown: no {', '.join(nature['unknown'])}"
    return f"NATURE {1000 * kwh:.3g} Wh" + (f", {1000 * co2e['value']:.3g} g CO2e" if co2e else "")
