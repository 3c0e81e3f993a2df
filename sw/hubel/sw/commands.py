"""The commands of hubel as Python calls; the command line (:mod:`hubel.sw.cli`) only prints.

Every call raises ValueError, OSError or ImportError for bad input, one line that names the thing
and the mend; ToolMissing where a tool is not installed; BuildFailed, BenchFailed or FlashFailed
where a tool said no.
"""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hubel.boards import Board
from hubel.boards import board as board_named
from hubel.boards.flash import flash as flash_board
from hubel.boards.report import BuildReport
from hubel.hdl.program import Program, Reset
from hubel.sim import compare as compare_runs
from hubel.sim import gateware, golden, simulator
from hubel.sim.boot_image import boot_image
from hubel.sim.golden import Trace

from . import backends, footprint
from . import report as html_report
from .activity import Activity, simulated
from .bench_golden import NETWORKS, Speed, bench_network
from .board import Board as LinkedBoard
from .board_table import newest
from .building import build_recorded
from .compare_ann import compare
from .convert import PERCENTILE
from .convert import convert as convert_mlp
from .demo import Settings, demo
from .digits import FULL_SCALE, load_digits
from .doctor import Finding, doctor
from .energy import estimate as energy
from .idle import Baseline
from .loihi_file import load_loihi
from .network import Network
from .nir import load_nir, save_nir
from .npz import atomic_file
from .program_file import load_program, save_program
from .quantise import quantise
from .quantise_config import auto_config
from .ranges import PopulationRanges
from .ranges import ranges as ranges_of
from .repeated import LONG_ENOUGH, Repeated, repeat
from .report_data import ReportData
from .spike_file import load_inputs, load_trace, save_trace
from .sweep import sweep
from .train import Mlp, load_mlp, save_mlp
from .training import train_digits
from .window import Sensor

__all__ = [
    "Activity",
    "Finding",
    "Settings",
    "Speed",
    "activity",
    "bench",
    "build",
    "compare",
    "compile",
    "configure",
    "convert",
    "demo",
    "diff",
    "doctor",
    "energy",
    "flash",
    "input_spikes",
    "load_config",
    "load_network",
    "measure",
    "nature",
    "ranges",
    "report",
    "run",
    "sim",
    "sweep",
    "train",
    "verilog",
]

PathLike = str | os.PathLike[str]
LEDGER = Path("build", "ledger.jsonl")


def _quiet(*_: object) -> None:
    """The default of every progress callback."""


def train(
    out: PathLike,
    *,
    ledger: PathLike = LEDGER,
    hidden: int = 128,
    epochs: int = 80,
    seed: int = 0,
    on_epoch: Callable[[int, int], None] = _quiet,
) -> Mlp:
    """Train a ReLU network on the digits, save it as ``out``, and record the attempt."""
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    # Whether the result can be written is found out before the work.
    with atomic_file(out) as temporary:
        mlp = train_digits(ledger, hidden=hidden, epochs=epochs, seed=seed, on_epoch=on_epoch)
        save_mlp(temporary, mlp)
    return mlp


def convert(model: PathLike, out: PathLike, *, percentile: float = PERCENTILE) -> Network:
    """Convert a network that was trained on the digits to spikes, and save it as NIR."""
    values = load_digits().train_images / FULL_SCALE
    network = convert_mlp(load_mlp(model), values, percentile=percentile)
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    save_nir(out, network)
    return network


def load_network(
    network: PathLike,
    *,
    profile: str | None = None,
    dt: float | None = None,
    reset: Reset | None = None,
) -> Network:
    """Load a NIR file, or a ``.net`` file of Loihi; ``profile``, ``dt`` and ``reset`` are those of
    a NIR file that hubel did not write."""
    if Path(network).suffix != ".net":
        return load_nir(network, profile=profile, dt=dt, reset=reset)
    if (profile, dt, reset) != (None, None, None):
        raise ValueError(
            f"{network}: a .net file has steps and resets of its own; leave out "
            f"the profile, dt and reset"
        )
    return load_loihi(network)


def configure(network: Network, out: PathLike, *, weight_width: int, state_width: int) -> None:
    """Write the choices of quantisation that :func:`compile` would make for ``network`` as JSON,
    to be edited."""
    config = auto_config(network, weight_width=weight_width, state_width=state_width)
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(out) as temporary:
        temporary.write_text(json.dumps(config, indent=2) + "\n")


def load_config(path: PathLike) -> dict[str, Any]:
    """Read what :func:`configure` wrote."""
    try:
        config = json.loads(Path(path).read_text())
    except ValueError as error:
        raise ValueError(
            f"{path}: not JSON ({error}); `hubel configure` writes one to edit"
        ) from error
    if not isinstance(config, dict):
        raise ValueError(f"{path}: not a table of settings; `hubel configure` writes one to edit")
    return config


def compile(
    network: Network,
    out: PathLike,
    *,
    source: PathLike,
    weight_width: int | None = None,
    state_width: int | None = None,
    fraction_bits: int | None = None,
    config: Mapping[str, Any] | None = None,
) -> Program:
    """Quantise a Network, read from the file ``source``, to a Program of integers, and save it;
    see :func:`.quantise.quantise`."""
    program = quantise(
        network,
        weight_width=weight_width,
        state_width=state_width,
        fraction_bits=fraction_bits,
        config=config,
    )
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    save_program(out, program, {"source": Path(source).name, "profile": network.profile})
    return program


def verilog(program: PathLike, out: PathLike, *, lanes: int = 8, lint: bool = False) -> list[str]:
    """Write the Verilog of the core that runs ``program``; return the warnings of Verilator."""
    text = gateware.core_verilog(load_program(program)[0], lanes=lanes)
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(out) as temporary:
        temporary.write_text(text)
    return simulator.lint(text, "hubel_core") if lint else []


def input_spikes(
    program: Program, name: PathLike, steps: int, images: int | None, bin_us: int
) -> npt.NDArray[np.bool_]:
    """Input spikes; a recording has the shape of the Program's input."""
    shape = program.inputs[0].shape.sizes if len(program.inputs) == 1 else None
    recording = shape is not None and shape[0] == 2
    return load_inputs(
        name, steps=steps, images=images, bin_us=bin_us, shape=shape if recording else None
    )[0]


def ranges(
    program: PathLike,
    *,
    inputs: PathLike = "digits",
    images: int | None = 20,
    steps: int = 16,
    bin_us: int = 1000,
) -> tuple[PopulationRanges, ...]:
    """Numerical profile of a Program on input spikes; see :func:`.ranges.ranges`."""
    loaded, _ = load_program(program)
    spikes = input_spikes(loaded, inputs, steps, images, bin_us)
    return ranges_of(loaded, golden.run(loaded, spikes))


def sim(
    program: PathLike,
    *,
    inputs: PathLike = "digits",
    backend: backends.Backend = "verilator",
    images: int | None = 20,
    steps: int = 16,
    bin_us: int = 1000,
    lanes: int = 8,
    waves: PathLike | None = None,
    on_stage: Callable[[str], None] = _quiet,
) -> backends.Check:
    """Compare every spike, membrane and counter of the gateware with golden."""
    loaded, _ = load_program(program)
    spikes = input_spikes(loaded, inputs, steps, images, bin_us)
    return backends.check(
        loaded, spikes, backend=backend, lanes=lanes, waves=waves, on_stage=on_stage
    )


def activity(
    program: PathLike,
    *,
    inputs: PathLike = "digits",
    images: int | None = 2,
    steps: int = 16,
    lanes: int = 8,
    netlist: bool = False,
    dump: PathLike | None = None,
    on_stage: Callable[[str], None] = _quiet,
) -> Activity:
    """What the registers of a core toggle in a simulation; see :func:`.activity.simulated`."""
    loaded, _ = load_program(program)
    spikes = input_spikes(loaded, inputs, steps, images, 1000)
    return simulated(loaded, spikes, lanes=lanes, netlist=netlist, dump=dump, on_stage=on_stage)


def measure(
    program: PathLike,
    *,
    port: str,
    sensors: Sequence[Sensor],
    seconds: float = LONG_ENOUGH,
    inputs: PathLike = "digits",
    images: int | None = 1,
    steps: int = 16,
    baselines: Sequence[Baseline] = (),
    on_stage: Callable[[str], None] = _quiet,
    on_second: Callable[[int, int], None] = _quiet,
) -> tuple[Repeated, int]:
    """Inferences on the board at ``port`` until the window of the meters is long enough, and the
    clock of the board in Hz, 0 if it does not know; see :func:`.repeated.repeat`."""
    loaded, _ = load_program(program)
    spikes = input_spikes(loaded, inputs, steps, images, 1000)
    on_stage(f"connecting to {port}")
    with LinkedBoard(port) as board:
        board.program(loaded)
        on_stage("measuring")
        found = repeat(
            board, spikes, sensors, seconds=seconds, baselines=baselines, on_second=on_second
        )
        return found, board.identity.clock_hz


def build(
    program: PathLike,
    *,
    board: str,
    out: PathLike = "build/boards",
    ledger: PathLike = LEDGER,
    lanes: int | None = None,
    clock_mhz: float | None = None,
    seed: int = 1,
    seeds: int = 4,
    progress: Callable[[str], None] = _quiet,
) -> BuildReport:
    """Make the bitstream of ``program`` for ``board``, at its own clock or another one."""
    loaded, _ = load_program(program)
    target = board_named(board)
    if clock_mhz is not None:
        target = replace(target, pll=target.pll.at(1e6 * clock_mhz))
    report, _ = build_recorded(
        target,
        loaded,
        out,
        ledger=ledger,
        lanes=lanes,
        seed=seed,
        seeds=seeds,
        progress=progress,
    )
    return report


def flash(
    board: str,
    *,
    bitstream: PathLike | None = None,
    program: PathLike | None = None,
    folder: PathLike = "build/boards",
    dry_run: bool = False,
) -> list[str]:
    """Load ``bitstream``, or the newest build for ``board`` in ``folder``, or into the flash of a
    board that boots by itself the weights of ``program``; return the command."""
    target = board_named(board)
    if program is not None:
        if bitstream is not None:
            raise ValueError("a bitstream or a Program can be loaded, not both at once")
        return flash_board(target, _boot_file(target, program, Path(folder)), boot=True,
                           dry_run=dry_run)  # fmt: skip
    if bitstream is None:
        report = newest(Path(folder), target)
        if report is None:
            raise FileNotFoundError(
                f"{folder}: no build for {target.name}; run: hubel build PROGRAM --board "
                f"{target.name} --out {folder}"
            )
        bitstream = report.bitstream
    if not Path(bitstream).is_file():
        raise FileNotFoundError(f"{bitstream}: there is no such bitstream; `hubel build` makes one")
    return flash_board(target, bitstream, dry_run=dry_run)


def _boot_file(board: Board, program: PathLike, folder: Path) -> Path:
    """The boot image of ``program``, as a file in ``folder``."""
    loaded, _ = load_program(program)
    image = boot_image(board.core_params(loaded), loaded)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{board.name}-boot.bin"
    with atomic_file(path) as temporary:
        temporary.write_bytes(image)
    return path


def run(
    program: PathLike,
    *,
    inputs: PathLike,
    out: PathLike,
    backend: backends.Backend = "golden",
    images: int | None = None,
    steps: int = 16,
    bin_us: int = 1000,
    lanes: int = 8,
    waves: PathLike | None = None,
    states: bool | None = None,
    on_stage: Callable[[str], None] = _quiet,
    on_step: Callable[[int, int], None] = _quiet,
) -> tuple[Program, Trace, float]:
    """Run ``program`` on ``inputs`` and save spikes, membranes, counters and timing as ``out``."""
    loaded, _ = load_program(program)
    spikes = input_spikes(loaded, inputs, steps, images, bin_us)
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(out) as temporary:
        trace, seconds = backends.run(
            loaded,
            spikes,
            backend=backend,
            lanes=lanes,
            waves=waves,
            states=states,
            on_stage=on_stage,
            on_step=on_step,
        )
        save_trace(temporary, loaded, trace, backend=backend, seconds=seconds)
    return loaded, trace, seconds


def diff(expected: PathLike, got: PathLike) -> compare_runs.Divergence | None:
    """The first difference of two runs that :func:`run` saved, or None if there is none."""
    (names, first), (others, second) = load_trace(expected), load_trace(got)
    if names != others:
        raise ValueError(
            f"{got}: a run of {', '.join(others)}, but {expected} is one of {', '.join(names)}; "
            f"give two runs of the same Program"
        )
    return compare_runs.diff(names, first, second)


def report(folder: PathLike) -> Path:
    """Write report.html anew from the report.json of ``folder``."""
    path = Path(folder, "report.json")
    if not path.exists():
        raise FileNotFoundError(f"{path}: there is no such file; `hubel demo` writes it")
    try:
        data = ReportData.from_json(json.loads(path.read_text()))
        html_report.write(data, path.with_name("report.html"))
    # Whatever the template finds missing in a file that was edited.
    except (TypeError, LookupError, AttributeError, ValueError) as error:
        raise ValueError(f"{path}: {error}; `hubel demo` writes it anew") from error
    return path.with_name("report.html")


def nature(
    ledger: PathLike = LEDGER,
    *,
    country: str | None = "USA",
    pue: float | None = None,
    grid_loss: float | None = None,
) -> dict:
    """NATURE and CO2e of every attempt in ``ledger``, as plain values."""
    place = footprint.site(country, pue=pue, grid_loss=grid_loss)
    return footprint.ledger_nature(ledger, place, country)


def bench(on_network: Callable[[str], None] = _quiet) -> list[Speed]:
    """Measure the golden model on its two networks."""
    speeds = []
    for name in NETWORKS:
        on_network(name)
        speeds.append(bench_network(name))
    return speeds
