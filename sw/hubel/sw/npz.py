"""Numpy archives with a JSON header: written atomically, read without trust."""

import json
import math
import os
import secrets
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

_HEADER = "header"
_NPY_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def write_npz(
    path: str | os.PathLike[str],
    kind: str,
    version: int,
    header: Mapping[str, Any],
    arrays: Mapping[str, npt.NDArray[Any]],
) -> None:
    """Write ``arrays`` and ``header`` to ``path``; a reader sees the old file or the new one,
    never a part.

    Parameters
    ----------
    path : path
        Replaced if it exists.
    kind, version : str, int
        Name and version of the format; :func:`read_npz` asks for both.
    header : mapping
        Plain JSON values.
    arrays : mapping of name to array
        Arrays of numbers; stored uncompressed.

    Raises
    ------
    ValueError
        If ``header`` is not plain JSON.
    OSError
        If the file cannot be written; ``path`` is then as it was.
    """
    try:
        text = json.dumps({"format": kind, "version": version, **header}, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: what describes a {kind} must be plain JSON: {error}") from None
    with atomic_file(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, allow_pickle=False, **{_HEADER: np.array(text)}, **arrays)


@contextmanager
def atomic_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give the body a temporary path to write, which replaces ``path`` if the body succeeds.

    Raises
    ------
    OSError
        If ``path`` is a folder or cannot be written, or its folder does not exist; before the
        body begins.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path}: the folder {path.parent} does not exist")
    if path.is_dir():
        raise IsADirectoryError(f"{path}: this is a folder; give the name of a file")
    # The same folder, because os.replace is atomic only inside one file system.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        try:
            temporary.touch()
        except OSError as error:
            # Its own name says nothing to the user.
            raise OSError(error.errno, error.strerror, str(path)) from None
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def read_npz(
    path: str | os.PathLike[str], kind: str, version: int, mend: str
) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """Read what :func:`write_npz` wrote.

    Every declared size is compared with the bytes in the file before anything is allocated, and
    nothing is unpickled, so that a hostile file costs no more memory than its own length.

    Parameters
    ----------
    path : path
    kind, version : str, int
        Format that the file must have.
    mend : str
        What the user can do about a bad file; ends each error message.

    Returns
    -------
    header, arrays : dict, dict

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is truncated, damaged, or of another kind or version.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: there is no such file; {mend}")
    size = path.stat().st_size
    with open(path, "rb") as file:
        try:
            arrays = _read_arrays(file, size)
            header = _read_header(arrays)
        # zipfile, numpy and json raise whatever happens to fail inside them on a hostile file.
        except Exception as error:
            raise ValueError(
                f"{path}: not a readable {kind}: {first_line(error)}; {mend}"
            ) from None
    if header.get("format") != kind:
        raise ValueError(f"{path}: holds a {header.get('format')!r}, not a {kind}; {mend}")
    if header.get("version") != version:
        raise ValueError(
            f"{path}: has version {header.get('version')!r} of the {kind} format, "
            f"this hubel reads version {version}; {mend}"
        )
    return header, arrays


def first_line(error: Exception) -> str:
    """What ``error`` says, as far as it fits in one line, or its type if it says nothing."""
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _read_arrays(file: IO[bytes], size: int) -> dict[str, npt.NDArray[Any]]:
    """All arrays of an archive of ``size`` bytes, by name."""
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        if any(member.compress_type != zipfile.ZIP_STORED for member in members):
            raise ValueError("it is compressed")
        if sum(member.file_size for member in members) > size:
            raise ValueError("its members declare more bytes than the file has")
        arrays = {}
        for member in members:
            with archive.open(member) as content:
                arrays[member.filename.removesuffix(".npy")] = _read_array(content)
        return arrays


def _read_header(arrays: dict[str, npt.NDArray[Any]]) -> dict[str, Any]:
    """Take the header out of ``arrays``."""
    if _HEADER not in arrays or arrays[_HEADER].dtype.kind != "U":
        raise ValueError("it has no header")
    header = json.loads(str(arrays.pop(_HEADER)))
    if not isinstance(header, dict):
        raise ValueError("its header is not a JSON object")
    return header


def _read_array(file: IO[bytes]) -> npt.NDArray[Any]:
    """Array in .npy format whose declared shape is the shape of the bytes that follow."""
    npy_version = np.lib.format.read_magic(file)
    if npy_version not in _NPY_HEADERS:
        raise ValueError(f"an array has .npy version {npy_version}")
    shape, fortran_order, dtype = _NPY_HEADERS[npy_version](file)
    if dtype.hasobject:
        raise ValueError("an array holds Python objects")
    data = file.read()
    if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != len(data):
        raise ValueError(f"an array declares shape {shape} of {dtype}, but has {len(data)} bytes")
    flat = np.frombuffer(bytearray(data), dtype=dtype)
    return flat.reshape(shape, order="F" if fortran_order else "C")
