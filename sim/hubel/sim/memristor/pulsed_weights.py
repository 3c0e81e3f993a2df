"""Weights 0..1 of an array that learn by pulses: one pulse for each event of a learning rule.

Every rule and every device meet in one method, ``update(potentiate, depress)``; a learning rule
that computes its steps, without devices, has it too (:class:`IdealWeights`).
"""

import numpy as np
import numpy.typing as npt

from .nonlinearity import Nonlinear
from .pcm_pair import masks
from .pulsed import PulsedDevice
from .random import Purpose, Where
from .validate import in_range, number
from .waveform import Floats

#: No device's range or step is smaller than this share of the mean one.
_LEAST = 0.05


class IdealWeights:
    """The rule itself: +a_plus w (1 - w) or -a_minus w (1 - w), clipped to 0..1.

    Parameters
    ----------
    weights : array of float, shape (rows, columns)
        At the start, 0..1.
    a_plus, a_minus : float
        Rates, 0..1.
    """

    def __init__(self, weights: npt.ArrayLike, *, a_plus: float, a_minus: float):
        self.weights: Floats = in_range("weights", weights, 0.0, 1.0).copy()
        self.a_plus = number("a_plus", a_plus, 0.0, 1.0)
        self.a_minus = number("a_minus", a_minus, 0.0, 1.0)

    def update(self, potentiate: npt.ArrayLike, depress: npt.ArrayLike) -> None:
        """Move the weights in either mask; ValueError if the masks overlap or do not fit."""
        up, down = masks(self.weights.shape, potentiate, depress)
        rate = self.a_plus * up - self.a_minus * down
        self.weights = np.clip(self.weights + rate * self.weights * (1 - self.weights), 0, 1)


class PulsedWeights:
    """The same with a device a weight.

    What differs between devices is drawn once; every device draws its own noise at each event,
    keyed by seed, array, row, column and event.

    Parameters
    ----------
    where : Where
        Which devices.
    device : Nonlinear or PulsedDevice
    weights : array of float, shape (rows, columns)
        At the start, 0..1 of each device's range.

    Attributes
    ----------
    pulses : array of int64, shape (rows, columns)
        What each device has seen.

    Raises
    ------
    ValueError
        If the device moves one way only, or the weights do not fit.
    """

    def __init__(self, where: Where, device: Nonlinear | PulsedDevice, weights: npt.ArrayLike):
        start = in_range("weights", weights, 0.0, 1.0)
        if start.shape != where.shape:
            raise ValueError(f"weights must have shape {where.shape}, not {start.shape}")
        self.where, self.device = where, device
        self.pulses = np.zeros(where.shape, dtype=np.int64)
        self._events = 0
        self._gain = self._varied(Purpose.DEVICE, 0, device.d2d)
        if isinstance(device, PulsedDevice):
            if device.one_way:
                raise ValueError("this device moves one way only; take pairs of it (PcmPairs)")
            upper, lower = device.bounds_d2d
            self._least = device.w_min * self._varied(Purpose.WINDOW, 0, lower)
            self._most = device.w_max * self._varied(Purpose.WINDOW, 1, upper)
            noise = device.write_noise * device.dw_min
        else:
            self._least, self._most, noise = np.zeros(where.shape), np.ones(where.shape), 0.0
        self._write_noise = noise
        self._state = self._least + (self._most - self._least) * start
        self._apparent = self._state
        self._read(np.ones(where.shape, dtype=np.bool_))

    def _varied(self, purpose: Purpose, event: int, sigma: float) -> Floats:
        if not sigma:
            return np.ones(self.where.shape)
        return np.maximum(1 + sigma * self.where.normal(purpose, event), _LEAST)

    @property
    def weights(self) -> Floats:
        """What a read sees, as a share of the mean device's range, 0..1: a device with a smaller
        range never reads as 1."""
        if isinstance(self.device, PulsedDevice):
            low, high = self.device.w_min, self.device.w_max
            return np.clip((self._apparent - low) / (high - low), 0.0, 1.0)
        return self._apparent

    def update(self, potentiate: npt.ArrayLike, depress: npt.ArrayLike) -> None:
        """One pulse for each weight in either mask; ValueError if they overlap or do not fit."""
        up, down = masks(self.where.shape, potentiate, depress)
        moved = up | down
        self._events += 1
        self.pulses += moved
        xi = self.where.normal(Purpose.PULSE, self._events) if self.device.c2c else 0.0
        if isinstance(self.device, PulsedDevice):
            after = self.device.pulse(
                self._state, up, xi=xi, gain=self._gain, bounds=(self._least, self._most)
            )
        else:
            after = self.device.pulse(self._state, up, xi=xi, gain=self._gain)
        self._state = np.where(moved, after, self._state)
        self._read(moved)

    def _read(self, moved: npt.NDArray[np.bool_]) -> None:
        if not self._write_noise:
            self._apparent = self._state
            return
        noise = self._write_noise * self.where.normal(Purpose.CYCLE, self._events)
        self._apparent = np.where(moved, self._state + noise, self._apparent)
