"""Spikes in, spikes and membranes out, as .npz files that any tool can read."""

import json
import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hubel.hdl.counters import Counters
from hubel.hdl.program import Program
from hubel.sim.golden import Trace

from .digits import FULL_SCALE, load_digits
from .encode import encode
from .event_spikes import is_recording, load_recordings
from .nir_data import read_nir_data
from .npz import atomic_file
from .relays import relay_names

#: In place of a file name: the test images of the digits.
DIGITS = "digits"

Inputs = tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64] | None]


def load_inputs(
    name: str | os.PathLike[str],
    *,
    steps: int,
    images: int | None = None,
    bin_us: int = 1000,
    shape: tuple[int, int, int] | None = None,
) -> Inputs:
    """Input spikes of shape (samples, steps, inputs), and the true classes where they are known.

    Parameters
    ----------
    name : path, or "digits"
        An .npz file with an array ``spikes`` of 0 and 1 and, if known, ``labels`` of shape
        (samples,); a recording of an event camera, or a folder of them, see
        :func:`.event_spikes.load_recordings`; a .nir file of NIR data, see
        :func:`.nir_data.read_nir_data`; or the 360 test images of the digits, encoded to ``steps``
        steps.
    steps : int
        Steps of a digit, 1 or more; a file has its own.
    images : int, optional
        Use only the first ``images`` samples, 1 or more.
    bin_us : int
        Microseconds a step of a recording or of NIR data, 1 or more.
    shape : tuple of int, optional
        (2, height, width) of a recording's inputs: polarity, y, x. Without it, the sensor's, or
        the fewest pixels that hold all events if the file does not say.

    Raises
    ------
    FileNotFoundError, ValueError
        If the file is missing, damaged or something else, or a number is out of range.
    ImportError
        If the format of a recording needs a package that is not installed.
    """
    if images is not None and images < 1:
        raise ValueError(f"images must be 1 or more, not {images}")
    if str(name) == DIGITS:
        digits = load_digits()
        labels = digits.test_labels[:images]
        return encode(digits.test_images[:images], steps, FULL_SCALE), labels
    path = Path(name)
    if not path.exists():
        raise FileNotFoundError(
            f"{path}: there is no such file; give an .npz file with an array 'spikes', or 'digits'"
        )
    if is_recording(path):
        return load_recordings(path, bin_us=bin_us, shape=shape, images=images)
    if path.suffix == ".nir":
        return read_nir_data(path, dt=bin_us * 1e-6)[:images], None
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in ("spikes", "labels") if key in archive.files}
    except Exception:
        # A damaged archive raises whatever its first bad byte leads to, in numpy's words.
        raise ValueError(f"{path}: not a readable .npz file; save it again") from None
    if "spikes" not in arrays:
        raise ValueError(
            f"{path}: has no array 'spikes'; save it with np.savez(path, spikes=array of 0 and 1, "
            f"shape (samples, steps, inputs))"
        )
    spikes, labels = arrays["spikes"], arrays.get("labels")
    if spikes.ndim != 3 or spikes.dtype.kind not in "bui" or not np.isin(spikes, (0, 1)).all():
        raise ValueError(
            f"{path}: 'spikes' must be 0 or 1, of shape (samples, steps, inputs), "
            f"not {spikes.dtype} of shape {spikes.shape}"
        )
    if 0 in spikes.shape:
        raise ValueError(
            f"{path}: 'spikes' have shape {spikes.shape}; at least 1 sample, 1 step and 1 input "
            f"are needed"
        )
    if labels is not None and labels.shape != spikes.shape[:1]:
        raise ValueError(
            f"{path}: 'labels' must have shape ({spikes.shape[0]},), not {labels.shape}"
        )
    if labels is not None and labels.dtype.kind not in "iu":
        raise ValueError(f"{path}: 'labels' must be integers, not {labels.dtype}")
    return spikes[:images].astype(np.bool_), None if labels is None else labels[:images]


def save_inputs(
    path: str | os.PathLike[str],
    spikes: npt.NDArray[np.bool_],
    labels: npt.NDArray[np.int64] | None = None,
) -> None:
    """Save what :func:`load_inputs` loads, atomically."""
    arrays = {"spikes": spikes} if labels is None else {"spikes": spikes, "labels": labels}
    with atomic_file(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def save_trace(
    path: str | os.PathLike[str], program: Program, trace: Trace, *, backend: str, seconds: float
) -> None:
    """Save a run, atomically: arrays ``spikes.<population>`` and ``membrane.<population>`` of
    shape (samples, steps, neurons), of populations that have them ``current.<population>`` and
    ``adaptation.<population>`` too, and JSON texts ``counters`` and ``timing``. Relays of delays
    are left out."""
    arrays: dict[str, npt.NDArray] = {}
    relays = relay_names(program)
    kinds = {
        "spikes": trace.spikes,
        "membrane": trace.membrane,
        "current": trace.current,
        "adaptation": trace.adaptation,
    }
    for kind, of_populations in kinds.items():
        for population, array in zip(program.populations, of_populations or (), strict=False):
            if array is not None and population.name not in relays:
                arrays[f"{kind}.{population.name}"] = array
    timing = {"backend": backend, "seconds": seconds, "cycles": trace.cycles}
    arrays["counters"] = np.array(json.dumps(trace.counters.total()))
    arrays["timing"] = np.array(json.dumps(timing))
    with atomic_file(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def load_trace(path: str | os.PathLike[str]) -> tuple[tuple[str, ...], Trace]:
    """Load what :func:`save_trace` saved: the names of the populations, and the run, whose
    counters are totals.

    Raises
    ------
    FileNotFoundError, ValueError
        If the file is missing, damaged or something else.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: there is no such file; `hubel run` writes one")
    mend = "give a file that `hubel run` wrote"
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        totals = json.loads(str(arrays["counters"]))
        counters = Counters(**{name: np.array([int(n)]) for name, n in totals.items()})
        cycles = json.loads(str(arrays["timing"]))["cycles"]
    except Exception:
        # A damaged archive raises whatever its first bad byte leads to, in numpy's words.
        raise ValueError(f"{path}: not a readable run; {mend}") from None
    prefix = "spikes."
    names = tuple(key.removeprefix(prefix) for key in arrays if key.startswith(prefix))
    if not names or any(arrays[prefix + name].ndim != 3 for name in names):
        raise ValueError(f"{path}: has no spikes of shape (samples, steps, neurons); {mend}")

    def states(kind: str) -> tuple[npt.NDArray | None, ...]:
        return tuple(arrays.get(f"{kind}.{name}") for name in names)

    membrane = [array for array in states("membrane") if array is not None]
    return names, Trace(
        spikes=tuple(arrays[prefix + name] for name in names),
        membrane=tuple(membrane) if len(membrane) == len(names) else None,
        current=states("current"),
        adaptation=states("adaptation"),
        counters=counters,
        cycles=cycles,
    )
