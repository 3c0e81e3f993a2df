"""Walks the activations of each job, run by run."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .mac_jobs import MacJobLayout, WordLayout, by_layer
from .mac_params import GROUP, MacParams
from .mac_tables import gather_tables

__all__ = ["ChunkLayout", "MacWalker"]


class ChunkLayout(data.StructLayout):
    """``count`` activations from ``activation`` on, which do not cross a multiple of
    :data:`~hubel.hdl.mac_params.GROUP`, and their weight words from ``weight`` on; the ``last``
    ones of ``word``. One activation, unless zeros are skipped.

    Parameters
    ----------
    params : :class:`MacParams`
    """
    def __init__(self, params: MacParams):
        layout = MacJobLayout(params)
        super().__init__({
            "activation": layout["activation"].shape,
            "weight":     layout["weight"].shape,
            "count":      range(GROUP + 1) if params.skip_zeros else 1,
            "last":       1,
            "word":       WordLayout(params),
        })


class MacWalker(wiring.Component):
    """One chunk a clock, without a gap while there are jobs that may start.

    Parameters
    ----------
    params : :class:`MacParams`

    Members
    -------
    jobs : :py:`In(stream.Signature(MacJobLayout(params)))`
        What to do.
    may_start : :py:`In(1)`
        A job that is the first of its layer may start: what it reads is written.
    chunks : :py:`Out(stream.Signature(ChunkLayout(params)))`
        What to read.
    """
    jobs: stream.Interface
    may_start: Signal
    chunks: stream.Interface

    def __init__(self, params: MacParams):
        self.params = params
        super().__init__({
            "jobs":      In(stream.Signature(MacJobLayout(params))),
            "may_start": In(1),  # pyright: ignore[reportCallIssue]
            "chunks":    Out(stream.Signature(ChunkLayout(params))),
        })

    def elaborate(self, platform):
        m = Module()
        params, layout = self.params, MacJobLayout(self.params)
        tables = [gather_tables(params, i) for i in range(len(params.layers))]
        layer = Signal(layout["layer"].shape)
        steps = {name: by_layer(m, layer, [getattr(t, name) for t in tables], name)
                 for name in ("x_activation", "x_weight", "y_activation", "y_weight")}

        walking, word = Signal(), Signal(WordLayout(params))
        # The next activation, the first of its run, and the first of its line.
        activation, place, line = (Signal(layout["activation"].shape, name=name)
                                   for name in ("activation", "place", "line"))
        weight, place_weight, line_weight = (Signal(layout["weight"].shape, name=name)
                                             for name in ("weight", "place_weight", "line_weight"))
        # How much is left of the run, of the line, and of the job.
        left, run = Signal(layout["run"].shape), Signal(layout["run"].shape)
        x_left, x = Signal(layout["x"].shape), Signal(layout["x"].shape)
        y_left = Signal(layout["y"].shape)
        # Whether the chunk is the last of its run, the run of its line, the line of its job: kept
        # in flip-flops, because all that follows depends on it.
        run_ends, x_last, y_last = Signal(), Signal(), Signal()
        line_ends, job_ends = Signal(), Signal()
        count = Signal(ChunkLayout(params)["count"].shape)
        bits = GROUP.bit_length() - 1
        # How many activations are left of the group, or of the clock.
        room = Signal(range(GROUP + 1), init=1) if params.skip_zeros else C(1, 1)

        def fits(length, first):
            """A run of ``length`` from ``first`` on is one chunk."""
            return length <= GROUP - first[:bits] if params.skip_zeros else length == 1

        def begin(first):
            """What is left of the group at ``first``."""
            return [room.eq(GROUP - first[:bits])] if params.skip_zeros else []

        m.d.comb += [
            count.eq(Mux(run_ends, left, room)),
            line_ends.eq(run_ends & x_last),
            job_ends.eq(line_ends & y_last),
            self.chunks.valid.eq(walking),
            self.chunks.payload.eq(Cat(activation, weight, count, job_ends, word)),
        ]
        next_run, next_line = Signal.like(activation), Signal.like(activation)
        m.d.comb += [
            next_run.eq(place + steps["x_activation"]),
            next_line.eq(line + steps["y_activation"]),
        ]
        with m.If(walking & self.chunks.ready):
            m.d.sync += [
                activation.eq(activation + count),
                weight.eq(weight + count),
                left.eq(left - count),
                # What follows a chunk in its run begins a group.
                run_ends.eq(fits((left - room)[:len(left)], C(0, bits))),
                *begin(C(0, bits)),
            ]
            with m.If(run_ends):
                m.d.sync += [
                    activation.eq(next_run),
                    place.eq(next_run),
                    weight.eq(place_weight + steps["x_weight"]),
                    place_weight.eq(place_weight + steps["x_weight"]),
                    left.eq(run),
                    run_ends.eq(fits(run, next_run)),
                    *begin(next_run),
                    x_left.eq(x_left - 1),
                    x_last.eq(x_left == 2),
                ]
            with m.If(line_ends):
                m.d.sync += [start.eq(next_line) for start in (activation, place, line)]
                m.d.sync += [start.eq(line_weight + steps["y_weight"])
                             for start in (weight, place_weight, line_weight)]
                m.d.sync += begin(next_line)
                m.d.sync += [run_ends.eq(fits(run, next_line)), x_left.eq(x), x_last.eq(x == 1),
                             y_left.eq(y_left - 1), y_last.eq(y_left == 2)]
        job = self.jobs.payload
        m.d.comb += self.jobs.ready.eq((~walking | (job_ends & self.chunks.ready))
                                       & (~job.first | self.may_start))
        with m.If(self.jobs.ready):
            m.d.sync += begin(job.activation)
            m.d.sync += walking.eq(self.jobs.valid)
            m.d.sync += [start.eq(job.activation) for start in (activation, place, line)]
            m.d.sync += [start.eq(job.weight) for start in (weight, place_weight, line_weight)]
            m.d.sync += [layer.eq(job.layer), left.eq(job.run), run.eq(job.run),
                         run_ends.eq(fits(job.run, job.activation)),
                         x_left.eq(job.x), x.eq(job.x), x_last.eq(job.x == 1),
                         y_left.eq(job.y), y_last.eq(job.y == 1)]
            m.d.sync += word.eq(Cat(job.channel, job.lanes, job.open, job.close,
                                    job.layer == len(params.layers) - 1))
        with m.Elif(walking & job_ends & self.chunks.ready):
            m.d.sync += walking.eq(0)
        return m
