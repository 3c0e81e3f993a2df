"""The command line: reads options, calls :mod:`hubel.sw.commands`, prints."""

import dataclasses
import errno
import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console

from hubel.boards.build import BuildFailed as BitstreamFailed
from hubel.boards.flash import FlashFailed
from hubel.boards.toolchain import ToolMissing as SynthesisMissing
from hubel.sim.simulator import BenchFailed, BuildFailed, ToolMissing
from hubel.sim.virtual import VirtualBoardFailed

from . import commands
from .cli_bench import bench_app
from .cli_board import virtual
from .cli_boards import boards, build, flash
from .cli_compare import compare_command
from .cli_compile import compile, configure, ranges
from .cli_energy import energy_app, nature_app, print_survey, sweep
from .cli_fabric import map_command, sim_mesh
from .cli_learn import learn_app
from .cli_memristor import memristor_app
from .cli_print import print_json, print_table
from .convert import PERCENTILE
from .stages import Stages

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="From a trained network to a spiking FPGA on open tools, bit-exact at every stage, "
    "with an energy figure that can be defended. Start with: hubel demo",
)
for command in (virtual, build, flash, boards):
    app.command()(command)
app.add_typer(bench_app, name="bench")
app.add_typer(learn_app, name="learn")
app.add_typer(nature_app, name="nature")
app.add_typer(memristor_app, name="memristor")
app.add_typer(energy_app, name="energy")
app.command(context_settings={"allow_interspersed_args": False})(sweep)
app.command("compare")(compare_command)
app.command("map")(map_command)

Simulator = Literal["verilator", "icarus", "virtual"]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for a machine.")]
ProgramFile = Annotated[Path, typer.Argument(help="A Program, made by `hubel compile`.")]
Inputs = Annotated[
    str,
    typer.Option(
        help="'digits', an .npz with an array 'spikes' (samples, steps, inputs), recordings of an "
        "event camera, or NIR data."
    ),
]
Images = Annotated[int | None, typer.Option(min=1, help="Use only the first samples.")]
Steps = Annotated[int, typer.Option(min=1, help="Steps of a digit; a file has its own.")]
BinUs = Annotated[int, typer.Option(min=1, help="Microseconds a step of a recording.")]
Lanes = Annotated[int, typer.Option(help="Neurons side by side: 2, 4, 8, 16 or 32.")]
Waves = Annotated[Path | None, typer.Option(help="Write waveforms there, .vcd or .fst.")]
LedgerFile = Annotated[Path, typer.Option(help="Ledger of attempts, which is appended to.")]


def _stages(as_json: bool = False) -> Stages:
    return Stages(Console(stderr=as_json))


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for everything.")] = Path("build/demo"),
    steps: Annotated[int, typer.Option(min=1, max=32, help="Steps of an image.")] = 16,
    weight_bits: Annotated[int, typer.Option(help="Bits of a weight: 8, 4 or 2.")] = 8,
    images: Annotated[int, typer.Option(min=1, max=360, help="Images through Verilator.")] = 100,
    board: Annotated[
        list[str] | None, typer.Option(help="Build only for this board; may be repeated.")
    ] = None,
    country: Annotated[str, typer.Option(help="For CO2e: ISO code of three letters.")] = "USA",
    as_json: Json = False,
) -> None:
    """The main job on real data: digits in; a spiking FPGA design, joules and NATURE out."""
    settings = commands.Settings(
        steps=steps,
        weight_width=weight_bits,
        images=images,
        country=country,
        boards=tuple(board) if board else commands.Settings.boards,
    )
    data = commands.demo(out, settings, _stages(as_json))
    if as_json:
        print_json(data.to_json())
    failed = [c for c in data.checks if c["result"] != "equal"]
    if failed or not all(report["met"] for report in data.builds):
        raise typer.Exit(1)


@app.command()
def train(
    out: Annotated[Path, typer.Option(help="File to write.")] = Path("build/mlp.npz"),
    hidden: Annotated[int, typer.Option(min=1, help="Neurons of the hidden layer.")] = 128,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the training images.")] = 80,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the training.")] = 0,
    ledger: LedgerFile = commands.LEDGER,
    as_json: Json = False,
) -> None:
    """Train a ReLU network (scikit-learn) on the digits; every run goes into the ledger."""
    with _stages(as_json)("train") as stage:
        mlp = commands.train(
            out, ledger=ledger, hidden=hidden, epochs=epochs, seed=seed, on_epoch=stage.advance
        )
        stage.result = f"{out}: {100 * mlp.accuracy:.2f} % of 360 test images"
    if as_json:
        result = {"test_accuracy": mlp.accuracy, "epochs": mlp.epochs, "seconds": mlp.seconds}
        print_json({"file": str(out), **result})


@app.command()
def convert(
    model: Annotated[Path, typer.Argument(help="A trained network, made by `hubel train`.")],
    out: Annotated[Path, typer.Option(help="NIR file to write.")] = Path("build/network.nir"),
    percentile: Annotated[
        float, typer.Option(help="Percentile of the activations that is one spike a step.")
    ] = PERCENTILE,
) -> None:
    """Convert a trained network to integrate-and-fire neurons, and save it as NIR."""
    network = commands.convert(model, out, percentile=percentile)
    sizes = network.describe()
    print(f"{out}: {sizes}, profile {network.profile}")


for _command in (configure, compile, ranges):
    app.command()(_command)


@app.command()
def verilog(
    program: ProgramFile,
    out: Annotated[Path, typer.Option(help="File to write.")] = Path("build/hubel_core.v"),
    lanes: Lanes = 8,
    lint: Annotated[bool, typer.Option(help="Have Verilator look for mistakes in it.")] = True,
) -> None:
    """Write plain Verilog of the core that runs a Program."""
    warned = commands.verilog(program, out, lanes=lanes, lint=lint)
    print(f"{out}: {len(warned)} lint warnings" if lint else out)
    print("\n".join(warned), end="\n" if warned else "")
    if warned:
        raise typer.Exit(1)


@app.command()
def sim(
    program: ProgramFile,
    inputs: Inputs = "digits",
    backend: Annotated[Simulator, typer.Option(help="HDL simulator.")] = "verilator",
    images: Images = 20,
    steps: Steps = 16,
    bin_us: BinUs = 1000,
    lanes: Lanes = 8,
    waves: Waves = None,
    mesh: Annotated[
        str | None, typer.Option(help="Map it to a mesh of cores, rows x columns, as in 2x2.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare every spike, membrane and counter of the gateware with the golden model."""
    if mesh is not None:
        if waves is not None:
            raise ValueError("a mesh has no waves; leave out --waves, or --mesh")
        sim_mesh(program, mesh, inputs=inputs, backend=backend, images=images, steps=steps,
                 bin_us=bin_us, lanes=lanes, as_json=as_json)  # fmt: skip
        return
    with _stages(as_json)(backend) as stage:
        check = commands.sim(
            program,
            inputs=inputs,
            backend=backend,
            images=images,
            steps=steps,
            bin_us=bin_us,
            lanes=lanes,
            waves=waves,
            on_stage=stage.doing,
        )
        stage.result = str(check)
    if as_json:
        print_json(check.to_json())
    else:
        # A board does not show its clocks.
        overall = {"all clocks": check.occupancy_overall} if check.cycles else {}
        shares = {**check.occupancy, **overall}
        rows = [(name, f"{share:.1%}") for name, share in shares.items()]
        print_table(Console(), ("projection", "lanes busy"), rows)
    if not check.equal:
        raise typer.Exit(1)


@app.command()
def run(
    program: ProgramFile,
    inputs: Inputs,
    out: Annotated[Path, typer.Option(help="File to write.")] = Path("build/run.npz"),
    backend: Annotated[
        str,
        typer.Option(
            help="golden, an HDL simulator (verilator, icarus), the virtual board (virtual), or "
            "the serial port of a board."
        ),
    ] = "golden",
    images: Images = None,
    steps: Steps = 16,
    bin_us: BinUs = 1000,
    lanes: Lanes = 8,
    waves: Waves = None,
    states: Annotated[
        bool | None,
        typer.Option(help="Read a board's membranes after each step; the virtual one's are read."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Run a Program: the same spikes, membranes and counters whatever the back end."""
    with _stages(as_json)(backend) as stage:
        loaded, trace, seconds = commands.run(
            program,
            inputs=inputs,
            out=out,
            backend=backend,
            images=images,
            steps=steps,
            bin_us=bin_us,
            lanes=lanes,
            waves=waves,
            states=states,
            on_stage=stage.doing,
            on_step=stage.advance,
        )
        counters = trace.counters.total()
        # A board gives the spikes of its outputs only.
        spikes = {
            p.name: int(s.sum())
            for p, s in zip(loaded.populations, trace.spikes, strict=True)
            if s is not None
        }
        stage.result = (
            f"{out}: " + ", ".join(f"{n} {name}" for name, n in spikes.items()) + " spikes"
        )
    if as_json:
        timing = {"seconds": seconds, "cycles": trace.cycles}
        print_json({"file": str(out), "spikes": spikes, "counters": counters, **timing})
    else:
        print_table(Console(), ("counter", "total"), counters.items())


@app.command()
def diff(
    expected: Annotated[Path, typer.Argument(help="A run, made by `hubel run`.")],
    got: Annotated[Path, typer.Argument(help="Another, of the same Program on the same spikes.")],
    as_json: Json = False,
) -> None:
    """Name the first divergence of two runs: step, population, neuron, expected, got."""
    found = commands.diff(expected, got)
    if as_json:
        print_json(None if found is None else dataclasses.asdict(found))
    else:
        print(found or "equal")
    if found is not None:
        raise typer.Exit(1)


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(help="Folder of a demo.")] = Path("build/demo"),
) -> None:
    """Write the HTML report anew from the results in a folder."""
    print(commands.report(folder))


@app.command()
def doctor(
    what: Annotated[
        Literal["tools", "energy"], typer.Argument(help="The tools, or what can be measured here.")
    ] = "tools",
    as_json: Json = False,
) -> None:
    """Say what is installed, what is missing, and what installs it."""
    if what == "energy":
        print_survey(as_json)
        return
    findings = commands.doctor()
    if as_json:
        print_json([finding.to_json() for finding in findings])
    else:
        rows = [(f.name, f.version or "missing", f.mend or f.purpose) for f in findings]
        print_table(Console(), ("what", "version", "for, or what installs it"), rows)
    if any(f.version is None and not f.optional for f in findings):
        raise typer.Exit(1)


#: The thing ran, and the answer is no.
_ANSWER_IS_NO = (
    *(AssertionError, BenchFailed, BuildFailed, BitstreamFailed, FlashFailed, VirtualBoardFailed),
    subprocess.CalledProcessError,
)
#: Bad use or bad input, or something that is not installed or not there in sufficient amount.
_BAD_INPUT = (
    *(ValueError, OSError, ImportError, ToolMissing, SynthesisMissing),
    *(MemoryError, OverflowError),
)
#: What typer raises for options and arguments that it does not understand.
_BAD_USE: type[Exception] = typer.BadParameter.__mro__[1]

#: Ctrl-C, as shells report it.
_INTERRUPTED = 130

#: What helps where the operating system refuses something.
_MENDS = {
    errno.EACCES: "choose another place, or give yourself the permission",
    errno.EEXIST: "it is a file, and a folder is needed; choose another place",
    errno.EISDIR: "give the name of a file",
    errno.ENOENT: "check the path, or choose another place",
    errno.ENOSPC: "make room, or choose another place",
    errno.ENOTDIR: "a part of the path is a file; choose another place",
    errno.EPERM: "choose another place, or give yourself the permission",
    errno.EROFS: "choose another place",
}


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit code: 0, 1 (the answer is no), 2 (bad use or input),
    130 (Ctrl-C). ``HUBEL_TRACEBACK=1`` shows where an error came from."""
    warnings.showwarning = lambda message, *_: print(f"warning: {message}", file=sys.stderr)
    try:
        code = app(args=arguments, prog_name="hubel", standalone_mode=False) or 0
    except SystemExit as end:
        # The reader of the output has left.
        code = end.code if isinstance(end.code, int) else 1
    except KeyboardInterrupt:
        code = _INTERRUPTED
    except _BAD_USE as error:
        print(_usage(error), file=sys.stderr)
        code = 2
    except (*_ANSWER_IS_NO, *_BAD_INPUT) as error:
        if os.environ.get("HUBEL_TRACEBACK"):
            raise
        print(f"hubel: {_one_line(error)}", file=sys.stderr)
        code = 1 if isinstance(error, _ANSWER_IS_NO) else 2
    if code == _INTERRUPTED:
        print("hubel: interrupted; what was finished is kept", file=sys.stderr)
    return code


def _usage(error: Any) -> str:
    """One line for bad use, or the help where nothing was asked."""
    text = error.format_message()
    if "\n" in text or error.ctx is None:
        return text
    return f"hubel: {text.removesuffix('.')}; see: {error.ctx.command_path} --help"


def _one_line(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        where = "" if error.filename is None else f"{error.filename}: "
        mend = f"; {_MENDS[error.errno]}" if error.errno in _MENDS else ""
        return f"{where}{error.strerror}{mend}"
    if isinstance(error, MemoryError):
        return f"not enough memory: {error}; use fewer neurons, steps or images"
    return " ".join(str(error).splitlines()) or type(error).__name__
