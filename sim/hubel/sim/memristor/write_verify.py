"""Programming with verify: pulse, read, and pulse again until the read is inside a band.

The read that verifies is noisy, so that a device outside the band can pass (a false trigger) and
one inside can be pulsed away from its target.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from .device import Device
from .random import Purpose, Where

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: ``land(devices, aims, moves)``: see :func:`write_verify`.
Land = Callable[[Ints, Floats, Floats], Floats]

#: Events of pulses of one programming.
MOST_PULSES = 1 << 16


@dataclass(frozen=True, kw_only=True)
class WriteVerify:
    """How devices are programmed.

    Parameters
    ----------
    tolerance : float
        Half of the band around the target, uS.
    pulses : int
        Most pulses of a device; one that is still outside then has failed.
    policy : str
        ``"memoryless"``: each pulse resets the device and lands anew, with the device's sigma of
        programming. ``"incremental"``: the first one does, and each later one moves the device by
        the error that was read, with the relative scatter ``scatter``; the sign of the error gives
        the polarity, every time.
    scatter : float
        Of an incremental pulse, relative to what it should move.
    read_sigma : float, optional
        Noise of a verify read, uS; the device's own by default.
    """

    tolerance: float
    pulses: int = 20
    policy: Literal["memoryless", "incremental"] = "memoryless"
    scatter: float = 0.3
    read_sigma: float | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.tolerance) and self.tolerance > 0):
            raise ValueError(f"tolerance must be above 0 uS, not {self.tolerance!r}")
        if not 1 <= self.pulses < MOST_PULSES:
            raise ValueError(f"pulses must be in 1..{MOST_PULSES - 1}, not {self.pulses!r}")
        if self.policy not in ("memoryless", "incremental"):
            raise ValueError(f"policy must be 'memoryless' or 'incremental', not {self.policy!r}")
        for name in ("scatter", "read_sigma"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{name} must be 0 or more, not {value!r}")

    def check(self, device: Device, targets: Floats) -> None:
        """ValueError if a verify read of ``targets`` is noisier than the band is wide."""
        if not targets.size:
            return
        worst = self.read_sigma
        if worst is None:
            worst = float(device.verify_sigma(targets).max())
        if self.tolerance < worst:
            raise ValueError(
                f"{device.name}: a tolerance of {self.tolerance:g} uS is below the read noise of "
                f"{worst:g} uS, so that chance decides; widen the band or average the read"
            )


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome:
    """What programming came to: per device, flattened row by row.

    ``stored`` conductances, uS; ``pulses``, with a reset and a set of a memoryless try as one;
    ``failed`` devices; and counts and joules of set pulses, reset pulses and verify reads.
    """

    stored: Floats
    pulses: npt.NDArray[np.int32]
    failed: npt.NDArray[np.bool_]
    sets: tuple[int, float]
    resets: tuple[int, float]
    reads: tuple[int, float]


class _Tally:
    def __init__(self) -> None:
        self.count, self.joules = 0, 0.0

    def add(self, energies: Floats) -> None:
        self.count += len(energies)
        self.joules += float(energies.sum())

    def both(self) -> tuple[int, float]:
        return self.count, self.joules


def write_verify(
    how: WriteVerify,
    device: Device,
    where: Where,
    targets: Floats,
    start: Floats,
    land: Land,
    sigma: Floats,
    *,
    event: int = 0,
) -> Outcome:
    """Program devices to ``targets``.

    Parameters
    ----------
    how, device, where
        ``where`` keys the random numbers.
    targets, start, sigma : array of float, shape (rows * columns,)
        Conductances wanted and before, and sigma of a pulse that lands anew, uS.
    land : callable
        ``land(devices, aims, moves)``: conductances of ``devices`` (numbers) after pulses that
        would bring ideal ones to ``aims + moves``.
    event : int
        Number of the programming, 0..65535.
    """
    how.check(device, targets)
    if not 0 <= event < MOST_PULSES:
        raise ValueError(f"a programming event must be in 0..{MOST_PULSES - 1}, not {event!r}")
    g = start.copy()
    pulses = np.zeros(len(g), dtype=np.int32)
    sets, resets, reads = _Tally(), _Tally(), _Tally()
    pending = np.arange(len(g))
    seen = np.empty(0)
    normals = np.empty((4, 0))
    for pulse in range(how.pulses):
        # Four numbers a device serve two pulses and their verify reads.
        if pulse % 2 == 0:
            normals = where.normals_of(pending, Purpose.PULSE, event * MOST_PULSES + pulse // 2)
        xi, verify_xi = normals[2 * (pulse % 2)], normals[2 * (pulse % 2) + 1]
        aims, before = targets[pending], g[pending]
        if pulse == 0 or how.policy == "memoryless":
            after = land(pending, aims, sigma[pending] * xi)
            low = np.full_like(after, device.g_min)
            resets.add(device.reset_pulse.energy(before, low))
            sets.add(device.set_pulse.energy(low, after))
        else:
            move = (aims - seen) * (1 + how.scatter * xi)
            after = land(pending, before, move)
            up = aims > seen
            sets.add(device.set_pulse.energy(before[up], after[up]))
            resets.add(device.reset_pulse.energy(before[~up], after[~up]))
        g[pending] = after
        pulses[pending] += 1
        noise = device.verify_sigma(after) if how.read_sigma is None else how.read_sigma
        seen = np.maximum(after + noise * verify_xi, 0.0)
        reads.add(device.read_pulse.energy(after))
        outside = np.abs(seen - aims) > how.tolerance
        pending, seen, normals = pending[outside], seen[outside], normals[:, outside]
        if not len(pending):
            break
    failed = np.zeros(len(g), dtype=np.bool_)
    failed[pending] = True
    return Outcome(
        stored=g,
        pulses=pulses,
        failed=failed,
        sets=sets.both(),
        resets=resets.both(),
        reads=reads.both(),
    )
