"""What a run on a board gave."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .board_events import Bools

#: For "v", and for "u", "a" and "r" where the core has them, one array for each population.
States = dict[str, list[npt.NDArray[np.int32]]]


@dataclass(frozen=True, kw_only=True, eq=False)
class BoardRun:
    """What a board did.

    ``spikes`` has the spikes of each output by name, bool of shape (samples, steps, neurons);
    ``states`` for "v", and for "u", "a" and "r" where the core has them, one array of shape
    (samples, steps, neurons) for each population, in their order, at the end of each step: None
    where they were not read. ``counters`` are those of this run.
    """

    spikes: dict[str, Bools]
    states: States | None
    counters: dict[str, int]


def stacked(kept: list[States], samples: int, steps: int) -> States:
    """States of each step, as arrays of shape (samples, steps, neurons)."""
    return {
        name: [
            np.array([state[name][p] for state in kept]).reshape(samples, steps, -1)
            for p in range(len(kept[0][name]))
        ]
        for name in kept[0]
    }
