"""A folder of artefacts, each made once for the same inputs and never half-written."""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .npz import atomic_file

_STAMPS = ".stamps.json"


class Workspace:
    """Artefacts under one folder, and a stamp for each: what it was made from, and its hash.

    An artefact is trusted only while its stamp agrees with its inputs and with its bytes, so that
    an interrupted run, an edited file or another version of a tool leads to a new one.

    Parameters
    ----------
    folder : path
        Created if it does not exist.

    Raises
    ------
    OSError
        If the folder cannot be made or written.
    """

    def __init__(self, folder: str | os.PathLike[str]):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        # Found out now, not after minutes of work.
        with atomic_file(self.folder / ".writable") as probe:
            probe.touch()
        (self.folder / ".writable").unlink()

    def __getitem__(self, name: str) -> Path:
        """Path of the artefact ``name``."""
        return self.folder / name

    def make(self, name: str, inputs: Any, maker: Callable[[Path], None]) -> bool:
        """Have the artefact ``name`` made from ``inputs``, unless it is there already.

        Parameters
        ----------
        name : str
            File name.
        inputs : JSON value
            All that the artefact depends on; use :meth:`digest` for other artefacts.
        maker : callable
            Writes the artefact to the temporary path that it is given.

        Returns
        -------
        made : bool
            False if it was reused.
        """
        key = json.dumps(inputs, sort_keys=True)
        path, stamps = self[name], self._stamps()
        if path.exists() and stamps.get(name) == {"inputs": key, "sha256": file_digest(path)}:
            return False
        with atomic_file(path) as temporary:
            maker(temporary)
            digest = file_digest(temporary)
        with atomic_file(self.folder / _STAMPS) as temporary:
            stamps = self._stamps() | {name: {"inputs": key, "sha256": digest}}
            temporary.write_text(json.dumps(stamps, indent=1))
        return True

    def digest(self, *names: str) -> list[str]:
        """Hashes of artefacts, for the ``inputs`` of another."""
        return [file_digest(self[name]) for name in names]

    def _stamps(self) -> dict[str, Any]:
        try:
            stamps = json.loads((self.folder / _STAMPS).read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return stamps if isinstance(stamps, dict) else {}


def file_digest(path: str | os.PathLike[str]) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
