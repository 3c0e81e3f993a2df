"""Events of a camera as input spikes: one axon a pixel and polarity, one time step a bin."""

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .event_file import FORMATS, Events, read_events

#: Most cells (samples x steps x inputs, a byte each) of an array of spikes that came from a file.
MAX_CELLS = 1 << 31
#: True classes of a folder of recordings: lines of the name of one without suffix, and its class.
LABELS = "labels.txt"

Shape = tuple[int, int, int]


def bin_events(
    events: Events, *, bin_us: int, shape: Shape | None = None, steps: int | None = None
) -> npt.NDArray[np.bool_]:
    """Input spikes of shape (steps, inputs): step ``t // bin_us``, input in C order of ``shape``.

    An input fires at most once a step: ``len(events) - spikes.sum()`` events found that theirs
    had fired. No event is left out.

    Parameters
    ----------
    events : Events
    bin_us : int
        Microseconds a step, 1 or more.
    shape : tuple of int, optional
        (2, height, width): polarity, y, x. Without it, the sensor's.
    steps : int, optional
        1 or more; as many as the last event needs if not given.

    Raises
    ------
    ValueError
        If an event lies outside of ``shape`` or after the last step, there is no event and no
        ``steps``, or the spikes have more than :data:`MAX_CELLS` cells.
    """
    if bin_us < 1:
        raise ValueError(f"bin_us must be 1 or more, not {bin_us}")
    if steps is not None and steps < 1:
        raise ValueError(f"steps must be 1 or more, not {steps}")
    shape = _shape([events]) if shape is None else shape
    if len(shape) != 3 or shape[0] != 2 or min(shape) < 1:
        raise ValueError(f"shape must be (2, height, width), each 1 or more, not {shape}")
    _, height, width = shape
    outside = (events.x >= width) | (events.y >= height) | (events.polarity > 1)
    if outside.any():
        i = int(outside.argmax())
        raise ValueError(
            f"{events.path}: event {i} at x {events.x[i]}, y {events.y[i]}, polarity "
            f"{events.polarity[i]} lies outside of shape {shape}; this recording needs "
            f"{_shape([events])} or more"
        )
    needed = _steps(events, bin_us)
    if steps is None:
        steps = needed
    if needed > steps:
        i = int(np.searchsorted(events.t, steps * bin_us))
        raise ValueError(
            f"{events.path}: event {i} at {events.t[i]} us lies after the last of {steps} steps of "
            f"{bin_us} us; give {needed} steps, or cut the events with until({steps * bin_us})"
        )
    if not steps:
        raise ValueError(f"{events.path}: there is no event; give steps")
    inputs = 2 * height * width
    check_cells(events.path, 1, steps, inputs, "give a longer bin_us, or cut the recording")
    spikes = np.zeros((steps, inputs), dtype=np.bool_)
    row = events.polarity.astype(np.int64) * height + events.y
    spikes[events.t // bin_us, row * width + events.x] = True
    return spikes


def check_cells(path: object, samples: int, steps: int, inputs: int, mend: str) -> None:
    """Raise ValueError with ``mend`` if spikes of this shape have more than :data:`MAX_CELLS`."""
    if samples * steps * inputs > MAX_CELLS:
        raise ValueError(
            f"{path}: {samples} x {steps} x {inputs} spikes (samples, steps, inputs) are "
            f"{samples * steps * inputs}, more than {MAX_CELLS}; {mend}"
        )


def is_recording(path: Path) -> bool:
    """Whether ``path`` is a folder, or has the suffix of a recording."""
    return path.is_dir() or path.suffix.lower() in FORMATS


def load_recordings(
    path: str | os.PathLike[str],
    *,
    bin_us: int,
    shape: Shape | None = None,
    images: int | None = None,
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64] | None]:
    """Input spikes of shape (samples, steps, inputs) of a recording, or of a folder of them.

    All samples have the steps of the longest. The samples of a folder, and their classes, are those
    of its ``labels.txt``, in that order; without it they are in order of name, of unknown class.

    Parameters
    ----------
    path : path
    bin_us, shape
        As in :func:`bin_events`; without ``shape``, the largest sensor of the folder.
    images : int, optional
        Read only the first ``images`` recordings.

    Returns
    -------
    spikes, labels : bool array, int64 array of shape (samples,) or None

    Raises
    ------
    FileNotFoundError, ValueError, ImportError
        If a file is missing, damaged or something else, the folder has no recording or another one
        than ``labels.txt``, or the spikes would not fit.
    """
    path = Path(path)
    files, labels = _folder(path) if path.is_dir() else ([path], None)
    files = files[:images]
    recordings = [read_events(file) for file in files]
    shape = _shape(recordings) if shape is None else shape
    # The first alone, before there is an array for all: it checks bin_us and shape.
    spikes = bin_events(recordings[0], bin_us=bin_us, shape=shape)
    steps = max(_steps(events, bin_us) for events in recordings)
    mend = "give a longer bin_us, or fewer images"
    check_cells(path, len(files), steps, spikes.shape[1], mend)
    spikes = np.zeros((len(files), steps, spikes.shape[1]), dtype=np.bool_)
    for sample, events in zip(spikes, recordings, strict=True):
        sample[:] = bin_events(events, bin_us=bin_us, shape=shape, steps=steps)
    return spikes, None if labels is None else labels[:images]


def _shape(recordings: list[Events]) -> Shape:
    return 2, max(r.height for r in recordings), max(r.width for r in recordings)


def _steps(events: Events, bin_us: int) -> int:
    """Steps up to the last event."""
    return int(events.t[-1]) // bin_us + 1 if len(events) else 0


def _folder(path: Path) -> tuple[list[Path], npt.NDArray[np.int64] | None]:
    """The recordings of a folder, and their classes if it has them."""
    files = {file.stem: file for file in sorted(path.iterdir()) if file.suffix.lower() in FORMATS}
    if not files:
        raise ValueError(
            f"{path}: this folder has no recording; give one with files that end in "
            f"{', '.join(FORMATS)}"
        )
    if not (path / LABELS).exists():
        return list(files.values()), None
    labels = _labels(path / LABELS)
    if strange := sorted(files.keys() ^ labels.keys()):
        known = strange[0] in files
        raise ValueError(
            f"{path / LABELS}: {strange[0]} has {'no line' if known else 'no recording'}; give "
            f"each recording one line: its name without suffix, and its class"
        )
    return [files[name] for name in labels], np.array(list(labels.values()), dtype=np.int64)


def _labels(path: Path) -> dict[str, int]:
    """Class of each recording; lines that begin with # say nothing."""
    labels: dict[str, int] = {}
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        words = line.decode(errors="replace").split()
        if not words or words[0].startswith("#"):
            continue
        # 18 digits fit into int64.
        if len(words) != 2 or not words[1].isdecimal() or len(words[1]) > 18 or words[0] in labels:
            raise ValueError(
                f"{path}: line {number} must be the name of a recording, once, and its class, a "
                f"number of 0 or more"
            )
        labels[words[0]] = int(words[1])
    return labels
