"""A Program as one file, which every back end can load."""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from hubel.hdl.program import Population, Program, Reset

from .npz import read_npz, write_npz

_FORMAT, _VERSION = "hubel Program", 1
_MEND = "make it again with `hubel compile`, or copy the file again from where it came"
_POPULATION_FIELDS = ("threshold", "decay", "v_reset")


def save_program(
    path: str | os.PathLike[str], program: Program, metadata: Mapping[str, Any] | None = None
) -> None:
    """Save ``program`` as one .npz file; a reader sees the old file or the new one, never a part.

    Parameters
    ----------
    path : path
        Replaced if it exists.
    program : Program
    metadata : mapping, optional
        Plain JSON values that go along: profile, source, accuracy.

    Raises
    ------
    ValueError
        If ``metadata`` are not plain JSON.
    OSError
        If the file cannot be written; ``path`` is then as it was.
    """
    header = {
        "weight_width": program.weight_width,
        "state_width": program.state_width,
        "populations": [
            {
                "name": population.name,
                "reset": population.reset.value,
                **{field: int(getattr(population, field)) for field in _POPULATION_FIELDS},
            }
            for population in program.populations
        ],
        "metadata": dict(metadata or {}),
    }
    arrays = {}
    for i, population in enumerate(program.populations):
        arrays[f"{i}.weights"] = population.weights.astype(np.int8)
        arrays[f"{i}.bias"] = population.bias.astype(np.int32)
        arrays[f"{i}.v_init"] = population.v_init.astype(np.int32)
    write_npz(path, _FORMAT, _VERSION, header, arrays)


def load_program(path: str | os.PathLike[str]) -> tuple[Program, dict[str, Any]]:
    """Load what :func:`save_program` saved: the Program and its metadata.

    The file is not trusted: the Program is built anew, with all its checks.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is truncated, damaged, of another kind or version, or its numbers are no valid
        Program; the message is one line that names the file and the mend.
    """
    header, arrays = read_npz(path, _FORMAT, _VERSION, _MEND)
    try:
        populations = []
        for i, fields in enumerate(header["populations"]):
            if not all(type(fields[field]) is int for field in _POPULATION_FIELDS):
                raise ValueError(f"{', '.join(_POPULATION_FIELDS)} must be integers")
            populations.append(
                Population(
                    name=str(fields["name"]),
                    reset=Reset(fields["reset"]),
                    threshold=fields["threshold"],
                    decay=fields["decay"],
                    v_reset=fields["v_reset"],
                    weights=_as_int64(arrays[f"{i}.weights"]),
                    bias=_as_int64(arrays[f"{i}.bias"]),
                    v_init=_as_int64(arrays[f"{i}.v_init"]),
                )
            )
        program = Program(
            populations=tuple(populations),
            weight_width=header["weight_width"],
            state_width=header["state_width"],
        )
        return program, dict(header["metadata"])
    except KeyError as error:
        raise ValueError(f"{path}: not a complete {_FORMAT}: no {error}; {_MEND}") from None
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: not a valid {_FORMAT}: {error}; {_MEND}") from None


def _as_int64(array: np.ndarray) -> np.ndarray:
    """``array`` as int64, or unchanged if it does not hold integers, for the Program to refuse."""
    return array.astype(np.int64) if array.dtype.kind == "i" else array
