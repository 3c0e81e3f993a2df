"""What is loaded into a core over its :class:`~hubel.hdl.memory_access.MemoryAccess`."""

from dataclasses import dataclass

from .address_tables import JobLayout, table_layout, table_rows
from .image import (
    NeuronRow,
    neuron_row_shape,
    neuron_row_width,
    neuron_rows,
    sparse_rows,
    weight_rows,
)
from .lif import SharedLayout
from .memory_access import MemoryKind, row_bytes
from .params import CoreParams, WalkKind
from .program import Program
from .tables import tables_of

__all__ = ["Load", "has_lists", "loads", "memory_rows", "memory_widths"]


@dataclass(frozen=True)
class Load:
    """Bytes for rows of a memory.

    Parameters
    ----------
    memory : MemoryKind
    address : int
        The first row.
    row_bytes : int
        Bytes of a row.
    data : bytes
        The rows, one after the other, the low byte of each first.
    """
    memory: MemoryKind
    address: int
    row_bytes: int
    data: bytes


def memory_widths(params: CoreParams, program: Program) -> dict[MemoryKind, int]:
    """Bits of a row of each memory that a core of these sizes has and that can be loaded; the same
    for each Program of these sizes."""
    widths = {MemoryKind.WEIGHTS: params.lanes * params.weight_width}
    if params.sparse_words:
        word = max(1, (params.current_words - 1).bit_length())
        widths[MemoryKind.TARGETS] = params.lanes * word
    widths[MemoryKind.NEURONS] = neuron_row_shape(params)
    widths[MemoryKind.SHARED] = SharedLayout(params).size
    if has_lists(params):
        layout = table_layout(JobLayout(params, tables_of(params, program)), "c")
        widths[MemoryKind.TABLES] = layout.size
    return widths


def has_lists(params: CoreParams) -> bool:
    """Some projection is sparse: its address table depends on the Program."""
    return any(p.kind is WalkKind.SPARSE for p in params.projections)


def memory_rows(params: CoreParams, program: Program) -> dict[MemoryKind, list[int]]:
    """All rows of those memories."""
    tables = tables_of(params, program)
    layout = SharedLayout(params)
    rows = {
        MemoryKind.WEIGHTS: weight_rows(params, program),
        MemoryKind.TARGETS: sparse_rows(params, program),
        MemoryKind.NEURONS: neuron_rows(params, program),
        MemoryKind.SHARED: [layout.const(layout.row(params, p)).as_value().value
                            for p in program.populations],
        MemoryKind.TABLES: table_rows(params, tables, "c")[0],
    }
    return {kind: rows[kind] for kind in memory_widths(params, program)}


def loads(params: CoreParams, program: Program) -> list[Load]:
    """All that makes a core of sizes ``params`` run ``program``.

    Raises
    ------
    ValueError
        If the Program is not for a core of these sizes.
    """
    result = []
    widths = memory_widths(params, program)
    stride, used = 1 << neuron_row_width(params), sum(params.words) * params.folds
    for kind, rows in memory_rows(params, program).items():
        size, parts = row_bytes(widths[kind]), [(0, rows)]
        if kind is MemoryKind.NEURONS:
            # States need none: the first step of a sample begins with the rows INIT.
            kinds = [NeuronRow.INIT, *([NeuronRow.PARAMETERS] if params.neuron.varied else [])]
            parts = [(k * stride, rows[k * stride:k * stride + used]) for k in kinds]
        result += [Load(kind, first, size, b"".join(row.to_bytes(size, "little") for row in part))
                   for first, part in parts]
    return result
