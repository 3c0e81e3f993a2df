"""HDF5 files that may be damaged or hostile, read as plain dictionaries in bounded time and memory.

The HDF5 library itself crashes, or never comes back, on some damaged files; so another process
reads them (:mod:`.hdf5_walk`), which may.
"""

import os
import pickle
import subprocess
import sys
from pathlib import Path

from .hdf5_walk import Tree

__all__ = ["Tree", "read_hdf5"]

# Seconds that a file may take, and bytes of it that take a second more.
_SECONDS, _BYTES_A_SECOND = 10, 4 << 20


def read_hdf5(path: str | os.PathLike[str], kind: str, mend: str) -> Tree:
    """All groups and datasets of a file. Takes some 0.2 s, because a process must start.

    Parameters
    ----------
    path : path
    kind, mend : str
        What the file should be, and what the user can do about a bad one: for error messages.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is damaged, refers to other files, holds anything but numbers and text, or more than
        :data:`.hdf5_walk.MAX_ITEMS`, ``MAX_DEPTH`` or ``MAX_BYTES``; one line that names the file.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such file; {mend}")
    seconds = _SECONDS + path.stat().st_size / _BYTES_A_SECOND
    # Modules come from where hubel is installed (-P), not from the current folder.
    command = [sys.executable, "-P", "-m", "hubel.sw.hdf5_walk", str(path.absolute())]
    try:
        done = subprocess.run(command, capture_output=True, timeout=seconds, check=True)
        tree, why = pickle.loads(done.stdout)
    except subprocess.TimeoutExpired:
        tree, why = None, f"the HDF5 library did not come to an end with it in {seconds:.0f} s"
    except subprocess.CalledProcessError as error:
        tree, why = None, f"the HDF5 library crashed on it (exit {error.returncode})"
    if tree is None:
        raise ValueError(f"{path}: not a readable {kind}: {why}; {mend}")
    return tree
