"""What a build made: resources, clock and cost, read from the tools' own JSON reports."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

__all__ = [
    "Attempt",
    "BuildReport",
    "CoreSizes",
    "PathEnd",
    "Stage",
    "Usage",
    "cell_counts",
    "clock_mhz",
    "critical_path",
    "utilisation",
]


#: What nextpnr calls a resource, and what a report calls it.
_RESOURCES = {
    "ICESTORM_LC": "logic", "TRELLIS_COMB": "logic", "LUT4": "logic",
    "TRELLIS_FF": "ff", "DFF": "ff",
    "ICESTORM_RAM": "block_ram", "DP16KD": "block_ram", "BSRAM": "block_ram",
    "ICESTORM_SPRAM": "spram",
    "ICESTORM_DSP": "dsp", "MULT18X18D": "dsp", "MULT18X18": "dsp",
}

#: Beginnings of the cell types that Yosys makes, and what a report calls them.
_CELLS = {
    "SB_LUT4": "lut4", "LUT": "lut4",
    "SB_CARRY": "carry", "CCU2C": "carry", "ALU": "carry",
    "SB_DFF": "ff", "TRELLIS_FF": "ff", "DFF": "ff",
    "TRELLIS_DPR16X4": "lut_ram", "RAM16SDP4": "lut_ram",
    "SB_RAM40": "block_ram", "DP16KD": "block_ram", "SDP": "block_ram",
    "SB_SPRAM256KA": "spram",
    "SB_MAC16": "dsp", "MULT18X18D": "dsp",
}


@dataclass(frozen=True)
class Usage:
    """How many of a resource are used, of how many."""
    used: int
    available: int


@dataclass(frozen=True)
class Stage:
    """A run of a tool."""
    name: str
    tool: str
    version: str
    seconds: float


@dataclass(frozen=True)
class Attempt:
    """A place and route: its seed and the clock that it reached."""
    seed: int
    mhz: float


@dataclass(frozen=True)
class PathEnd:
    """The slowest path: its two cells, its delay, and the part of that which is routing."""
    start: str
    end: str
    ns: float
    routing_ns: float


@dataclass(frozen=True)
class CoreSizes:
    """Of the core in a build: lanes, bits of a weight, neurons, rows of the weight memory."""
    lanes: int
    weight_width: int
    neurons: int
    weight_words: int


@dataclass(frozen=True, kw_only=True)
class BuildReport:
    """A bitstream and what it takes.

    ``clock_mhz`` is what the board needs and ``fmax_mhz`` what the routed design reaches in the
    slowest corner; ``met`` compares them. ``utilisation`` counts after place and route (on an
    iCE40 "logic" is cells of a LUT, a carry and a flip-flop); ``cells`` counts after synthesis, in
    ``core_cells`` for the core alone, from a synthesis of its own out of context (None if
    there was no core), and ``core`` are its sizes. ``attempts`` are all place and routes, of which
    ``seed`` was used.
    """
    board: str
    device: str
    clock_mhz: float
    fmax_mhz: float
    met: bool
    utilisation: dict[str, Usage]
    cells: dict[str, int]
    core_cells: dict[str, int] | None
    critical_path: PathEnd
    bitstream: Path
    bitstream_bytes: int
    seed: int
    attempts: tuple[Attempt, ...]
    stages: tuple[Stage, ...]
    core: CoreSizes | None = None

    def __str__(self) -> str:
        used = ", ".join(f"{name} {u.used}/{u.available}" for name, u in self.utilisation.items())
        verdict = "met" if self.met else "NOT met"
        return (f"{self.clock_mhz:g} MHz {verdict} (reaches {self.fmax_mhz:g}, seed {self.seed}); "
                f"{used}")

    def to_json(self) -> dict[str, Any]:
        """A dictionary that ``json.dumps`` accepts; the bitstream is its file name."""
        return asdict(self) | {"bitstream": self.bitstream.name}

    def save(self, path: Path) -> None:
        """Write the report as JSON."""
        path.write_text(json.dumps(self.to_json(), indent=2) + "\n")

    @classmethod
    def load(cls, path: Path) -> "BuildReport":
        """The report that :meth:`save` wrote."""
        values = json.loads(path.read_text())
        return cls(**values | {
            "utilisation":   {k: Usage(**v) for k, v in values["utilisation"].items()},
            "critical_path": PathEnd(**values["critical_path"]),
            "bitstream":     path.parent / values["bitstream"],
            "attempts":      tuple(Attempt(**a) for a in values["attempts"]),
            "core":          CoreSizes(**values["core"]) if values.get("core") else None,
            "stages":        tuple(Stage(**s) for s in values["stages"]),
        })


def utilisation(pnr_report: dict[str, Any]) -> dict[str, Usage]:
    """Resources in nextpnr's report."""
    return {_RESOURCES[name]: Usage(entry["used"], entry["available"])
            for name, entry in pnr_report["utilization"].items() if name in _RESOURCES}


def clock_mhz(pnr_report: dict[str, Any]) -> tuple[float, bool]:
    """Clock that nextpnr's report says was reached, and whether it is enough; of several clocks
    the one that is furthest from its constraint."""
    worst = min(pnr_report["fmax"].values(), key=lambda c: c["achieved"] / c["constraint"])
    return worst["achieved"], worst["achieved"] >= worst["constraint"]


def critical_path(pnr_report: dict[str, Any]) -> PathEnd:
    """The slowest path from clock edge to clock edge in nextpnr's report."""
    path, total = [], -1.0
    for candidate in pnr_report["critical_paths"]:
        delay = sum(hop["delay"] for hop in candidate["path"])
        if "async" not in candidate["from"] + candidate["to"] and delay > total:
            path, total = candidate["path"], delay
    routing = sum(hop["delay"] for hop in path if hop["type"] == "routing")
    return PathEnd(path[0]["from"]["cell"], path[-1]["to"]["cell"],
                   round(total, 3), round(routing, 3))


def cell_counts(yosys_stat: dict[str, Any]) -> dict[str, int]:
    """Cells in the report of Yosys's ``stat -json``."""
    counts: dict[str, int] = {}
    for cell_type, count in yosys_stat["design"]["num_cells_by_type"].items():
        for prefix, name in _CELLS.items():
            if cell_type.startswith(prefix):
                counts[name] = counts.get(name, 0) + count
    return counts
