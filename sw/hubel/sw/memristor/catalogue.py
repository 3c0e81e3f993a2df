"""The experiments by name, in the order of a report."""

from collections.abc import Callable

from .context import Context
from .experiment import Experiment
from .lifetime import lifetime
from .programming import programming
from .pulse_learning import pulse_learning
from .reading import reading
from .retention import retention
from .sram import sram
from .stdp_window import stdp_window
from .sweeps import levels, read_noise, stuck
from .wires import wires

#: Runs an experiment.
Run = Callable[[Context], Experiment]

#: ``hubel memristor run NAME`` runs one; its name is the key of its files.
CATALOGUE: dict[str, Run] = {
    "programming": programming,
    "reading": reading,
    "retention": retention,
    "levels": levels,
    "stuck": stuck,
    "read_noise": read_noise,
    "pulse_learning": pulse_learning,
    "wires": wires,
    "lifetime": lifetime,
    "sram": sram,
    "stdp_window": stdp_window,
}


def experiment_named(name: str) -> Run:
    """The experiment ``name``, or ValueError listing all."""
    if name not in CATALOGUE:
        raise ValueError(f"there is no experiment {name!r}; there are {', '.join(CATALOGUE)}")
    return CATALOGUE[name]
