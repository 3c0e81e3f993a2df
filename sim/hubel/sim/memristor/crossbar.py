"""Synapses in a crossbar: signed integers as pairs of devices, and the integers that are read back.

Weight w of row r and column c is the difference of devices (r, 2c) and (r, 2c + 1): one of them
holds |w| times the unit above g_min, the other g_min. The unit is (g_max - g_min) divided by the
largest |w| of the array, uS.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from .adc import FINE, Adc, integer_gain, scaled
from .compensation import Scope, alpha
from .device_array import ArrayParams, DeviceArray, program_array
from .energy import YAO_2020, Entry, Ledger, Periphery
from .ir_drop import LEAST_ON, effective_conductances
from .random import Where

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class SynapseParams:
    """Parameters of synapses.

    Parameters
    ----------
    array : ArrayParams
        The devices.
    weight_width : int
        Bits of a weight that the core takes: 2, 4 or 8.
    tile : tuple of int
        Rows and device columns of a tile: wires, drivers and converters end there.
    wire_resistance : float
        Of a segment of wire between neighbouring devices of a tile, ohm; a read of one row at a
        time sees what :func:`.ir_drop.effective_conductances` leaves of them.
    adc : Adc
        Digitises a pair; more bits than matter by default.
    periphery : Periphery
    """

    array: ArrayParams
    weight_width: int = 8
    tile: tuple[int, int] = (128, 128)
    wire_resistance: float = 0.0
    adc: Adc = FINE
    periphery: Periphery = YAO_2020

    def __post_init__(self) -> None:
        if self.weight_width not in (2, 4, 8):
            raise ValueError(f"weight_width must be 2, 4 or 8, not {self.weight_width!r}")
        if self.tile[0] < 1 or self.tile[1] < 2 or self.tile[1] % 2:
            raise ValueError(f"a tile needs 1 row and 2, 4, 6... device columns, not {self.tile}")
        if not (math.isfinite(self.wire_resistance) and self.wire_resistance >= 0):
            raise ValueError(f"wire_resistance must be 0 ohm or more, not {self.wire_resistance!r}")


@dataclass(frozen=True, kw_only=True, eq=False)
class SynapseArray:
    """Programmed synapses.

    Parameters
    ----------
    params : SynapseParams
    weights : array of int, shape (rows, columns)
        What was to be programmed.
    unit : float
        Conductance of a weight of 1, uS.
    devices : DeviceArray
        Two a weight, side by side.
    event : int
        Number of the programming; a refresh is the next one.
    """

    params: SynapseParams
    weights: Ints
    unit: float
    devices: DeviceArray
    event: int = 0

    @property
    def ledger(self) -> Ledger:
        """Joules of the last programming: its pulses and verify reads, a conversion for each of
        these, and the line drivers of each pulse and read."""
        entries = self.devices.ledger.entries
        reads = sum(e.count for e in entries if e.name.endswith("verify reads"))
        pulses = sum(e.count for e in entries if e.name.endswith("pulses"))
        return self.devices.ledger + self.params.periphery.reads(reads, pulses + reads)

    def read_ledger(self, time: float = 0.0) -> Ledger:
        """Joules of one read of all weights at ``time``: devices, converters and line drivers."""
        pulse = self.params.array.device.read_pulse
        g = self.devices.at(time)
        entry = Entry(
            name="reads",
            place="array",
            count=g.size,
            joules=float(pulse.energy(g).sum()),
            source=pulse.source,
        )
        across = -(-g.shape[1] // self.params.tile[1])
        return Ledger((entry,)) + self.params.periphery.reads(self.weights.size, len(g) * across)

    def weights_real(self, time: float = 0.0, *, event: int = 0) -> Floats:
        """What read number ``event`` at ``time`` finds of each weight before it is digitised."""
        g = self.devices.read(time, event=event)
        if self.params.wire_resistance:
            g = self._behind_wires(g)
        return (g[:, 0::2] - g[:, 1::2]) / self.unit

    def _behind_wires(self, g: Floats) -> Floats:
        """What the terminals of each tile see of ``g`` uS."""
        rows, columns = self.params.tile
        seen = g.copy()
        for r in range(0, g.shape[0], rows):
            for c in range(0, g.shape[1], columns):
                tile = np.s_[r : r + rows, c : c + columns]
                # Below, next to no current flows, and wires take nothing of it.
                if g[tile].max() >= LEAST_ON:
                    seen[tile] = effective_conductances(g[tile], self.params.wire_resistance)
        return seen

    def weights_int(
        self,
        time: float = 0.0,
        *,
        adc: Adc | None = None,
        event: int = 0,
        compensation: Scope = "none",
    ) -> Ints:
        """The weights that the core takes at ``time``, of shape (rows, columns).

        Parameters
        ----------
        time : float
            Seconds since the last programming.
        adc : Adc, optional
            Another one than the array's.
        event : int
            Number of the read; the same number sees the same noise.
        compensation : str
            ``"none"``, ``"global"``, or by ``"column"``: a gain from what a read at 0 s found.

        Raises
        ------
        ValueError
            If ``time`` is before programming or beyond the data of the device.
        """
        adc, width = adc or self.params.adc, self.params.weight_width
        real = self.weights_real(time, event=event)
        codes = adc.codes(real, width)
        gain = np.asarray(adc.lsb(width))
        if compensation != "none":
            first = adc.codes(self.weights_real(0.0, event=event), width)
            gain = gain * alpha(first * adc.lsb(width), codes * adc.lsb(width), compensation)
        return scaled(codes, integer_gain(gain), width)

    def refreshed(self, time: float) -> "SynapseArray":
        """The same devices, programmed again at ``time``; time starts anew, and so do the errors
        of programming."""
        targets = pair_targets(self.weights, self.unit, self.params.array.device.g_min)
        devices = program_array(
            self.params.array, targets, self.devices.where, event=self.event + 1,
            before=self.devices, time=time,
        )  # fmt: skip
        return replace(self, devices=devices, event=self.event + 1)


def program_synapses(
    params: SynapseParams,
    weights: npt.ArrayLike,
    *,
    seed: int = 0,
    array: int = 0,
    origin: tuple[int, int] = (0, 0),
    largest: int | None = None,
) -> SynapseArray:
    """Program signed integer ``weights`` of shape (rows, columns).

    Parameters
    ----------
    params : SynapseParams
    weights : array of int
        In the range of ``params.weight_width`` bits.
    seed, array : int
        What the devices' random numbers are keyed by.
    origin : tuple of int
        Row and column of the first weight, for a part of a larger array.
    largest : int, optional
        The |w| that is g_max; that of ``weights`` by default. A part of an array needs the whole's.

    Raises
    ------
    ValueError
        If a weight is out of range, or no integer.
    """
    wanted = np.asarray(weights)
    half = 1 << (params.weight_width - 1)
    if wanted.ndim != 2 or not wanted.size:
        raise ValueError(f"weights must have shape (rows, columns), not {wanted.shape}")
    if wanted.dtype.kind not in "iu":
        raise ValueError(f"weights must be integers, not {wanted.dtype}")
    if not (-half <= wanted.min() and wanted.max() < half):
        raise ValueError(
            f"weights must be in {-half}..{half - 1}, not {wanted.min()}..{wanted.max()}"
        )
    wanted = wanted.astype(np.int64)
    most = int(np.abs(wanted).max())
    largest = max(most, 1) if largest is None else largest
    if largest < max(most, 1):
        raise ValueError(f"largest is {largest}, but there is a weight of {most}")
    device = params.array.device
    unit = (device.g_max - device.g_min) / largest
    where = Where(
        rows=wanted.shape[0],
        columns=2 * wanted.shape[1],
        seed=seed,
        array=array,
        row=origin[0],
        column=2 * origin[1],
    )
    targets = pair_targets(wanted, unit, device.g_min)
    devices = program_array(params.array, targets, where)
    return SynapseArray(params=params, weights=wanted, unit=unit, devices=devices)


def pair_targets(weights: Ints, unit: float, g_min: float) -> Floats:
    """Conductances of the pairs, of shape (rows, 2 * columns), uS."""
    targets = np.empty((weights.shape[0], 2 * weights.shape[1]))
    targets[:, 0::2] = g_min + np.maximum(weights, 0) * unit
    targets[:, 1::2] = g_min + np.maximum(-weights, 0) * unit
    return targets
