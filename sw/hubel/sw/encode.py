"""Numbers become spikes in integrate-and-fire encoders; nothing is ever multiplied."""

import numpy as np
import numpy.typing as npt


def encode(values: npt.ArrayLike, steps: int, full_scale: int) -> npt.NDArray[np.bool_]:
    """Spikes at a rate of ``value / full_scale`` a step, evenly spaced, the same every time.

    Each value drives one encoder in integers: ``v`` starts at ``full_scale // 2``; a step adds
    the value, and if ``v > full_scale``, the encoder spikes and ``v`` falls by ``full_scale``. The
    spikes up to any step differ by at most one from ``steps * value / full_scale``.

    Parameters
    ----------
    values : array of whole numbers, shape (samples, inputs)
        0..``full_scale``; a value of ``full_scale`` spikes every step.
    steps : int
        Steps of a sample, 1 or more.
    full_scale : int
        Largest value, 1 or more; 16 for the digits.

    Returns
    -------
    spikes : array of bool, shape (samples, steps, inputs)

    Raises
    ------
    ValueError
        If ``steps`` or ``full_scale`` is less than 1, or ``values`` have the wrong shape, are not
        whole numbers or are out of range; the message has the numbers.
    """
    if steps < 1:
        raise ValueError(f"steps must be 1 or more, not {steps!r}")
    if full_scale < 1:
        raise ValueError(f"full_scale must be 1 or more, not {full_scale!r}")
    array = np.asarray(values)
    if array.ndim != 2:
        raise ValueError(f"values must have shape (samples, inputs), not {array.shape}")
    if array.dtype.kind not in "iuf":
        raise ValueError(f"values must be numbers, not {array.dtype}")
    if not np.isfinite(array).all():
        raise ValueError(f"{np.count_nonzero(~np.isfinite(array))} values are NaN or infinite")
    if array.size and not (0 <= array.min() and array.max() <= full_scale):
        raise ValueError(f"values must be in 0..{full_scale}, not {array.min()}..{array.max()}")
    x = array.astype(np.int64)
    if (x != array).any():
        raise ValueError(
            f"{np.count_nonzero(x != array)} values are not whole; scale them to 0..{full_scale} "
            f"and round"
        )
    v = np.full(x.shape, full_scale // 2, dtype=np.int64)
    spikes = np.empty((x.shape[0], steps, x.shape[1]), dtype=np.bool_)
    for step in range(steps):
        v += x
        spikes[:, step] = v > full_scale
        v -= full_scale * spikes[:, step]
    return spikes
