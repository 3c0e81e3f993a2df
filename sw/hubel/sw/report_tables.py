"""The tables of the report."""

from collections.abc import Sequence
from dataclasses import dataclass

from .charts import RESOURCES, Sum, limits_of, terms
from .figure import Figure
from .nature import BRAIN_WATTS
from .report_data import Json, ReportData
from .units import integer, number, percent, prefix, quantity

NONE = "\N{EN DASH}"
_FIGURE_SPACE, _PUNCTUATION_SPACE = "\N{FIGURE SPACE}", "\N{PUNCTUATION SPACE}"


@dataclass(frozen=True)
class Table:
    """Text in rows. A column whose head begins with ``>`` holds numbers: its cells are padded
    with spaces as wide as a digit, so that decimal points lie below each other, unless there are
    units. ``notes`` are numbered from 1 and stand below."""

    caption: str
    head: tuple[str, ...]
    rows: list[tuple[str, ...]]
    ends_in_sum: bool = False
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        columns = [
            _aligned(column) if head.startswith(">") else column
            for head, column in zip(self.head, zip(*self.rows, strict=True), strict=False)
        ]
        object.__setattr__(self, "rows", list(zip(*columns, strict=True)))


def _aligned(cells: Sequence[str]) -> list[str]:
    """``cells`` with as many places after the decimal point as the longest; as they are, where
    units follow, which end them at different places."""
    if any(any(map(str.isspace, cell)) for cell in cells):
        return list(cells)
    places = [len(cell.partition(".")[2]) for cell in cells]
    return [
        cell
        + (_PUNCTUATION_SPACE if max(places) and not place else "")
        + _FIGURE_SPACE * (max(places) - place)
        for cell, place in zip(cells, places, strict=True)
    ]


def accuracy(data: ReportData) -> Table:
    """Accuracy after a quarter, half and all of the steps, and what the conversion cost."""
    longest = max(len(curve.accuracy) for curve in data.curves)
    used = data.steps or longest
    shown = sorted({1, max(1, used // 4), max(1, used // 2), used, longest})
    rows = []
    for curve in data.curves:
        cells = [percent(curve.accuracy[s - 1]) if s <= len(curve.accuracy) else NONE
                 for s in shown]  # fmt: skip
        loss = NONE
        if data.ann_accuracy is not None:
            loss = percent(curve.accuracy[used - 1] - data.ann_accuracy)
        rows.append((curve.label, *cells, loss))
    if data.ann_accuracy is not None:
        blank = [NONE] * (len(shown) - 1)
        rows.append(("ANN, not spiking", *blank, percent(data.ann_accuracy), NONE))
    return Table(
        f"Test images that are classified correctly after 1 to {longest} steps, in percent; and "
        f"after {used} steps against the ANN, in percentage points.",
        ("network", *(f">{s} step{'s' if s > 1 else ''}" for s in shown), ">against ANN"),
        rows,
    )


def ranges(data: ReportData) -> Table:
    """What the integers reach, in LSB."""
    rows = []
    for entry in data.ranges:
        for what, limits in limits_of(entry).items():
            low, high = entry[limits]
            least, most = entry[what]
            used = max(abs(least / low), abs(most / high))
            clipped = integer(entry["saturations"]) if what == "membrane" else NONE
            name = "accumulator bound" if what == "accumulator" else what
            reach = (least, most, low, high)
            rows.append((entry["population"], name, *map(integer, reach), percent(used), clipped))
    head = ("population", "integers", ">least", ">largest", ">limit, low", ">limit, high",
            ">used, %", ">saturations")  # fmt: skip
    return Table("Range of every integer, in LSB of the membrane.", head, rows)


def checks(data: ReportData) -> Table:
    """Each back end against golden."""
    rows = [
        (
            check["backend"],
            "equal" if check["result"] == "equal" else "differs",
            *(integer(check[name]) for name in ("images", "spikes", "membranes", "counters")),
            integer(check["cycles"]) if check["cycles"] else NONE,
            f"{check['clocks_per_weight_word']:.3f}" if check["cycles"] else NONE,
            f"{check['seconds']:.1f}",
        )
        for check in data.checks
    ]
    head = ("back end", "result", ">images", ">spike values", ">membranes", ">counters",
            ">clocks", ">clocks a weight word", ">time, s")  # fmt: skip
    return Table("What was compared with the golden model, bit for bit.", head, rows)


def resources(data: ReportData) -> Table:
    """Used and available, after place and route."""
    rows = []
    for build in data.builds:
        for name, title in RESOURCES.items():
            entry = build["utilisation"].get(name)
            if entry and entry["available"]:
                used, available = entry["used"], entry["available"]
                share = percent(used / available)
                rows.append((build["board"], title, integer(used), integer(available), share))
    return Table("Resources after place and route.",
                 ("board", "resource", ">used", ">available", ">%"), rows)  # fmt: skip


def builds(data: ReportData) -> Table:
    """Clock, path and size of each bitstream, a column a board."""

    def core(build: Json, name: str) -> str:
        return integer(build["core_cells"].get(name, 0)) if build["core_cells"] else NONE

    def tool(build: Json) -> str:
        return ", ".join(dict.fromkeys(f"{s['tool']} {s['version']}" for s in build["stages"]))

    properties = {
        "device": lambda b: b["device"],
        "clock needed, MHz": lambda b: f"{b['clock_mhz']:.2f}",
        "clock reached, MHz": lambda b: f"{b['fmax_mhz']:.2f}",
        "clock met": lambda b: "yes" if b["met"] else "no",
        "core alone, LUT4": lambda b: core(b, "lut4"),
        "core alone, flip-flops": lambda b: core(b, "ff"),
        "slowest path, ns": lambda b: f"{b['critical_path']['ns']:.2f}",
        "of which routing, ns": lambda b: f"{b['critical_path']['routing_ns']:.2f}",
        "seed used": lambda b: f"{b['seed']} of {len(b['attempts'])} tried",
        "bitstream, bytes": lambda b: integer(b["bitstream_bytes"]),
        "time to build, s": lambda b: f"{sum(s['seconds'] for s in b['stages']):.0f}",
        "tools": tool,
    }
    rows = [(name, *map(text, data.builds)) for name, text in properties.items()]
    boards = [str(build["board"]) for build in data.builds]
    return Table("Clock, core and bitstream of each board.", ("", *boards), rows)


def energy(part: Sum) -> Table:
    """Every term of one board within one boundary, with its source."""
    every = (*part.figures, part.total)
    factor, letter = prefix(f.value for f in every if f.value is not None)
    sources = list(dict.fromkeys(figure.source for figure in part.figures))
    rows = []
    for name, figure in zip((*terms(part.figures), "sum"), every, strict=True):
        low, high = figure.interval or (None, None)
        cells = [NONE if v is None else number(v / factor) for v in (low, figure.value, high)]
        if figure.value is None:
            cells[1] = "unknown"
        note = NONE if figure is part.total else str(1 + sources.index(figure.source))
        rows.append((name, *cells, f"{figure.kind}, {figure.subkind}", note))
    unit = f"{letter}J"
    head = ("term", f">low, {unit}", f">value, {unit}", f">high, {unit}", "kind", ">source")
    caption = (
        f"{part.label}: energy of one inference. Boundary: {part.total.boundary}. The interval of "
        "the sum holds 95 % of the draws of all terms (Monte Carlo)."
    )
    return Table(caption, head, rows, ends_in_sum=True, notes=tuple(sources))


def _with_interval(figure: Figure, unit: str, factor: float = 1.0) -> str:
    if figure.value is None:
        return "unknown"
    text = quantity(figure.value * factor, unit)
    if figure.interval is not None:
        low, high = (quantity(end * factor, unit) for end in figure.interval)
        text += f", 95 % {low} to {high}"
    return text


def nature(record: Json) -> Table:
    """Inputs and results of NATURE; what is unknown says so."""
    energy = Figure.from_json(record["energy"])

    def known(name: str, unit: str) -> str:
        value = record.get(name)
        return "unknown" if value is None else quantity(value, unit)

    def count(name: str) -> str:
        return integer(record[name]) if record.get(name) is not None else "unknown"

    rows = [
        ("N_exp", "experiments, failed and stopped ones included", count("n_exp")),
        ("epochs", "epochs of the longest experiment", count("epochs")),
        ("T", "mean time of an epoch", known("seconds_per_epoch", "s")),
        ("E", "mean power of the computer", known("e_watts", "W")),
        ("U", "overhead of the facility", known("u_watts", "W")),
        ("R", "loss of the grid", known("r_watts", "W")),
        ("A", "energy outside training, all experiments", known("a_joules", "J")),
        ("", f"exact sum over the ledger, {energy.kind}", _with_interval(energy, "J")),
        ("", "the same in watt-hours", _with_interval(energy, "Wh", 1 / 3600)),
        ("", "closed form N_exp (A + T (E + U + R) epochs)", known("closed_form_joules", "J")),
    ]
    if (residual := record.get("residual")) is not None:
        rows.append(("", "closed form against exact sum", f"{100 * residual:+.2f} %"))
    if record.get("co2e") is not None:
        place = record["country"] or "declared intensity"
        co2e = _with_interval(Figure.from_json(record["co2e"]), "g", 1000)
        rows.append(("CO2e", f"carbon dioxide equivalent, {place}", co2e))
    else:
        rows.append(("CO2e", "carbon dioxide equivalent", "unknown: no country given"))
    if record.get("brain_seconds") is not None:
        seconds = f"{number(record['brain_seconds'])} s"
        rows.append(("", f"the same energy runs a human brain ({BRAIN_WATTS:g} W) for", seconds))
    return Table("NATURE and its inputs.", ("symbol", "meaning", "value"), rows)


def tools(data: ReportData) -> Table:
    """Versions, by name."""
    rows = sorted(data.tools.items(), key=lambda item: item[0].casefold())
    return Table("Tools that made these results.", ("tool", "version"), rows)
