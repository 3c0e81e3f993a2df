"""Crossbar with wires that have a resistance: exact currents and voltages of every node.

Each word line is driven at its left end, each bit line is held at 0 V at its bottom end, and one
segment of wire lies between neighbouring devices and between a device at the edge and its
terminal. The circuit is linear in the driving voltages, so that a whole tile with its wires is
one matrix of effective conductances.

Kirchhoff's equations are eliminated a bit line at a time. A bit line with its devices is seen
from the word lines as ``S = (I + r G K)^-1 G``, with ``K[i, k]`` the number of segments that the
paths of ``i`` and ``k`` to the ground share; the ladder of bit lines from ``j`` to the right is
``E_j = S_j + (I + r E_j+1)^-1 E_j+1``. Only sums of terms of one sign occur, so that nothing
cancels: wires of 0 ohm give the ideal product exactly.
"""

import numpy as np
import numpy.typing as npt

from .threads import one_thread
from .validate import in_range, number

#: The strongest device of a crossbar conducts between these, in uS; beyond is another unit.
LEAST_ON, MOST_ON = 1e-3, 1e6
#: Ohm to 1/uS.
_MICRO = 1e-6


def _checked(
    conductances: npt.ArrayLike, wire_resistance: float, bit_resistance: float | None
) -> tuple[npt.NDArray[np.float64], float, float]:
    g = in_range("conductances", conductances, 0.0, MOST_ON, "uS", "give microsiemens, not ohms")
    if g.ndim != 2 or not g.size:
        raise ValueError(f"conductances must have shape (rows, columns), not {g.shape}")
    if 0 < g.max() < LEAST_ON:
        raise ValueError(
            f"the largest conductance is {g.max():g} uS, which is no device that conducts; "
            f"give microsiemens, not siemens"
        )
    word = _MICRO * number("wire_resistance", wire_resistance, 0.0, unit="ohm")
    if bit_resistance is None:
        return g, word, word
    return g, word, _MICRO * number("bit_resistance", bit_resistance, 0.0, unit="ohm")


def _columns(g: npt.NDArray[np.float64], bit: float) -> tuple[npt.NDArray, npt.NDArray]:
    """``(I + r K G)^-1`` and ``S`` of every bit line, both of shape (columns, rows, rows)."""
    rows = len(g)
    place = np.arange(rows)
    shared = rows - np.maximum(place[:, None], place)  # segments down to the ground
    loaded = np.eye(rows) + bit * shared * g.T[:, None, :]
    to_device = np.linalg.inv(loaded)  # from word-line voltages to device voltages
    return to_device, g.T[:, :, None] * to_device


def _ladder(seen: npt.NDArray[np.float64], word: float) -> npt.NDArray[np.float64]:
    """``(I + r E_j)^-1`` of every bit line: what is left of the voltages at its left."""
    columns, rows, _ = seen.shape
    passed = np.empty_like(seen)
    behind = np.zeros((rows, rows))
    for column in reversed(range(columns)):
        behind = seen[column] + behind
        passed[column] = np.linalg.inv(np.eye(rows) + word * behind)
        behind = passed[column] @ behind
    return passed


def effective_conductances(
    conductances: npt.ArrayLike, wire_resistance: float, *, bit_resistance: float | None = None
) -> npt.NDArray[np.float64]:
    """What the terminals see: the currents are ``voltages @ effective_conductances(...)``.

    Parameters
    ----------
    conductances : array, shape (rows, columns)
        Devices, in uS, 0..1e6; rows are word lines.
    wire_resistance : float
        Of a segment of a word line, in ohm, 0 or more; of a bit line, too, by default.
    bit_resistance : float, optional
        Of a segment of a bit line, in ohm.

    Returns
    -------
    effective : array of float, shape (rows, columns)
        Current in column ``j`` for 1 V on row ``i`` and 0 V on all other rows, in uS.

    Raises
    ------
    ValueError
        If the shape is wrong, or a number is negative, not finite or not in microsiemens.
    """
    g, word, bit = _checked(conductances, wire_resistance, bit_resistance)
    if g.shape[0] > g.shape[1]:
        # Reciprocity: exchanging drivers and grounds transposes the answer. The cost is
        # columns * rows^3, so the short side should be the rows.
        turned = _effective(np.ascontiguousarray(g.T[::-1, ::-1]), bit, word)
        return np.ascontiguousarray(turned[::-1, ::-1].T)
    return _effective(g, word, bit)


def _effective(g: npt.NDArray[np.float64], word: float, bit: float) -> npt.NDArray[np.float64]:
    with one_thread():
        return _solve(g, word, bit)


def _solve(g: npt.NDArray[np.float64], word: float, bit: float) -> npt.NDArray[np.float64]:
    _, seen = _columns(g, bit)
    passed = _ladder(seen, word)
    effective = np.empty_like(g)
    arriving = np.eye(len(g))
    for column in range(g.shape[1]):
        arriving = passed[column] @ arriving
        effective[:, column] = seen[column].sum(axis=0) @ arriving
    return effective


def column_currents(
    conductances: npt.ArrayLike,
    voltages: npt.ArrayLike,
    wire_resistance: float,
    *,
    bit_resistance: float | None = None,
) -> npt.NDArray[np.float64]:
    """Currents out of the bit lines.

    Parameters
    ----------
    conductances, wire_resistance, bit_resistance
        As in :func:`effective_conductances`.
    voltages : array, shape (..., rows)
        Drive of the word lines, in volts.

    Returns
    -------
    currents : array of float, shape (..., columns)
        In uA.

    Raises
    ------
    ValueError
        As in :func:`effective_conductances`, and if ``voltages`` do not fit.
    """
    drive = _drive(voltages, np.shape(conductances))
    return drive @ effective_conductances(
        conductances, wire_resistance, bit_resistance=bit_resistance
    )


def device_voltages(
    conductances: npt.ArrayLike,
    voltages: npt.ArrayLike,
    wire_resistance: float,
    *,
    bit_resistance: float | None = None,
) -> npt.NDArray[np.float64]:
    """Voltage across every device, of shape (..., rows, columns): what is left of a pulse there.

    Parameters and errors are those of :func:`column_currents`.
    """
    g, word, bit = _checked(conductances, wire_resistance, bit_resistance)
    arriving = _drive(voltages, g.shape)
    to_device, seen = _columns(g, bit)
    passed = _ladder(seen, word)
    across = np.empty((*arriving.shape, g.shape[1]))
    for column in range(g.shape[1]):
        arriving = arriving @ passed[column].T
        across[..., column] = arriving @ to_device[column].T
    return across


def _drive(voltages: npt.ArrayLike, shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
    drive = in_range("voltages", voltages, -100.0, 100.0, "V")
    if len(shape) == 2 and (not drive.ndim or drive.shape[-1] != shape[0]):
        raise ValueError(f"voltages must have shape (..., {shape[0]}), not {drive.shape}")
    return drive
