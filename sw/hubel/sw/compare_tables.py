"""The tables of a comparison: for the terminal and for the page."""

from collections.abc import Callable

from .compare_ann import Comparison
from .compare_side import BYTE_BITS, Side
from .report_tables import NONE, Table
from .units import integer, number, percent, quantity

Rows = list[tuple[str, ...]]


def sides(found: Comparison, baud: int) -> Table:
    """What an inference takes on each side."""
    rows: Rows = []

    def add(name: str, cell: Callable[[Side], str]) -> None:
        rows.append((name, *(cell(side) for side in found.sides)))

    add("accuracy, %", lambda side: percent(side.accuracy, 2))
    add("steps", lambda side: NONE if side.steps is None else str(side.steps))
    add(
        "operations", lambda side: f"{integer(side.operations)} {'MAC' if not side.steps else 'AC'}"
    )
    add("weight words read", lambda side: integer(side.weight_reads))
    add("clocks", lambda side: integer(side.clocks))
    add("clocks, one alone", lambda side: integer(side.latency_clocks))
    if found.placed:
        clock = [placed.clock_hz for placed in found.placed]
        alone = [quantity(s.latency_clocks / hz, "s")
                 for s, hz in zip(found.sides, clock, strict=True)]  # fmt: skip
        rows.append(("latency of the core", *alone))
    add("serial port, bytes", lambda side: integer(side.link_bytes))
    add("serial port", lambda side: quantity(side.link_bytes * BYTE_BITS / baud, "s"))
    if found.placed:
        for resource, name in (("logic", "logic cells"), ("ff", "flip-flops"),
                               ("block_ram", "block RAMs"), ("dsp", "multipliers")):  # fmt: skip
            used = [p.build["utilisation"].get(resource) for p in found.placed]
            if all(used):
                rows.append((name, *(integer(u["used"]) for u in used)))
        reached = [f"{number(p.build['fmax_mhz'])} of {number(p.build['clock_mhz'])}"
                   for p in found.placed]  # fmt: skip
        rows.append(("clock reached of needed, MHz", *reached))
        rows.append(("energy", *(quantity(p.energy.value or 0.0, "J") for p in found.placed)))
        rows.append(("95 % interval", *(_interval(p.energy.interval) for p in found.placed)))
    simulated = found.sides[0].simulated
    how = f"the first {simulated} also in Verilator, equal to golden" if simulated else "golden"
    return Table(
        f"One inference of {found.task} on {found.board}, {found.lanes} lanes: means over "
        f"{integer(found.test_images)} test images, {how}. The float network reaches "
        f"{percent(found.float_accuracy, 2)} %, the floor is {percent(found.floor, 2)} %.",
        ("", *(f">{side.name}" for side in found.sides)),
        rows,
    )


def _interval(ends: tuple[float, float] | None) -> str:
    return NONE if ends is None else " to ".join(quantity(end, "J") for end in ends)


def ladder(found: Comparison) -> Table:
    """Every level, with its constants and s beside the ratio."""
    rows = [
        (step.level, step.adds, step.constants, number(step.s), quantity(step.ann, "J"),
         quantity(step.snn, "J"), number(step.ratio))
        for step in found.rungs
    ]  # fmt: skip
    return Table(
        f"The ladder, against the {found.sides[found.best].name}: joules of an inference, and how "
        f"many times less the SNN takes; below 1 it loses.",
        ("level", "adds", "constants", ">s", ">ANN", ">SNN", ">ANN / SNN"),
        rows,
    )


def break_even(found: Comparison) -> Table:
    """Spikes per synapse at which both take the same."""
    rows = [
        (f"{level}, {name}", _spikes(s))
        for name, levels in found.break_evens.items()
        for level, s in levels.items()
    ]
    if found.placed:
        rows.append((f"this board, {found.placed[0].energy.boundary}", _spikes(found.break_even)))
    rows.append(("this network", number(found.spikes_per_synapse)))
    return Table("Spikes per synapse and inference at which SNN and ANN take the same.",
                 ("where", ">s"), rows)  # fmt: skip


def _spikes(s: float | None) -> str:
    return "none" if s is None else number(s)
