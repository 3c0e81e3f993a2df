"""The experiments by name, in the order of a report."""

from collections.abc import Callable

from .context import Context
from .experiment import Experiment

#: Runs an experiment.
Run = Callable[[Context], Experiment]

#: Each has a command of its own: ``hubel memristor NAME``.
CATALOGUE: dict[str, Run] = {}
