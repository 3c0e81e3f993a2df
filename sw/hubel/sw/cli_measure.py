"""The command line of measuring: `hubel nature run`, `hubel nature idle`, `hubel doctor energy`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from . import idle
from .cli_nature import Json, nature_app
from .cli_print import print_json, print_table
from .figure import share_text, shares_by_kind
from .measured_run import run_measured
from .probe_registry import open_probes, survey
from .sensors import ConstantSensor, declared_power
from .stages import Stages
from .units import quantity
from .window import Sensor

Probes = Annotated[
    list[str] | None,
    typer.Option(
        "--probe",
        help="auto, rapl, psys, ina2xx, nvml, joulescope, ppk2:PORT, constant:WATTS, "
        "replay:FILE or a plug-in; may be repeated.",
    ),
]
RestW = Annotated[
    float | None, typer.Option(min=0, help="Watts of the rest of the computer, declared.")
]


def _sensors(probe: list[str] | None, rest_w: float | None) -> list[Sensor]:
    sensors = open_probes(probe or ["auto"])
    if rest_w is not None:
        rest = declared_power("rest of the computer", rest_w, "rest of the computer")
        sensors.append(ConstantSensor(rest))
    return sensors


@nature_app.command(
    "run", context_settings={"allow_interspersed_args": False, "ignore_unknown_options": False}
)
def run(
    command: Annotated[list[str], typer.Argument(help="What to run, after --.")],
    ledger: Annotated[Path, typer.Option(help="Ledger of attempts, which is appended to.")] = Path(
        "build/ledger.jsonl"
    ),
    name: Annotated[str, typer.Option(help="Of the experiment.")] = "",
    probe: Probes = None,
    rest_w: RestW = None,
    idle_file: Annotated[
        Path | None, typer.Option("--idle", help="A baseline of `hubel nature idle`: print net.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure any training command as an attempt in the ledger; its exit code is that of the
    command. It may report epochs and a score in the file that HUBEL_ATTEMPT names."""
    baselines = [] if idle_file is None else idle.load_idle(idle_file)
    sensors = _sensors(probe, rest_w)
    attempt, window = run_measured(command, ledger=ledger, sensors=sensors, name=name)
    nets = [
        idle.net(energy, baseline, window.seconds)
        for energy in window.energies
        for baseline in baselines
        if energy.value is not None and energy.boundary == baseline.power.boundary
    ]
    if as_json:
        print_json(
            attempt.to_json()
            | {
                "wall_seconds": window.seconds,
                "energies": [e.to_json() for e in window.energies],
                "net": [n.to_json() for n in nets],
                "overhead_seconds": window.overhead_seconds,
            }
        )
    else:
        console = Console(stderr=True)
        rows = [
            (e.name, "unknown" if e.value is None else quantity(e.value, "J"), e.kind, e.boundary,
             e.source)
            for e in (*window.energies, *nets)
        ]  # fmt: skip
        print_table(console, ("", "gross unless net", "kind", "boundary", "source"), rows)
        share = share_text(shares_by_kind((e.kind, e.value) for e in window.energies))
        overhead = 100 * window.overhead_seconds / window.seconds
        line = (
            f"{attempt.name}: {attempt.status}, exit code {attempt.exit_code},"
            f" {attempt.epochs} epochs, {window.seconds:.3g} s; {share or 'energy unknown'};"
            f" the sampler took {overhead:.2g} % of a processor; recorded in {ledger}"
        )
        console.print(line, highlight=False, soft_wrap=True)
    code = attempt.exit_code or 0
    if code:
        raise typer.Exit(code if code > 0 else 128 - code)


@nature_app.command("idle")
def measure(
    seconds: Annotated[float, typer.Option(help="For how long, 30 at least.")] = idle.SHORTEST,
    out: Annotated[Path, typer.Option(help="File to write.")] = Path("build/idle.json"),
    probe: Probes = None,
    as_json: Json = False,
) -> None:
    """Measure the idle power of this machine, to print what a run takes beyond it."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with Stages(Console(stderr=as_json))("idle") as stage:
        found = idle.measure_idle(_sensors(probe, None), seconds, on_part=stage.advance)
        idle.save_idle(out, found)
        stage.result = str(out)
    if as_json:
        print_json([{"power": b.power.to_json(), "sigma": b.sigma} for b in found])
    else:
        rows = [(b.power.boundary, b.power.value, b.sigma) for b in found]
        print_table(Console(), ("boundary", "W", "sigma of the mean, W"), rows)


def print_survey(as_json: bool) -> None:
    """Print what this machine can measure, and what would make the rest usable."""
    found = survey()
    if as_json:
        print_json([verdict._asdict() for verdict in found])
        return
    console = Console()
    rows = [(v.probe, "yes" if v.usable else "no", v.reason) for v in found]
    print_table(console, ("probe", "usable", "what it reads, or why it cannot"), rows)
    for mend in dict.fromkeys(v.mend for v in found if v.mend):
        console.print(mend, highlight=False, soft_wrap=True)
    if not any(v.usable and v.probe not in ("constant", "replay") for v in found):
        console.print("nothing here measures: every host energy is assumed", highlight=False)
