"""Numbers from outside: finite and in range, or one line that says which are not."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt


def in_range(
    name: str, values: npt.ArrayLike, low: float, high: float, unit: str = "", hint: str = ""
) -> npt.NDArray[np.float64]:
    """``values`` as float64, each finite and in ``low``..``high`` (both included).

    Raises
    ------
    ValueError
        If some are not numbers, not finite or out of range; the message has the numbers, and
        ends with ``hint``.
    """
    try:
        array = np.asarray(values)
        if array.dtype.kind not in "biuf":
            raise TypeError
        array = array.astype(np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be real numbers, not {values!r:.60}") from None
    tail = f"; {hint}" if hint else ""
    if not np.isfinite(array).all():
        count = np.count_nonzero(~np.isfinite(array))
        raise ValueError(f"{name}: {count} of {array.size} values are NaN or infinite{tail}")
    if array.size and not (low <= array.min() and array.max() <= high):
        text = f" {unit}" if unit else ""
        found = f"{array.min():g}" + (f"..{array.max():g}" if array.ndim else "")
        raise ValueError(f"{name} must be in {low:g}..{high:g}{text}, not {found}{tail}")
    return array


def number(name: str, value: Any, low: float, high: float = math.inf, unit: str = "") -> float:
    """One finite number in ``low``..``high``, or ValueError."""
    array = in_range(name, value, low, high, unit)
    if array.ndim:
        raise ValueError(f"{name} must be one number, not an array of shape {array.shape}")
    return float(array)


def positive(name: str, value: Any, unit: str = "") -> float:
    """One finite number above 0, or ValueError."""
    checked = number(name, value, -math.inf, unit=unit)
    if checked <= 0:
        text = f" {unit}" if unit else ""
        raise ValueError(f"{name} must be above 0{text}, not {checked:g}")
    return checked


def choice(name: str, value: str, known: tuple[str, ...]) -> str:
    """``value`` if it is one of ``known``, or ValueError that lists them."""
    if value not in known:
        raise ValueError(f"{name} must be one of {', '.join(known)}, not {value!r}")
    return value
