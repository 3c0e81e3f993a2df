"""The knee of a trade-off between energy and error."""

from collections.abc import Sequence

import numpy as np


def knee(energies: Sequence[float], errors: Sequence[float]) -> int:
    """Number of the point that is farthest below the straight line between the ends of the curve,
    with the logarithm of the energy and the error both scaled to 0..1 (Satopaa et al. 2011,
    "Finding a kneedle in a haystack"); at least one point."""
    order = np.argsort(energies, kind="stable")
    x, y = np.log(np.asarray(energies)[order]), np.asarray(errors)[order]
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return int(order[0])
    below = 1 - (x - x[0]) / np.ptp(x) - (y - y.min()) / np.ptp(y)
    return int(order[below.argmax()])
