"""A Network as a NIR file."""

import os

import nir
import numpy as np

from ..network import Network
from ..npz import atomic_file
from .own import with_metadata


def save_nir(path: str | os.PathLike[str], network: Network, *, dt: float | None = None) -> None:
    """Save ``network`` as a NIR graph, which :func:`hubel.sw.nir.load_nir` reads back exactly.

    NIR is continuous in time: ``dt`` fixes ``tau = dt / (1 - decay)`` and the gain ``r`` (Euler,
    gain 1 a step). It has no soft reset, first membrane, floor, refractory period or adaptation,
    and no profile; these stand in the metadata. A reader that ignores the metadata runs a soft
    reset as a hard reset to 0.

    Parameters
    ----------
    path : path
        Replaced if it exists, atomically.
    network : Network
    dt : float, optional
        Length of a step in seconds, above 0; that of the network, or 1e-3, if not given.

    Raises
    ------
    ValueError
        If ``dt`` is not above 0, or a projection is too large for NIR.
    OSError
        If the file cannot be written; ``path`` is then as it was.
    """
    if dt is None:
        dt = 1e-3 if network.dt is None else network.dt
    if not 0 < dt < np.inf:
        raise ValueError(f"dt must be above 0 and finite, not {dt!r}")
    graph = with_metadata(network, dt)
    with atomic_file(path) as temporary:
        nir.write(temporary, graph)
