"""Convolutional STDP with shared weights, as in Kheradpisheh et al. (2018) and SpykeTorch: the
golden model, in numpy.

The weights of feature f are column f of a dense layer whose inputs are the places of the kernel,
and they change by :func:`hubel.sim.stdp.post_update`. So a learning core can learn them: it is
shown the patch of a winner, and told with LEARN which feature won.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hubel.hdl.lfsr_params import LFSR_SEED
from hubel.hdl.stdp_params import VALUE_MAX, LearningParams, LearningRates

from .stdp import Ints, Rounding, post_update

#: Time of an input that never spikes.
NEVER = np.iinfo(np.int64).max


class Winner(NamedTuple):
    """A feature that learns: where it won, when, and which places of its kernel had spiked."""

    feature: int
    row: int
    column: int
    time: int
    fired: npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class ConvParams:
    """A convolution with stride 1 whose features compete.

    Parameters
    ----------
    channels, size, features : int
        Of the input; rows and columns of the kernel; kernels.
    threshold : int
        A place fires for a feature when the sum of its weights is above, strictly.
    winners : int
        At most so many features learn from an image, each of them once.
    radius : int
        Around a winner, so many places in each direction win for no feature.

    Raises
    ------
    ValueError
        If a number is less than 1 (a radius: 0).
    """

    channels: int
    size: int
    features: int
    threshold: int
    winners: int
    radius: int

    def __post_init__(self) -> None:
        for name in ("channels", "size", "features", "threshold", "winners"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be 1 or more, not {getattr(self, name)!r}")
        if self.radius < 0:
            raise ValueError(f"radius must be 0 or more, not {self.radius!r}")

    @property
    def places(self) -> int:
        """Weights of a feature."""
        return self.channels * self.size * self.size

    @property
    def learning(self) -> LearningParams:
        """The learning core that can learn them: sizes rounded up to its lanes."""
        lanes = 4
        return LearningParams(
            inputs=max(2, -(-self.places // lanes)) * lanes,
            neurons=max(2, -(-self.features // lanes)) * lanes,
            lanes=lanes,
        )


def patches(times: Ints, size: int) -> Ints:
    """The times that each place of the output sees, shape (rows, columns, channels * size**2), of
    times of shape (channels, height, width)."""
    windows = np.lib.stride_tricks.sliding_window_view(times, (size, size), axis=(1, 2))
    return windows.transpose(1, 2, 0, 3, 4).reshape(*windows.shape[1:3], -1)


def fire(
    times: Ints, weights: Ints, params: ConvParams, steps: int
) -> tuple[npt.NDArray[np.int64], Ints]:
    """When each place fires for each feature, at most once, and what its sum was then.

    Places do not compete here.

    Parameters
    ----------
    times : array of int, shape (channels, height, width)
        When each input spikes, 0..``steps - 1`` or :data:`NEVER`.
    weights : array of int, shape (places, features)

    Returns
    -------
    when, sums : arrays of int, shape (features, rows, columns)
        :data:`NEVER` where the threshold is not passed, and the last sum there.
    """
    seen = patches(times, params.size)
    when = np.full((*seen.shape[:2], params.features), NEVER)
    sums = np.zeros(when.shape, dtype=np.int64)
    for step in range(steps):
        # Floats are exact here: sums of 8 or 16 bits stay far below 2**53.
        now = ((seen <= step).astype(np.float64) @ weights).astype(np.int64)
        quiet = when == NEVER
        sums = np.where(quiet, now, sums)
        when[quiet & (now > params.threshold)] = step
    return when.transpose(2, 0, 1), sums.transpose(2, 0, 1)


def winners(times: Ints, when: Ints, sums: Ints, params: ConvParams) -> list[Winner]:
    """Who learns: the first to fire, of those the one with the largest sum, of those the first;
    then without its feature and its surroundings the next one."""
    when, seen, found = when.copy(), patches(times, params.size), []
    for _ in range(params.winners):
        first = when.min()
        if first == NEVER:
            break
        best = int(np.where(when == first, sums, -1).argmax())
        f, row, column = (int(i) for i in np.unravel_index(best, when.shape))
        found.append(Winner(f, row, column, int(first), seen[row, column] <= first))
        when[f] = NEVER
        r = params.radius
        when[:, max(0, row - r) : row + r + 1, max(0, column - r) : column + r + 1] = NEVER
    return found


@dataclass(eq=False)
class ConvStdp:
    """The shared weights, and the random bits with which they are rounded.

    Attributes
    ----------
    params : ConvParams
    rates : LearningRates
        Only ``a_plus``, ``a_minus`` and ``nearest`` count.
    weights : array of int, shape (places, features)
        0..255.
    """

    params: ConvParams
    rates: LearningRates
    weights: Ints
    lfsr: int = LFSR_SEED

    def learn(self, times: Ints, steps: int) -> list[Winner]:
        """Learn from one image; who learned, in order."""
        when, sums = fire(times, self.weights, self.params, steps)
        found = winners(times, when, sums, self.params)
        learning = self.params.learning
        rounding = Rounding(self.lfsr, learning.lanes, nearest=self.rates.nearest)
        for winner in found:
            places = self.params.places
            self.weights[:, winner.feature] = post_update(
                self.weights[:, winner.feature], winner.fired * VALUE_MAX, sign=1,
                rule=self.rates.rule, a_plus=self.rates.a_plus, a_minus=self.rates.a_minus,
                width=learning.weight_width, bits=rounding.take(learning.inputs)[:places],
            )  # fmt: skip
        self.lfsr = rounding.state
        return found
