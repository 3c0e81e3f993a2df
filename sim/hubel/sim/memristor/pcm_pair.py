"""Weights that are differences of two PCM devices, which pulses only raise.

SET pulses crystallise a little more each; the only way back is a RESET, all the way. So a pulse up
goes to one device of the pair, a pulse down to the other, and when one of them is close to its
end, a refresh reads the difference, resets both, and raises one until it is the difference.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .pulsed import PRESETS, PulsedDevice
from .random import Purpose, Where
from .waveform import Floats

Bools = npt.NDArray[np.bool_]
#: What a reset leaves and its sigma (Nandakumar et al. 2020, as fitted in aihwkit).
RESET_MEAN, RESET_SIGMA = 0.01, 0.02


@dataclass
class PcmPairs:
    """Pairs of a rectangle in an array.

    Parameters
    ----------
    where : Where
        Which devices; the pair of a weight is array ``2 n`` and ``2 n + 1`` of its array ``n``.
    device : PulsedDevice
        One that moves one way only.
    refresh_at : float
        A pair is refreshed when one of its devices is above this share of its range, 0..1.
    refresh_pulses : int
        Most SET pulses of one refresh.

    Attributes
    ----------
    plus, minus : array of float, shape (rows, columns)
        The devices' states.
    set_pulses, reset_pulses : int
        What was applied, with those of refreshes.
    """

    where: Where
    device: PulsedDevice = PRESETS["pcm_nandakumar2020"]
    refresh_at: float = 0.9
    refresh_pulses: int = 50

    def __post_init__(self) -> None:
        if not self.device.one_way:
            raise ValueError("pairs are of devices that move one way only")
        if not 0 < self.refresh_at <= 1:
            raise ValueError(f"refresh_at must be above 0 and at most 1, not {self.refresh_at!r}")
        if self.refresh_pulses < 1:
            raise ValueError(f"refresh_pulses must be 1 or more, not {self.refresh_pulses!r}")
        w = self.where
        self._where = [
            Where(rows=w.rows, columns=w.columns, seed=w.seed, array=2 * w.array + n, row=w.row,
                  column=w.column)
            for n in (0, 1)
        ]  # fmt: skip
        self._events = 0
        self.set_pulses = self.reset_pulses = 0
        everything = np.ones(w.shape, dtype=np.bool_)
        self.plus, self.minus = (np.empty(w.shape) for _ in range(2))
        self._reset(everything)
        self.reset_pulses = 0  # the first one belongs to the fabrication

    @property
    def weights(self) -> Floats:
        """``plus - minus`` in the range of one device, -1..1."""
        return (self.plus - self.minus) / self.device.w_max

    def update(self, potentiate: npt.ArrayLike, depress: npt.ArrayLike) -> None:
        """One pulse for each weight in either mask; ValueError if they overlap or have another
        shape than the weights."""
        up, down = masks(self.where.shape, potentiate, depress)
        self.plus = self._set(0, self.plus, up)
        self.minus = self._set(1, self.minus, down)

    def refresh(self) -> int:
        """Refresh the pairs that need it; how many did."""
        limit = self.refresh_at * self.device.w_max
        worn = (self.plus > limit) | (self.minus > limit)
        if not worn.any():
            return 0
        wanted = np.where(worn, self.plus - self.minus, 0.0)
        self._reset(worn)
        for _ in range(self.refresh_pulses):
            error = wanted - (self.plus - self.minus)
            up = worn & (wanted > 0) & (error > 0)
            down = worn & (wanted < 0) & (error < 0)
            if not (up.any() or down.any()):
                break
            self.plus = self._set(0, self.plus, up)
            self.minus = self._set(1, self.minus, down)
        return int(np.count_nonzero(worn))

    def _set(self, side: int, state: Floats, mask: Bools) -> Floats:
        self._events += 1
        self.set_pulses += int(np.count_nonzero(mask))
        if not mask.any():
            return state
        xi = self._where[side].normal(Purpose.PULSE, self._events)
        return np.where(mask, self.device.pulse(state, True, xi=xi), state)

    def _reset(self, mask: Bools) -> None:
        self._events += 1
        self.reset_pulses += 2 * int(np.count_nonzero(mask))
        for side, name in enumerate(("plus", "minus")):
            xi = self._where[side].normal(Purpose.CYCLE, self._events)
            fresh = np.clip(RESET_MEAN + RESET_SIGMA * xi, 0.0, self.device.w_max)
            setattr(self, name, np.where(mask, fresh, getattr(self, name)))


def masks(
    shape: tuple[int, ...], potentiate: npt.ArrayLike, depress: npt.ArrayLike
) -> tuple[Bools, Bools]:
    """Both as arrays of bool, or ValueError."""
    up, down = (np.asarray(mask) for mask in (potentiate, depress))
    for name, mask in (("potentiate", up), ("depress", down)):
        if mask.shape != shape or mask.dtype != np.bool_:
            raise ValueError(
                f"{name} must be bool of shape {shape}, not {mask.dtype} of shape {mask.shape}"
            )
    if (both := np.count_nonzero(up & down)) > 0:
        raise ValueError(f"{both} weights are to go up and down by one event")
    return up, down
