"""Networks as NIR files, the exchange format of the spiking-network tools."""

from .load import from_nir, load_nir
from .profiles import PROFILES
from .save import save_nir

__all__ = ["PROFILES", "from_nir", "load_nir", "save_nir"]
