"""What every experiment gets: the task, the seeds, and how to run many."""

from dataclasses import dataclass, field

from .sweep import Sweep
from .task import Task


@dataclass(frozen=True, kw_only=True, eq=False)
class Context:
    """What an experiment runs on.

    Parameters
    ----------
    task : Task
        The network that must keep working.
    seeds : int
        Device seeds of a Monte-Carlo, 1 or more; bands in a report need 20.
    seed : int
        The first of them.
    sweep : Sweep
        ``context.sweep(function, arguments)`` runs a function on each tuple of arguments, in
        parallel where that is possible, with progress.
    """

    task: Task
    seeds: int = 20
    seed: int = 0
    sweep: Sweep = field(default_factory=Sweep)

    def __post_init__(self) -> None:
        if self.seeds < 1:
            raise ValueError(f"seeds must be 1 or more, not {self.seeds!r}")

    @property
    def all_seeds(self) -> range:
        """The device seeds."""
        return range(self.seed, self.seed + self.seeds)
