"""How far one pulse moves a device that learns: by a step that depends on where it is.

``w`` is the state in the units of its bounds. With dw+ = dw_min (1 + up_down) and
dw- = dw_min (1 - up_down), without noise::

    soft      dw+ (1 - w/w_max)                    dw- (1 - w/w_min)
    exp       dw+ max(1 - A_up e^(gamma_up z), 0)  dw- max(1 - A_down e^(-gamma_down z), 0)
              with z = 2 a w/(w_max - w_min) + b
    linear    dw+ (1 - gamma_up w)                 dw- (1 + gamma_down w)
    constant  dw+                                  dw-

The left one is added, the right one subtracted. A pulse of a cycle is multiplied by 1 + c2c xi,
and the state is clipped to its bounds. The models and their fits are those of aihwkit (Rasch et
al. 2021).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .source import Source
from .validate import choice, in_range, number, positive
from .waveform import Floats

MODELS = ("soft", "exp", "linear", "constant")


@dataclass(frozen=True, kw_only=True)
class PulsedDevice:
    """A kind of device that learns by pulses.

    Parameters
    ----------
    model : str
        One of :data:`MODELS`.
    dw_min : float
        Step of a pulse, above 0.
    up_down : float
        Asymmetry of the steps, -1..1, both excluded.
    w_min, w_max : float
        Bounds.
    d2d, c2c : float
        Relative sigma of ``dw_min`` from device to device, and of a step from cycle to cycle.
    bounds_d2d : tuple of float
        Relative sigmas of ``w_max`` and ``w_min``.
    write_noise : float
        Sigma of what is read over what is stored, in ``dw_min``.
    gamma_up, gamma_down, a_up, a_down, a, b : float
        Of the models "exp" and "linear".
    one_way : bool
        Only pulses up exist: weights are pairs (:mod:`pcm_pair`).
    source : Source

    Raises
    ------
    ValueError
        If a number is out of range.
    """

    model: str
    dw_min: float
    up_down: float = 0.0
    w_min: float = -1.0
    w_max: float = 1.0
    d2d: float = 0.0
    c2c: float = 0.0
    bounds_d2d: tuple[float, float] = (0.0, 0.0)
    write_noise: float = 0.0
    gamma_up: float = 0.0
    gamma_down: float = 0.0
    a_up: float = 0.0
    a_down: float = 0.0
    a: float = 0.0
    b: float = 0.0
    one_way: bool = False
    source: Source

    def __post_init__(self) -> None:
        choice("model", self.model, MODELS)
        positive("dw_min", self.dw_min)
        if not -1 < self.up_down < 1:
            raise ValueError(f"up_down must be between -1 and 1, not {self.up_down!r}")
        if not self.w_min < self.w_max:
            raise ValueError(f"w_min must be below w_max = {self.w_max!r}, not {self.w_min!r}")
        if self.model == "soft" and not self.w_min < 0 < self.w_max:
            raise ValueError(f"soft bounds lie around 0, not at {self.w_min!r} and {self.w_max!r}")
        for name in ("d2d", "c2c", "write_noise"):
            number(name, getattr(self, name), 0.0)
        for sigma in self.bounds_d2d:
            number("bounds_d2d", sigma, 0.0)

    def step(
        self, w: Floats, up: npt.NDArray[np.bool_], bounds: tuple[Floats, Floats] | None = None
    ) -> Floats:
        """How far a pulse without noise moves ``w``: its size before clipping, 0 or more within
        the ``bounds`` (least and largest of each device; those of the mean device by default)."""
        sign = np.where(up, 1.0, -1.0)
        size = self.dw_min * (1 + self.up_down * sign)
        if self.model == "constant":
            return np.broadcast_to(size, w.shape).copy()
        if self.model == "soft":
            least, most = bounds or (self.w_min, self.w_max)
            return size * (1 - w / np.where(up, most, least))
        if self.model == "linear":
            return size * np.where(up, 1 - self.gamma_up * w, 1 + self.gamma_down * w)
        z = 2 * self.a * w / (self.w_max - self.w_min) + self.b
        amplitude = np.where(up, self.a_up, self.a_down)
        power = np.where(up, self.gamma_up, -self.gamma_down) * z
        return size * np.maximum(1 - amplitude * np.exp(power), 0.0)

    def pulse(
        self,
        w: npt.ArrayLike,
        up: npt.ArrayLike,
        *,
        count: int = 1,
        xi: npt.ArrayLike = 0.0,
        gain: npt.ArrayLike = 1.0,
        bounds: tuple[Floats, Floats] | None = None,
    ) -> Floats:
        """State after ``count`` pulses.

        Parameters
        ----------
        w : array
            State, ``w_min``..``w_max``.
        up : array of bool
            Which way; shape of ``w`` or one for all.
        count : int
            0 or more.
        xi : array
            Standard normal numbers, broadcast to (count, \\*w.shape); 0 for the mean device.
        gain : array
            What the steps of each device are multiplied by, 0 or more.
        bounds : tuple of array, optional
            Least and largest state of each device.

        Raises
        ------
        ValueError
            If a state is out of bounds, or a device that moves one way only is to go down.
        """
        least, most = bounds or (np.float64(self.w_min), np.float64(self.w_max))
        w = in_range("w", w, float(np.min(least)), float(np.max(most)))
        gain = in_range("gain", gain, 0.0, 100.0)
        up = np.asarray(up, dtype=np.bool_)
        if self.one_way and not up.all():
            raise ValueError("this device moves one way only; take pairs of it (PcmPair)")
        if count < 0:
            raise ValueError(f"count must be 0 or more, not {count!r}")
        noise = np.broadcast_to(in_range("xi", xi, -100, 100), (count, *w.shape))
        sign = np.where(up, 1.0, -1.0)
        for draw in noise:
            w = w + sign * gain * self.step(w, up, bounds) * (1 + self.c2c * draw)
            w = np.clip(w, least, most)
        return w

    def symmetry_point(self) -> float:
        """Where a pulse up and one down cancel, for soft bounds (ValueError for other models)."""
        if self.model != "soft":
            raise ValueError(f"the symmetry point is known for soft bounds, not for {self.model!r}")
        up, down = 1 + self.up_down, 1 - self.up_down
        return (up - down) / (up / self.w_max - down / self.w_min)


def _aihwkit(reference: str) -> Source:
    return Source(reference, "measured", "fit in aihwkit, presets/devices.py")


_GONG = _aihwkit("Gong et al. 2018, Nat. Commun. 9, 2102")
_ARRAYS = _aihwkit("Gong, Rasch et al. 2022, IEDM")
_ECRAM = _aihwkit("Tang et al. 2018, IEDM")
_GOKMEN = Source("Gokmen and Vlasov 2016, Front. Neurosci. 10, 333", "assumed", "specification")

PRESETS: Mapping[str, PulsedDevice] = {
    "reram_es": PulsedDevice(
        model="exp", dw_min=0.00135, up_down=0.259359, d2d=0.2, c2c=5.0, bounds_d2d=(0.3, 0.3),
        write_noise=75, a=-0.5, b=-0.5, gamma_up=5, gamma_down=5, a_up=-1.18445, a_down=-0.081404,
        source=_GONG,
    ),
    "reram_sb": PulsedDevice(
        model="soft", dw_min=0.002, w_max=1.25, w_min=-0.75, d2d=0.3, c2c=3.75,
        bounds_d2d=(0.24, 0.4), write_noise=56, source=_GONG,
    ),
    "reram_array_om": PulsedDevice(
        model="soft", dw_min=0.0949, d2d=0.7829, c2c=0.4158, bounds_d2d=(0.3499, 0.5695),
        write_noise=1.4113, source=_ARRAYS,
    ),
    "reram_array_hfo2": PulsedDevice(
        model="soft", dw_min=0.4622, d2d=0.7125, c2c=0.2174, bounds_d2d=(0.4295, 0.5990),
        write_noise=0.5841, source=_ARRAYS,
    ),
    "ecram": PulsedDevice(
        model="linear", dw_min=0.002, w_max=1.17, w_min=-0.83, d2d=0.1, c2c=0.3,
        bounds_d2d=(0.05, 0.05), gamma_up=0.1153, gamma_down=0.5085, source=_ECRAM,
    ),
    "ecram_mo": PulsedDevice(
        model="linear", dw_min=2.82e-4, w_max=1.17, w_min=-0.83, d2d=0.1, c2c=2.0,
        bounds_d2d=(0.05, 0.05), gamma_up=0.4152, gamma_down=0.7342, source=_ECRAM,
    ),
    "gokmen_vlasov": PulsedDevice(
        model="constant", dw_min=0.0016, d2d=0.3, c2c=0.3, bounds_d2d=(0.3, 0.3), source=_GOKMEN,
    ),
    "idealized": PulsedDevice(
        model="constant", dw_min=0.0002, d2d=0.3, c2c=0.3, bounds_d2d=(0.3, 0.3), source=_GOKMEN,
    ),
    "pcm_nandakumar2020": PulsedDevice(
        model="exp", dw_min=0.01, w_min=0.0, w_max=2.0, a=-1, b=0, gamma_up=2.5, gamma_down=2.5,
        a_up=-27.235, a_down=-2.235, d2d=0.2, bounds_d2d=(0.1, 0.0), c2c=0.6, one_way=True,
        source=_aihwkit("Nandakumar et al. 2020, Front. Neurosci. 14, 406"),
    ),
}  # fmt: skip
