"""A Program on a mesh as one file."""

import os
from collections.abc import Mapping
from typing import Any

import numpy.typing as npt

from hubel.hdl.fabric_program import (
    Endpoint,
    FabricProgram,
    Grant,
    NodeProgram,
    Receiver,
    Sender,
    Spikes,
)
from hubel.hdl.program import Shape

from ..npz import read_npz, write_npz
from ..program_file import program_from, program_header
from .check import check_fabric

_FORMAT, _VERSION = "hubel mesh", 1
_MEND = "make it again with `hubel map`, or copy the file again from where it came"

_SENDER = ("key", "channels", "first_channel", "readers")
_RECEIVER = ("parts", "grant_key")


def save_fabric(
    path: str | os.PathLike[str], fabric: FabricProgram, metadata: Mapping[str, Any] | None = None
) -> None:
    """Save ``fabric`` as one .npz file; a reader sees the old file or the new one, never a part.

    Parameters
    ----------
    path : path
        Replaced if it exists.
    fabric : FabricProgram
    metadata : mapping, optional
        Plain JSON values that go along: lanes, seed, source.

    Raises
    ------
    ValueError
        If ``metadata`` are not plain JSON.
    OSError
        If the file cannot be written; ``path`` is then as it was.
    """
    arrays: dict[str, npt.NDArray] = {}
    nodes = []
    for number, node in enumerate(fabric.nodes):
        if node is None:
            nodes.append(None)
            continue
        program = program_header(node.program, arrays, f"node.{number}.")
        nodes.append({"program": program, "endpoint": _endpoint_header(node.endpoint)})
    header = {
        "whole": program_header(fabric.whole, arrays, "whole."),
        **{what: getattr(fabric, what) for what in ("rows", "columns", "gateway_node", "key_bits")},
        "nodes": nodes,
        "gateway": _endpoint_header(fabric.gateway),
        # The keys of a JSON object are text.
        "tables": [sorted(table.items()) for table in fabric.tables],
        "metadata": dict(metadata or {}),
    }
    write_npz(path, _FORMAT, _VERSION, header, arrays)


def _endpoint_header(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "senders": [
            {"shape": list(s.shape.sizes), **{what: getattr(s, what) for what in _SENDER}}
            for s in endpoint.senders
        ],
        "receivers": [{what: getattr(r, what) for what in _RECEIVER} for r in endpoint.receivers],
        "heard": [
            [key, "grant", meaning.sender]
            if isinstance(meaning, Grant)
            else [key, "spikes", meaning.receiver]
            for key, meaning in endpoint.heard.items()
        ],
    }


def load_fabric(path: str | os.PathLike[str]) -> tuple[FabricProgram, dict[str, Any]]:
    """Load what :func:`save_fabric` saved: the mesh and its metadata.

    The file is not trusted: everything is built anew, with all checks of Programs, and every key is
    followed through the tables (:func:`~hubel.sw.mapping.check.check_fabric`).

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is truncated, damaged, of another kind or version, or what it says is no valid
        mesh; the message is one line that names the file and the mend.
    """
    header, arrays = read_npz(path, _FORMAT, _VERSION, _MEND)
    try:
        sizes = {what: _int(header, what) for what in ("rows", "columns", "gateway_node")}
        fabric = FabricProgram(
            whole=program_from(header["whole"], arrays, "whole."),
            nodes=tuple(
                None
                if node is None
                else NodeProgram(
                    program=program_from(node["program"], arrays, f"node.{number}."),
                    endpoint=_endpoint(node["endpoint"]),
                )
                for number, node in enumerate(header["nodes"])
            ),
            gateway=_endpoint(header["gateway"]),
            tables=tuple(
                {_whole(key): _whole(mask) for key, mask in table} for table in header["tables"]
            ),
            key_bits=_int(header, "key_bits"),
            **sizes,
        )
        check_fabric(fabric)
        return fabric, dict(header["metadata"])
    except KeyError as error:
        raise ValueError(f"{path}: not a complete {_FORMAT}: no {error}; {_MEND}") from None
    except (TypeError, ValueError, OverflowError, AttributeError) as error:
        raise ValueError(f"{path}: not a valid {_FORMAT}: {error}; {_MEND}") from None


def _endpoint(header: Mapping[str, Any]) -> Endpoint:
    return Endpoint(
        senders=tuple(
            Sender(
                shape=Shape(*map(_whole, fields["shape"])),
                **{what: _int(fields, what) for what in _SENDER},
            )
            for fields in header["senders"]
        ),
        receivers=tuple(
            Receiver(**{what: _int(fields, what) for what in _RECEIVER})
            for fields in header["receivers"]
        ),
        heard={_whole(key): _meaning(kind, number) for key, kind, number in header["heard"]},
    )


def _meaning(kind: object, number: object) -> Spikes | Grant:
    if kind not in ("spikes", "grant"):
        raise ValueError(f"a key means spikes or a grant, not {kind!r}")
    return Grant(_whole(number)) if kind == "grant" else Spikes(_whole(number))


def _int(fields: Mapping[str, Any], what: str) -> int:
    return _whole(fields[what])


def _whole(value: object) -> int:
    if type(value) is not int:
        raise ValueError(f"{value!r} is no whole number")
    return value
