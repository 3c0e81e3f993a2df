"""Spikes against int8 on the same fabric: one task, one accuracy floor, one board."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hubel.boards import Board

from .building import build_mac_recorded, build_recorded
from .compare_energy import Placed, board_break_even, energy_ratio, place, static_watts
from .compare_ladder import Step, System, climb
from .compare_side import BYTE_BITS, Side, a_read, mac_side, snn_accuracy, snn_side
from .compare_tasks import Task
from .convert import convert
from .figure import Figure
from .inference import RAM_WIDTH, device_of
from .quantise import quantise
from .quantise_ann import quantise_ann

#: Points below the float network that an answer may be, unless told otherwise.
MARGIN = 0.01
#: The most steps that are tried.
MOST_STEPS = 32

SNN, ANN, SKIPPING = "SNN", "ANN int8", "ANN int8, zeros skipped"

# Steps that are tried at first.
_FIRST_STEPS = 8
# Images of the training set that calibrate the activations of the ANN.
_CALIBRATION = 500


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How to compare.

    Parameters
    ----------
    floor : float or None
        Least accuracy, 0..1; by default :data:`MARGIN` below the float network.
    lanes : int or None
        Of both cores; the board's own number by default.
    images : int
        Test images that go through the gateware of each side, 1 or more.
    steps : int
        The most steps that the SNN may take.
    seeds : int
        Seeds of the placer to try while a board's clock is not met.
    build : bool
        Synthesise, place and route; without, there is no area, clock or energy of a board.
    system : System
        What L5 adds.
    """

    floor: float | None = None
    lanes: int | None = None
    images: int = 4
    steps: int = MOST_STEPS
    seeds: int = 4
    build: bool = True
    system: System = field(default_factory=System)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What :func:`compare` found.

    ``sides``: the SNN, the ANN, and the ANN that skips zeros; ``placed`` has the same order, and
    is empty where nothing was built. ``best``: number of the ANN that the SNN is compared with:
    the one that takes less energy, or fewer clocks where nothing was built. ``spikes_per_synapse``:
    s, ACs for each MAC of the ANN that skips nothing. ``ratio``: the joules of the best ANN by
    those of the SNN, with its interval, above 1 where the SNN wins. ``break_even``: s at which the
    two take the same on the board, to first order; None if no spike at all is too much.
    """

    task: str
    board: str
    lanes: int
    test_images: int
    floor: float
    float_accuracy: float
    accuracy_by_steps: tuple[float, ...]
    sides: tuple[Side, ...]
    placed: tuple[Placed, ...]
    best: int
    spikes_per_synapse: float
    ratio: Figure | None
    break_even: float | None
    rungs: tuple[Step, ...]
    break_evens: dict[str, dict[str, float | None]]

    @property
    def verdict(self) -> str:
        """One line that says who wins, by what, and where; or that the 95 % interval of the ratio
        does not tell."""
        snn, ann = self.sides[0], self.sides[self.best]
        where = f"{self.task}, {self.board}, floor {100 * self.floor:.1f} %"
        if self.ratio is None or self.ratio.value is None:
            ratio, what = ann.clocks / snn.clocks, "clocks"
        else:
            ratio, what = self.ratio.value, f"estimated energy ({self.ratio.boundary})"
        name = f"the {ann.name}"
        if self.ratio is not None and self.ratio.interval is not None:
            low, high = self.ratio.interval
            if low < 1 < high:
                return (
                    f"Undecided: the SNN takes {1 / ratio:.2f} times the {what} of {name}, but the "
                    f"coefficients leave {1 / high:.2f} to {1 / low:.2f} ({where})."
                )
        if ratio >= 1:
            return f"The SNN wins: {name} takes {ratio:.2f} times its {what} ({where})."
        return f"The SNN loses: it takes {1 / ratio:.2f} times the {what} of {name} ({where})."

    def to_json(self) -> dict[str, Any]:
        """A dictionary that ``json.dumps`` accepts."""
        return {
            "task": self.task,
            "board": self.board,
            "lanes": self.lanes,
            "test_images": self.test_images,
            "floor": self.floor,
            "float_accuracy": self.float_accuracy,
            "accuracy_by_steps": list(self.accuracy_by_steps),
            "sides": [side.to_json() for side in self.sides],
            "placed": [placed.to_json() for placed in self.placed],
            "best_ann": self.sides[self.best].name,
            "spikes_per_synapse": self.spikes_per_synapse,
            "ratio": None if self.ratio is None else self.ratio.to_json(),
            "break_even_on_the_board": self.break_even,
            "break_even": self.break_evens,
            "ladder": [asdict(rung) | {"ratio": rung.ratio} for rung in self.rungs],
            "verdict": self.verdict,
        }


def compare(
    task: Task,
    board: Board,
    folder: str | Path,
    *,
    settings: Settings | None = None,
    cache_dir: str | None = None,
    on_stage: Callable[[str], None] = lambda _: None,
) -> Comparison:
    """Compare the converted network of ``task`` with the int8 network on ``board``.

    Both have the same lanes, the same weights' width, the same kinds of memories, the same serial
    port and tools. The SNN takes the fewest steps that reach the floor.

    Raises
    ------
    ValueError
        If a network does not reach the floor, or a core does not fit the board.
    AssertionError
        If a gateware is not what golden says.
    ToolMissing, BuildFailed, BenchFailed
        From simulators, synthesis, and place and route.
    """
    settings = settings or Settings()
    lanes = settings.lanes or board.lanes
    reached = task.accuracy
    floor = reached - MARGIN if settings.floor is None else settings.floor
    on_stage("quantising")
    program = quantise(convert(task.ann, task.train / task.full_scale))
    part = task.train[:_CALIBRATION]
    mac_program = quantise_ann(task.ann, part, full_scale=task.full_scale)
    on_stage("accuracy of the SNN by steps")
    tried, enough, curve = min(_FIRST_STEPS, settings.steps), [], np.zeros(0)
    # Long runs take minutes, and are seldom needed.
    while not enough and len(curve) < settings.steps:
        curve = snn_accuracy(program, task, tried)
        enough = [step + 1 for step, accuracy in enumerate(curve) if accuracy >= floor]
        tried = min(2 * tried, settings.steps)
    if not enough:
        raise ValueError(
            f"{task.name}: the SNN reaches {100 * curve.max():.2f} % in {settings.steps} steps at "
            f"most, less than the floor of {100 * floor:.2f} %; lower the floor"
        )
    more = {"lanes": lanes, "images": settings.images, "cache_dir": cache_dir, "on_stage": on_stage}
    sides = (
        snn_side(SNN, program, task, steps=enough[0], **more),
        mac_side(ANN, mac_program, task, skip_zeros=False, **more),
        mac_side(SKIPPING, mac_program, task, skip_zeros=True, **more),
    )
    for side in sides[1:]:
        if side.accuracy < floor:
            raise ValueError(
                f"{task.name}: the {side.name} reaches {100 * side.accuracy:.2f} %, less than the "
                f"floor of {100 * floor:.2f} %; lower the floor"
            )
    placed: tuple[Placed, ...] = ()
    reports = []
    if settings.build:
        builds = Path(folder, "builds")
        ledger = Path(folder, "ledger.jsonl")
        kept: dict[str, Any] = {"ledger": ledger, "lanes": lanes, "seeds": settings.seeds}

        def progress(name: str) -> Callable[[str], None]:
            return lambda stage: on_stage(f"{name} on {board.name}: {stage}")

        reports = [
            build_recorded(board, program, builds, progress=progress(SNN), **kept)[0],
            *(
                build_mac_recorded(
                    board, mac_program, builds, skip_zeros=skip, progress=progress(name), **kept
                )[0]
                for name, skip in ((ANN, False), (SKIPPING, True))
            ),
        ]
        placed = tuple(
            place(board, report, side, len(task.labels))
            for report, side in zip(reports, sides, strict=True)
        )
    s = sides[0].operations / sides[1].operations
    best = min((1, 2), key=lambda i: _cost(sides, placed, i))
    clocks = [p.clock_hz for p in placed] or [board.clock_hz] * len(sides)
    rungs, break_evens = climb(
        sides[0], sides[best], macs=sides[1].operations, lanes=lanes,
        clocks=(clocks[0], clocks[best]),
        joules=(placed[0].energy, placed[best].energy) if placed else None,
        leakage=static_watts(device_of(reports[0])) if placed else None,
        link_seconds=[side.link_bytes * BYTE_BITS / board.baud for side in (sides[0], sides[best])],
        system=settings.system,
    )  # fmt: skip
    return Comparison(
        task=task.name,
        board=board.name,
        lanes=lanes,
        test_images=len(task.labels),
        floor=floor,
        float_accuracy=reached,
        accuracy_by_steps=tuple(map(float, curve)),
        sides=sides,
        placed=placed,
        best=best,
        spikes_per_synapse=s,
        ratio=energy_ratio(placed[best], placed[0]) if placed else None,
        break_even=board_break_even(
            s, sides[0], placed[0], placed[best],
            accesses=a_read(program.params(lanes=lanes), RAM_WIDTH[board.family]),
        ) if placed else None,
        rungs=rungs,
        break_evens=break_evens,
    )  # fmt: skip


def _cost(sides: Sequence[Side], placed: Sequence[Placed], number: int) -> float:
    if placed:
        value = placed[number].energy.value
        assert value is not None
        return value
    return sides[number].clocks
