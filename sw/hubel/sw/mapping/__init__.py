"""Mapping: a Program onto the cores of a mesh, and the routes between them."""

from .limits import CoreLimits
from .mapper import map_program

__all__ = ["CoreLimits", "map_program"]
