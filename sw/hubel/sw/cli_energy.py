"""All commands about energy: importing a file of them adds them to ``nature_app``."""

from . import cli_activity, cli_export, cli_measure
from .cli_fpga import energy_app
from .cli_measure import print_survey
from .cli_nature import nature_app
from .cli_search import sweep

__all__ = [
    "cli_activity",
    "cli_export",
    "cli_measure",
    "energy_app",
    "nature_app",
    "print_survey",
    "sweep",
]
