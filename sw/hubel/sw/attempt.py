"""One attempt at an experiment: what it ran for, on what power, and how it ended."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from .figure import Figure

STATUSES = ("completed", "early_stopped", "pruned", "failed", "killed", "debug")


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One process start of an experiment, whatever became of it.

    Parameters
    ----------
    id : str
        Unique over all ledgers.
    name : str
        Name of the experiment.
    start : str
        Start time, ISO 8601 in UTC.
    status : str
        One of :data:`STATUSES`.
    epochs : int
        Finished epochs.
    seconds : float or tuple of float
        Training time in s: the total, or one value an epoch.
    other_seconds : float or None
        Time in s under the same power outside finished epochs: set-up, evaluation, an epoch cut
        short. None is unknown: what the attempt counts for is then a lower bound.
    power : tuple of Figure
        Mean power in W; the parts add up (for example processor package, rest of the computer).
    setup, tools : tuple of Figure
        Energy in J spent outside both times: data preparation; synthesis, place and route.
    score : float or None
        Final score, None if there is none.
    config : dict
        Hyper-parameters, JSON values only.
    host : str
        Name of the machine.
    versions : dict
        Tool name to version.
    command : tuple of str
        What was run, where it was a command.
    exit_code : int or None
        How the command ended: its exit code, or minus the number of the signal that killed it.

    Raises
    ------
    ValueError
        If a field is out of range or a figure has the wrong unit.
    """

    id: str
    name: str
    start: str
    status: str
    epochs: int
    seconds: float | tuple[float, ...]
    other_seconds: float | None = 0.0
    power: tuple[Figure, ...] = ()
    setup: tuple[Figure, ...] = ()
    tools: tuple[Figure, ...] = ()
    score: float | None = None
    config: dict[str, Any] = field(default_factory=dict)
    host: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    exit_code: int | None = None

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise ValueError(
                f"{self.name}: status must be one of {list(STATUSES)}, not {self.status!r}"
            )
        if datetime.fromisoformat(self.start).utcoffset() != timedelta(0):
            raise ValueError(f"{self.name}: start must be in UTC, not {self.start!r}")
        if self.epochs < 0:
            raise ValueError(f"{self.name}: epochs must be at least 0, not {self.epochs}")
        if isinstance(self.seconds, tuple) and len(self.seconds) != self.epochs:
            raise ValueError(
                f"{self.name}: {len(self.seconds)} values of seconds for {self.epochs} epochs"
            )
        times = self.seconds if isinstance(self.seconds, tuple) else (self.seconds,)
        for value in (*times, self.other_seconds or 0.0):
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{self.name}: seconds must be at least 0, not {value!r}")
        for role, unit in (("power", "W"), ("setup", "J"), ("tools", "J")):
            for figure in getattr(self, role):
                if figure.unit != unit:
                    raise ValueError(
                        f"{self.name}: {role} must be in {unit!r},"
                        f" not {figure.name!r} in {figure.unit!r}"
                    )

    @property
    def training_seconds(self) -> float:
        """Time in s in finished epochs."""
        return math.fsum(self.seconds) if isinstance(self.seconds, tuple) else self.seconds

    def to_json(self) -> dict[str, Any]:
        """Return a dictionary that ``json.dumps`` accepts."""
        figures = ("power", "setup", "tools")
        return vars(self) | {role: [f.to_json() for f in getattr(self, role)] for role in figures}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> "Attempt":
        """Build an attempt from what :meth:`to_json` returned, also after a trip through JSON."""
        values = dict(record)
        for role in ("power", "setup", "tools"):
            values[role] = tuple(Figure.from_json(figure) for figure in values.get(role, ()))
        if isinstance(values.get("seconds"), list):
            values["seconds"] = tuple(values["seconds"])
        values["command"] = tuple(values.get("command", ()))
        return cls(**values)
