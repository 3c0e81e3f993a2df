"""Devices in rows and columns: programmed once, then read at any time."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .device import Cells, Device
from .energy import Entry, Ledger
from .layers import Layer
from .random import Purpose, Where
from .write_verify import MOST_PULSES, Outcome, WriteVerify, write_verify

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

#: Devices that are read at once. One thread is fastest: the steps are too short for several, which
#: took 1.5 to 2 times as long by the clock on two idle cores.
_CHUNK = 1 << 15


@dataclass(frozen=True, kw_only=True, eq=False)
class ArrayParams:
    """Parameters of an array.

    Parameters
    ----------
    device : Device
    layers : tuple of Layer
        Non-idealities beside the device's own; those of one point act in their order.
    write : WriteVerify, optional
        How devices are programmed. Without it each gets one reset and one set, and lands with the
        sigma that was published for its whole programming.
    """

    device: Device
    layers: tuple[Layer, ...] = ()
    write: WriteVerify | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class DeviceArray:
    """Programmed devices; all arrays have shape (rows, columns), conductances are in uS.

    Parameters
    ----------
    params, where
        What they are, and what their random numbers are keyed by.
    cells : Cells
        What each holds.
    pinned : tuple of array, optional
        Devices that are stuck, and what they are.
    pulses, failed : array of int, array of bool
        Pulses that each took, and which ones did not get into the band of a verify.
    ledger : Ledger
        Joules of programming.
    """

    params: ArrayParams
    where: Where
    cells: Cells
    pinned: tuple[Bools, Floats] | None
    pulses: npt.NDArray[np.int32]
    failed: Bools
    ledger: Ledger

    def at(self, time: float) -> Floats:
        """Conductances at ``time`` without the noise of a read: one history a device.

        Raises
        ------
        ValueError
            If ``time`` is before programming or beyond the data of the device.
        """
        self.params.device.check_time(time)
        return self._by_rows(lambda some: self._aged(some, time))

    def read(self, time: float = 0.0, *, event: int = 0) -> Floats:
        """What read number ``event`` at ``time`` sees; the same event sees the same noise."""
        self.params.device.check_time(time)
        return self._by_rows(lambda some: self._read(some, time, event))

    def _by_rows(self, values: Callable[[slice], Floats]) -> Floats:
        """``values`` of some rows at a time, which stay in the cache."""
        rows, columns = self.where.shape
        at_once = max(1, _CHUNK // columns)
        parts = [slice(i, min(i + at_once, rows)) for i in range(0, rows, at_once)]
        if len(parts) == 1:
            return values(parts[0])
        result = np.empty(self.where.shape)
        for some in parts:
            result[some] = values(some)
        return result

    def _aged(self, some: slice, time: float) -> Floats:
        g = self.params.device.aged(self.cells.rows(some), time)
        for layer in self.params.layers:
            g = layer.aged(g, time)
        if self.pinned is not None:
            g = np.where(self.pinned[0][some], self.pinned[1][some], g)
        return g

    def _read(self, some: slice, time: float, event: int) -> Floats:
        g, where = self._aged(some, time), self.where.part(some)
        sigma = self.params.device.read_sigma(self.cells.rows(some), g, time)
        if sigma is not None:
            # In place, because most of the time goes into memory.
            sigma *= where.normal(Purpose.READ, event)
            sigma += g
            g = np.maximum(sigma, 0.0, out=sigma)
        for layer in self.params.layers:
            g = layer.read(g, where, event)
        return g


def program_array(
    params: ArrayParams,
    targets: npt.ArrayLike,
    where: Where | None = None,
    *,
    event: int = 0,
    before: DeviceArray | None = None,
    time: float = 0.0,
) -> DeviceArray:
    """Program devices to ``targets``, an array of shape (rows, columns) in uS.

    Parameters
    ----------
    params : ArrayParams
    targets : array of float
        From g_min to g_max.
    where : Where, optional
        Its rows and columns are those of ``targets``.
    event : int
        Number of the programming of these devices, 0..65535: each draws its own errors.
    before, time
        What they were, and when, for the energy of the first pulse, which the ledger then calls a
        refresh; g_min by default.

    Raises
    ------
    ValueError
        If a target is out of range or no number, or the band of a verify is below its noise.
    """
    device = params.device
    wanted = device.check_targets(targets)
    if wanted.ndim != 2 or not wanted.size:
        raise ValueError(f"targets must have shape (rows, columns), not {wanted.shape}")
    where = where or Where(rows=wanted.shape[0], columns=wanted.shape[1])
    if wanted.shape != where.shape:
        raise ValueError(f"{wanted.shape} targets do not go with {where.shape} devices")
    if not 0 <= event < MOST_PULSES:
        raise ValueError(f"a programming event must be in 0..{MOST_PULSES - 1}, not {event!r}")
    for layer in params.layers:
        wanted = layer.target(wanted, device)
    fixed = _Fixed(params, where)
    start = np.full(where.shape, device.g_min) if before is None else before.at(time)
    sigma = _sigma(params, wanted)
    if params.write is None:
        outcome = _one_shot(device, where, wanted, start, fixed, sigma, event)
    else:
        outcome = write_verify(
            params.write, device, where, wanted.ravel(), start.ravel(), fixed.land,
            sigma.ravel(), event=event,
        )  # fmt: skip
    xi = where.normal(Purpose.RETENTION, event)
    return DeviceArray(
        params=params,
        where=where,
        cells=device.cells(wanted, outcome.stored.reshape(where.shape), xi),
        pinned=fixed.pinned,
        pulses=outcome.pulses.reshape(where.shape),
        failed=outcome.failed.reshape(where.shape),
        ledger=_ledger(device, outcome, "refresh: " if before is not None else ""),
    )


def _sigma(params: ArrayParams, wanted: Floats) -> Floats:
    """Of a pulse that lands anew, uS."""
    sigma = params.device.program_sigma(wanted)
    for layer in params.layers:
        if (more := layer.cycle_sigma(wanted)) is not None:
            sigma = np.hypot(sigma, more)
    return sigma


class _Fixed:
    """What the layers fix for each device."""

    def __init__(self, params: ArrayParams, where: Where):
        self.device = params.device
        self.gain: Floats | None = None
        self.windows: list[tuple[Floats, Floats]] = []
        self.pinned: tuple[Bools, Floats] | None = None
        for layer in params.layers:
            if (gain := layer.gain(where)) is not None:
                self.gain = gain if self.gain is None else self.gain * gain
            if (window := layer.window(where, params.device)) is not None:
                self.windows.append((window[0].ravel(), window[1].ravel()))
            if (pins := layer.pinned(where, params.device)) is not None:
                # The first layer that sticks a device keeps it.
                if self.pinned is not None:
                    stuck, values = self.pinned
                    pins = (stuck | pins[0], np.where(stuck, values, pins[1]))
                self.pinned = pins
        if self.gain is not None:
            self.gain = self.gain.ravel()
        if self.pinned is not None:
            self._stuck, self._values = (x.ravel() for x in self.pinned)

    def land(self, devices: npt.NDArray[np.int64], aims: Floats, moves: Floats) -> Floats:
        """Where devices land that would be at ``aims + moves``, were they alike."""
        g = aims if self.gain is None else aims * self.gain[devices]
        g = self.device.clamp(g + moves)
        for low, high in self.windows:
            g = np.clip(g, low[devices], high[devices])
        if self.pinned is not None:
            g = np.where(self._stuck[devices], self._values[devices], g)
        return g


def _one_shot(
    device: Device, where: Where, wanted: Floats, start: Floats, fixed: _Fixed, sigma: Floats,
    event: int,
) -> Outcome:  # fmt: skip
    xi = where.normal(Purpose.PROGRAM, event) if sigma.any() else np.zeros(where.shape)
    every = np.arange(wanted.size)
    stored = fixed.land(every, wanted.ravel(), (sigma * xi).ravel())
    low = np.full_like(stored, device.g_min)
    resets, sets = (
        device.reset_pulse.energy(start.ravel(), low),
        device.set_pulse.energy(low, stored),
    )
    return Outcome(
        stored=stored,
        pulses=np.ones(wanted.size, dtype=np.int32),
        failed=np.zeros(wanted.size, dtype=np.bool_),
        sets=(wanted.size, float(sets.sum())),
        resets=(wanted.size, float(resets.sum())),
        reads=(0, 0.0),
    )


def _ledger(device: Device, outcome: Outcome, prefix: str) -> Ledger:
    parts = (
        ("SET pulses", outcome.sets, device.set_pulse.source),
        ("RESET pulses", outcome.resets, device.reset_pulse.source),
        ("verify reads", outcome.reads, device.read_pulse.source),
    )
    return Ledger(
        tuple(
            Entry(name=prefix + name, place="array", count=count, joules=joules, source=source)
            for name, (count, joules), source in parts
            if count
        )
    )
