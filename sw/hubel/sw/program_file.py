"""A Program as one file, which every back end can load."""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from hubel.hdl.program import (
    Conv2d,
    Dense,
    Population,
    Program,
    Projection,
    Reset,
    Shape,
    Source,
    Sparse,
)

from .npz import read_npz, write_npz

_FORMAT, _VERSION = "hubel Program", 2
_MEND = "make it again with `hubel compile`, or copy the file again from where it came"

# Parameters of a population: plain values, and numbers that may differ between neurons.
_PLAIN = ("v_min", "shift", "refractory", "u_wraps", "a_decay", "a_step")
_VALUES = ("threshold", "decay", "v_reset", "bias", "v_init", "u_decay", "u_init")

_KINDS: dict[str, type[Projection]] = {"dense": Dense, "conv2d": Conv2d, "sparse": Sparse}
# Geometry of each kind: pairs and plain numbers in the header, and arrays beside the weights.
_PAIRS = {"dense": ("pool",), "conv2d": ("stride", "padding", "dilation", "pool"), "sparse": ()}
_NUMBERS = {"dense": (), "conv2d": ("groups",), "sparse": ()}
_ARRAYS = {"dense": (), "conv2d": (), "sparse": ("first", "targets")}

# A stride, padding or pool beyond this is beyond any shape.
_MOST = 1 << 16


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
    arrays: dict[str, npt.NDArray] = {}
    header = {**program_header(program, arrays), "metadata": dict(metadata or {})}
    write_npz(path, _FORMAT, _VERSION, header, arrays)


def program_header(
    program: Program, arrays: dict[str, npt.NDArray], prefix: str = ""
) -> dict[str, Any]:
    """What describes ``program`` as plain JSON; its arrays go into ``arrays``, under names that
    begin with ``prefix``."""
    return {
        "weight_width": program.weight_width,
        "state_width": program.state_width,
        "inputs": [
            {"name": source.name, "shape": list(source.shape.sizes)} for source in program.inputs
        ],
        "populations": [
            _population_header(population, f"{prefix}population.{i}", arrays)
            for i, population in enumerate(program.populations)
        ],
        "projections": [
            _projection_header(projection, f"{prefix}projection.{i}", arrays)
            for i, projection in enumerate(program.projections)
        ],
        "outputs": list(program.outputs),
    }


def _population_header(
    population: Population, key: str, arrays: dict[str, npt.NDArray]
) -> dict[str, Any]:
    """What describes ``population``; numbers that differ between neurons go into ``arrays``."""
    header: dict[str, Any] = {
        "name": population.name,
        "shape": list(population.shape.sizes),
        "reset": population.reset.value,
        **{what: getattr(population, what) for what in _PLAIN},
    }
    for what in _VALUES:
        value = getattr(population, what)
        if isinstance(value, np.ndarray):
            arrays[f"{key}.{what}"] = value.astype(np.int32)
        else:
            header[what] = value
    return header


def _projection_header(
    projection: Projection, key: str, arrays: dict[str, npt.NDArray]
) -> dict[str, Any]:
    """What describes ``projection``; its arrays go into ``arrays``."""
    kind = next(name for name, of in _KINDS.items() if isinstance(projection, of))
    arrays[f"{key}.weights"] = projection.weights.astype(np.int8)
    for what in _ARRAYS[kind]:
        arrays[f"{key}.{what}"] = getattr(projection, what).astype(np.int64)
    return {
        "kind": kind,
        **{what: getattr(projection, what) for what in ("name", "source", "target", "delay")},
        **{what: list(getattr(projection, what)) for what in _PAIRS[kind]},
        **{what: getattr(projection, what) for what in _NUMBERS[kind]},
    }


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
        return program_from(header, arrays), dict(header["metadata"])
    except KeyError as error:
        raise ValueError(f"{path}: not a complete {_FORMAT}: no {error}; {_MEND}") from None
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{path}: not a valid {_FORMAT}: {error}; {_MEND}") from None


def program_from(
    header: Mapping[str, Any], arrays: Mapping[str, npt.NDArray], prefix: str = ""
) -> Program:
    """The Program that :func:`program_header` described.

    Raises
    ------
    KeyError, TypeError, ValueError, OverflowError
        If something is missing, or no valid Program comes of it.
    """
    return Program(
        inputs=tuple(Source(_text(fields, "name"), _shape(fields)) for fields in header["inputs"]),
        populations=tuple(
            _population(fields, f"{prefix}population.{i}", arrays)
            for i, fields in enumerate(header["populations"])
        ),
        projections=tuple(
            _projection(fields, f"{prefix}projection.{i}", arrays)
            for i, fields in enumerate(header["projections"])
        ),
        outputs=tuple(header["outputs"]),
        weight_width=header["weight_width"],
        state_width=header["state_width"],
    )


def _population(
    fields: Mapping[str, Any], key: str, arrays: Mapping[str, npt.NDArray]
) -> Population:
    values = {}
    for what in _VALUES:
        array = arrays.get(f"{key}.{what}")
        values[what] = fields[what] if array is None else _as_int64(array)
    if type(fields["u_wraps"]) is not bool:
        raise ValueError(f"u_wraps must be true or false, not {fields['u_wraps']!r}")
    return Population(
        name=_text(fields, "name"),
        shape=_shape(fields),
        reset=Reset(fields["reset"]),
        **{what: fields[what] for what in _PLAIN},
        **values,
    )


def _projection(
    fields: Mapping[str, Any], key: str, arrays: Mapping[str, npt.NDArray]
) -> Projection:
    kind, name = _text(fields, "kind"), _text(fields, "name")
    here = f"projection {name!r}"
    if kind not in _KINDS:
        raise ValueError(f"{here} is of kind {kind!r}; there are {', '.join(_KINDS)}")
    if type(fields["delay"]) is not int:
        raise ValueError(f"{here}: delay must be an int, not {fields['delay']!r}")
    geometry: dict[str, Any] = {}
    for what in _PAIRS[kind]:
        pair = fields[what]
        if not isinstance(pair, list) or len(pair) != 2 or not all(map(_is_size, pair)):
            raise ValueError(f"{here}: {what} must be two numbers in 0..{_MOST}, not {pair!r}")
        geometry[what] = tuple(pair)
    for what in _NUMBERS[kind]:
        if not _is_size(fields[what]):
            raise ValueError(f"{here}: {what} must be in 0..{_MOST}, not {fields[what]!r}")
        geometry[what] = fields[what]
    for what in _ARRAYS[kind]:
        geometry[what] = _as_int64(arrays[f"{key}.{what}"])
        if geometry[what].dtype != np.int64:
            raise ValueError(f"{here}: {what} must be integers, not {geometry[what].dtype}")
    return _KINDS[kind](
        name=name,
        source=_text(fields, "source"),
        target=_text(fields, "target"),
        weights=_as_int64(arrays[f"{key}.weights"]),
        delay=fields["delay"],
        **geometry,
    )


def _is_size(value: object) -> bool:
    return type(value) is int and 0 <= value <= _MOST


def _shape(fields: Mapping[str, Any]) -> Shape:
    sizes = fields["shape"]
    if not isinstance(sizes, list) or len(sizes) != 3 or not all(map(_is_size, sizes)):
        raise ValueError(f"a shape must be three numbers in 1..{_MOST}, not {sizes!r}")
    return Shape(*sizes)


def _text(fields: Mapping[str, Any], what: str) -> str:
    if not isinstance(fields[what], str):
        raise ValueError(f"{what} must be text, not {fields[what]!r}")
    return fields[what]


def _as_int64(array: npt.NDArray) -> npt.NDArray:
    """``array`` as int64, or unchanged if it does not hold integers, for the Program to refuse."""
    return array.astype(np.int64) if array.dtype.kind == "i" else array
