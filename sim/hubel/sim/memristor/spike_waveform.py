"""STDP that two spikes make on a memristor, by overlapping (Zamarreno-Ramos et al. 2011).

Both neurons send the same waveform, each to its side of the device; neither alone exceeds the
threshold, but their difference does when they are close. With t in ms and volts in units of the
threshold V_th::

    spk(t) = (e^(t/3) - e^(-5/3)) / (1 - e^(-5/3))               -5 <= t < 0
           = -0.25 (e^(-t/40) - e^(-75/40)) / (1 - e^(-75/40))    0 <= t < 75
    v(t)   = spk(t) - 0.9 spk(t + dT)             dT = t_post - t_pre
    dw/dt  = sign(v) (e^(|v|/v0) - e^(1/v0))      |v| > 1, v0 = 1/7

The integral of dw/dt over time is the curve of STDP. It is taken on a grid of 0.01 ms, as its
authors did: at the discontinuity of spk, a finer grid changes it by 2 to 3 %.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .source import Source
from .validate import in_range, number, positive
from .waveform import Floats

_SOURCE = Source(
    "Zamarreno-Ramos et al. 2011, Front. Neurosci. 5, 26", "simulated", "supplementary scripts"
)


@dataclass(frozen=True, kw_only=True)
class SpikeWaveform:
    """Waveform of a spike and the device that it meets; ms, and volts in units of V_th.

    Parameters
    ----------
    before, after : float
        How long before and after its peak a spike lasts, above 0.
    tau_before, tau_after : float
        Time constants, above 0.
    depth : float
        How far it falls after the peak, of the peak; 0..1.
    pre, post : float
        Amplitudes of the two sides, 0..1: neither alone exceeds the threshold.
    steepness : float
        V_th / v0 of the device.
    step : float
        Of the integration grid.
    """

    before: float = 5.0
    after: float = 75.0
    tau_before: float = 3.0
    tau_after: float = 40.0
    depth: float = 0.25
    pre: float = 1.0
    post: float = 0.9
    steepness: float = 7.0
    step: float = 0.01
    source: Source = _SOURCE

    def __post_init__(self) -> None:
        for name in ("before", "after", "tau_before", "tau_after", "steepness", "step"):
            positive(name, getattr(self, name))
        for name in ("depth", "pre", "post"):
            number(name, getattr(self, name), 0.0, 1.0)
        if self.step > min(self.before, self.after) / 10:
            raise ValueError(f"step must be a tenth of the spike or less, not {self.step:g} ms")

    def spike(self, t: npt.ArrayLike) -> Floats:
        """Voltage at ``t`` ms after the peak."""
        t = in_range("t", t, -1e9, 1e9, "ms")
        floor_up = math.exp(-self.before / self.tau_before)
        floor_down = math.exp(-self.after / self.tau_after)
        rise = (np.exp(np.minimum(t, 0) / self.tau_before) - floor_up) / (1 - floor_up)
        fall = (np.exp(-np.maximum(t, 0) / self.tau_after) - floor_down) / (1 - floor_down)
        up = (-self.before < t) & (t < 0)
        down = (t >= 0) & (t < self.after)
        return np.where(up, rise, np.where(down, -self.depth * fall, 0.0))

    def change(self, dt: npt.ArrayLike) -> Floats:
        """Integral of dw/dt over one pair of spikes.

        Parameters
        ----------
        dt : array
            t_post - t_pre, ms.

        Returns
        -------
        change : array of float, shape of ``dt``
            In units of I0 times 1 ms; positive is potentiation.
        """
        dt = in_range("dt", dt, -1e6, 1e6, "ms")
        grid = self._grid()
        own = self.pre * self.spike(grid)
        out = np.empty(dt.shape)
        for index, shift in np.ndenumerate(dt):
            if abs(shift) > self.before + self.after:
                out[index] = 0.0
                continue
            # Sums of decimal fractions miss the peak at 0 by their last digits.
            other = self.spike(np.round(grid + shift, 9))
            out[index] = self._speed(own - self.post * other).sum() * self.step
        return out

    def curve(self, dt: npt.ArrayLike) -> Floats:
        """:meth:`change` in percent of its largest value on a grid of 0.5 ms, as published."""
        near = np.arange(1, 2 * self.after) / 2
        most = float(self.change(near).max())
        if most <= 0:
            raise ValueError("these spikes never potentiate: their difference stays below V_th")
        return 100 * self.change(dt) / most

    def _grid(self) -> Floats:
        reach = self.before + self.after
        count = round(2 * reach / self.step)
        grid = np.arange(-count // 2, count // 2 + 1) * self.step
        return np.asarray(np.round(grid, 9), dtype=np.float64)

    def _speed(self, v: Floats) -> Floats:
        size = np.maximum(np.exp(self.steepness * np.abs(v)) - math.exp(self.steepness), 0.0)
        return np.sign(v) * size


#: As published.
DEFAULT = SpikeWaveform()
