"""The address tables in gateware: from the code of a spike to its synapses."""

from amaranth import *
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from .memory_access import LoadSignature, row_bytes
from .params import CoreParams, WalkKind
from .pipeline import direct
from .tables import AxisTable, Tables

__all__ = ["AddressTables", "JobLayout", "table_layout", "table_rows"]


class JobLayout(data.StructLayout):
    """What a spike has to do: the ``address`` of its first weight word (gathered projections: the
    number of its axon), the ``row`` of the first state word, the number of words ``c`` at a place,
    of places ``x`` in a line and of lines ``y``, and the number of synapses at a place.

    Parameters
    ----------
    params : :class:`CoreParams`
    tables : tuple of :class:`~hubel.hdl.tables.Tables`
    """
    def __init__(self, params: CoreParams, tables: tuple[Tables, ...]):
        def most(values: list[int]) -> int:
            return max(1, max(values, default=1).bit_length())

        axons = [shape.neurons for shape in params.sources]
        # The lists of a sparse projection are the Program's; these are the longest there can be.
        counts, operations = [], []
        for sizes, t in zip(params.projections, tables, strict=True):
            target = params.populations[sizes.target]
            counts.append(target.words(params.lanes) if t.by_code else int(t.c.count.max()))
            operations.append(target.neurons if t.by_code else int(t.operations.max()))
        super().__init__({
            "address":    most([params.weight_words - 1, *(n - 1 for n in axons)]),
            "row":        max(1, (params.current_words - 1).bit_length()),
            "c":          most(counts),
            "x":          most([int(t.x.count.max()) for t in tables]),
            "y":          most([int(t.y.count.max()) for t in tables]),
            "operations": most(operations),
        })


class AddressTables(wiring.Component):
    """Looks up the parts of a spike's addresses and adds them up; one spike a cycle.

    ::

        code -> register, field + base -> tables C, X, Y -> sum
        1       2                         3                4

    Parameters
    ----------
    params : :class:`CoreParams`
    tables : tuple of :class:`~hubel.hdl.tables.Tables`
        The contents.
    loadable : bool
        Those of table C may be replaced, over ``load``: the other two follow from the sizes.

    Members
    -------
    projection, code : :py:`In(range(projections))`, :py:`In(code_width)`
        A projection, and a spike of its source.
    job : :py:`Out(JobLayout(params, tables))`
        What it has to do, three cycles later. Of a ``direct`` projection: ``address`` is the code.
    load : :py:`In(LoadSignature(width))`
        Only if they are ``loadable``; ``width`` is the size of
        ``table_layout(job, "c")``.
    """
    def __init__(self, params: CoreParams, tables: tuple[Tables, ...], *, loadable: bool = False):
        self.params = params
        self.tables = tables
        self._loadable = loadable
        job = JobLayout(params, self.tables)
        members = {
            "projection": In(max(1, (len(params.projections) - 1).bit_length())),
            "code":       In(max(1, *(shape.code_width for shape in params.sources))),
            "job":        Out(job),
        }
        if loadable:
            members["load"] = In(LoadSignature(table_layout(job, "c").size))
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        layout = JobLayout(self.params, self.tables)
        used = [not direct(self.params, j) for j in range(len(self.tables))]
        code, projection = Signal.like(self.code), Signal.like(self.projection)
        m.d.sync += [code.eq(self.code), projection.eq(self.projection)]

        parts = {}
        for axis in ("c", "x", "y"):
            rows, bases = table_rows(self.params, self.tables, axis)
            row = table_layout(layout, axis)
            loads = self._loadable and axis == "c"
            m.submodules[f"table_{axis}"] = table = memory.Memory(
                shape=8 * row_bytes(row.size) if loads else row.size, depth=max(2, len(rows)),
                init=rows)
            read = table.read_port()
            if loads:
                write = table.write_port(granularity=8)
                m.d.comb += [
                    write.addr.eq(self.load.address),
                    write.data.eq(self.load.data.replicate(row_bytes(row.size))),
                    write.en.eq(self.load.enable),
                ]
            with m.Switch(projection):
                for j, base in enumerate(bases):
                    with m.Case(j):
                        m.d.comb += read.addr.eq(self._coordinate(code, j, axis) + base)
            parts[axis] = data.View(row, read.data[:row.size])

        # Cycle 3: the tables have answered.
        c, x, y = parts["c"], parts["x"], parts["y"]
        code_3, projection_3 = Signal.like(code), Signal.like(projection)
        is_direct = Signal()
        m.d.sync += [code_3.eq(code), projection_3.eq(projection)]
        with m.Switch(projection_3):
            for j in range(len(self.tables)):
                with m.Case(j):
                    m.d.comb += is_direct.eq(not used[j])
        m.d.sync += [
            self.job.address.eq(Mux(is_direct, code_3, c.address + x.address + y.address)),
            self.job.row.eq(c.row + x.row + y.row),
            self.job.operations.eq(c.operations),
            self.job.c.eq(c.count),
            self.job.x.eq(x.count),
            self.job.y.eq(y.count),
        ]
        return m

    def _coordinate(self, code, projection: int, axis: str):
        """The coordinate of a spike in the table of ``axis``."""
        tables = self.tables[projection]
        shape = self.params.sources[self.params.projections[projection].source]
        channel_width, x_width, y_width = shape.field_widths
        if tables.by_code:
            return code[:shape.code_width] if axis == "c" else C(0, 1)
        if axis == "c":
            return code[:channel_width]
        if axis == "x":
            return code[channel_width:channel_width + x_width]
        return code[channel_width + x_width:channel_width + x_width + y_width]


def table_layout(job: JobLayout, axis: str) -> data.StructLayout:
    """A row of the table of ``axis``: a part of the addresses, and a count."""
    members = {"address": job["address"].shape, "row": job["row"].shape, "count": job[axis].shape}
    if axis == "c":
        members["operations"] = job["operations"].shape
    return data.StructLayout(members)


def table_rows(params: CoreParams, tables: tuple[Tables, ...],
               axis: str) -> tuple[list[int], list[int]]:
    """Rows of the table of ``axis``, and where those of each projection begin; those of the
    channels have the first weight word in them."""
    layout = table_layout(JobLayout(params, tables), axis)
    rows: list[int] = []
    bases = []
    for j, (sizes, table) in enumerate(zip(params.projections, tables, strict=True)):
        bases.append(len(rows))
        if direct(params, j):
            continue
        part: AxisTable = getattr(table, axis)
        columns = {"address": part.address, "row": part.row, "count": part.count}
        if axis == "c":
            columns["operations"] = table.operations
            if sizes.kind is not WalkKind.GATHER:
                columns["address"] = part.address + params.first_weight[j]
        names, values = columns.keys(), zip(*columns.values(), strict=True)
        rows += [layout.const(dict(zip(names, map(int, row), strict=True))).as_value().value
                 for row in values]
    return rows, bases
