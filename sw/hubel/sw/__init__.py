"""From a trained network to a Program, to joules and to a report."""

from .board import Board
from .from_sklearn import from_sklearn
from .from_snntorch import from_snntorch
from .from_torch import from_torch

__all__ = ["Board", "from_sklearn", "from_snntorch", "from_torch"]
