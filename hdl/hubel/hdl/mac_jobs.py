"""What a MAC core has to do for each word of outputs, in the order in which it does it."""

from collections.abc import Sequence

from amaranth import *
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import Out

from .mac_params import GROUP, MacParams
from .mac_tables import GatherTables, gather_tables

__all__ = ["JOB_CLOCKS", "MacJobLayout", "MacJobs", "WordLayout", "by_layer"]

#: Clocks from a job to the next one.
JOB_CLOCKS = 5


class MacJobLayout(data.StructLayout):
    """The sums of one word of one place: it reads ``y`` lines of ``x`` runs of ``run`` activations,
    the first at ``activation``, and its first weight word at ``weight``. ``channel`` is the row of
    the bias of its first lane, and ``lanes`` the number of lanes that have a channel. It is the
    first (``open``) or the last (``close``) place of a window, and the ``first`` or the ``last``
    job of ``layer``.

    Parameters
    ----------
    params : :class:`MacParams`
    """
    def __init__(self, params: MacParams):
        tables = [gather_tables(params, i) for i in range(len(params.layers))]
        super().__init__({
            "layer":      range(max(2, len(params.layers))),
            "activation": range(max(2 * GROUP, params.activations)),
            "weight":     range(max(2, params.weight_words)),
            "y":          _counts([int(t.y.count.max()) for t in tables]),
            "x":          _counts([int(t.x.count.max()) for t in tables]),
            "run":        _counts([int(t.x.run.max()) for t in tables]),
            "channel":    range(max(2, params.first_bias[-1])),
            "lanes":      range(params.lanes + 1),
            "open":       1,
            "close":      1,
            "first":      1,
            "last":       1,
        })


class WordLayout(data.StructLayout):
    """What becomes of the sums of a word: ``channel``, ``lanes``, ``open`` and ``close`` as in
    :class:`MacJobLayout`, and whether it is of the ``final`` layer.

    Parameters
    ----------
    params : :class:`MacParams`
    """
    def __init__(self, params: MacParams):
        layout = MacJobLayout(params)
        super().__init__({name: layout[name].shape
                          for name in ("channel", "lanes", "open", "close")} | {"final": 1})


def _counts(values: list[int]) -> int:
    return max(values).bit_length()


def by_layer(m: Module, layer: Value, values: Sequence[int], name: str) -> Value:
    """The one of ``values``, none of them negative, that belongs to ``layer``."""
    if len(set(values)) == 1:
        return C(values[0], max(1, values[0].bit_length()))
    chosen = Signal(max(values).bit_length(), name=name)
    with m.Switch(layer):
        for i, value in enumerate(values):
            with m.Case(i):
                m.d.comb += chosen.eq(value)
    return chosen


class MacJobs(wiring.Component):
    """Gives the jobs of all layers, over and over: windows of places in C order, the words of a
    window, the places of a word.

    A job comes :data:`JOB_CLOCKS` clocks after the one before was taken, and waits.

    Parameters
    ----------
    params : :class:`MacParams`

    Members
    -------
    jobs : :py:`Out(stream.Signature(MacJobLayout(params)))`
    """
    jobs: stream.Interface

    def __init__(self, params: MacParams):
        self.params = params
        super().__init__({"jobs": Out(stream.Signature(MacJobLayout(params)))})

    def elaborate(self, platform):
        m = Module()
        params, layout = self.params, MacJobLayout(self.params)
        count = len(params.layers)
        tables = [gather_tables(params, i) for i in range(count)]
        y_first, y_row = self._table(m, "y", tables)
        x_first, x_row = self._table(m, "x", tables)

        layer = Signal(range(max(2, count)))
        constants = {
            "window_height": [sizes.pool[0] for sizes in params.layers],
            "window_width": [sizes.pool[1] for sizes in params.layers],
            "rows": [sizes.output.height for sizes in params.layers],
            "columns": [sizes.output.width for sizes in params.layers],
            "words": [params.group_words(i) for i in range(count)],
            "groups": [sizes.groups for sizes in params.layers],
            "rest": [(sizes.group_channels - 1) % params.lanes + 1 for sizes in params.layers],
            "group_source": [params.group_source(i) for i in range(count)],
            "word_weights": [params.fan_in(i) for i in range(count)],
            "weights": list(params.first_weight[:-1]),
            "biases": list(params.first_bias[:-1]),
            "y_first": y_first,
            "x_first": x_first,
        }
        here = {name: by_layer(m, layer, values, name) for name, values in constants.items()}
        # What the registers below start from in the layer that comes next.
        follows = Signal.like(layer)
        m.d.comb += follows.eq(Mux(layer == count - 1, 0, layer + 1))
        following = {name: by_layer(m, follows, constants[name], f"next_{name}")
                     for name in ("y_first", "x_first", "weights", "biases")}

        # Where in the nest: a corner of a window (its table rows and its number), a word and a
        # group, and a place of the window.
        y_corner = Signal(range(max(2, len(y_row.init))), init=y_first[0])
        x_corner = Signal(range(max(2, len(x_row.init))), init=x_first[0])
        y, x = (Signal(range(max(2, *constants[name]) + 1), name=name)
                for name in ("rows", "columns"))
        word = Signal(range(max(2, *constants["words"]) + 1))
        group = Signal(range(max(2, *constants["groups"]) + 1))
        window_y, window_x = (Signal(range(max(2, *constants[name]) + 1), name=f"{name}_at")
                              for name in ("window_height", "window_width"))
        channel = Signal(layout["channel"].shape, init=params.first_bias[0])
        weight = Signal(layout["weight"].shape)
        offset = Signal(layout["activation"].shape)

        last = {name: Signal(name=f"last_{name}")
                for name in ("window_x", "window_y", "word", "group", "x", "y")}
        m.d.comb += [
            last["window_x"].eq(window_x == here["window_width"] - 1),
            last["window_y"].eq(window_y == here["window_height"] - 1),
            last["word"].eq(word == here["words"] - 1),
            last["group"].eq(group == here["groups"] - 1),
            last["x"].eq(x == here["columns"] - 1),
            last["y"].eq(y == here["rows"] - 1),
        ]
        lanes = Signal(layout["lanes"].shape)
        m.d.comb += lanes.eq(Mux(last["word"], here["rest"], params.lanes))
        close, end, begin = Signal(), Signal(), Signal(init=1)
        m.d.comb += [
            close.eq(last["window_x"] & last["window_y"]),
            end.eq(Cat(last.values()).all()),
        ]

        # A look-up, and two sums.
        y_read, x_read = y_row.read_port(), x_row.read_port()
        activation = Signal(layout["activation"].shape)
        address = Signal(layout["weight"].shape)
        valid = Signal()
        m.d.comb += [
            y_read.addr.eq(y_corner + window_y),
            x_read.addr.eq(x_corner + window_x),
            self.jobs.valid.eq(valid),
            self.jobs.payload.eq(Cat(
                layer, activation, address, y_read.data.count, x_read.data.count, x_read.data.run,
                channel, lanes, (window_x == 0) & (window_y == 0), close, begin, end)),
        ]
        with m.FSM():
            with m.State("Look"):
                m.next = "Add"
            with m.State("Add"):
                m.d.sync += [
                    activation.eq(y_read.data.activation + x_read.data.activation),
                    address.eq(y_read.data.weight + x_read.data.weight),
                ]
                m.next = "Offset"
            with m.State("Offset"):
                m.d.sync += [
                    activation.eq(activation + offset),
                    address.eq(address + weight),
                    valid.eq(1),
                ]
                m.next = "Give"
            with m.State("Give"):
                with m.If(self.jobs.ready):
                    m.d.sync += valid.eq(0)
                    m.next = "Step"
            with m.State("Step"):
                # Not in the clock before, where it would follow the walker's decision.
                m.d.sync += begin.eq(end)
                self._step(m, here, following, last, locals())
                m.next = "Look"
        return m

    def _step(self, m, here, following, last, at):
        """Go on to the next place, word, window or layer."""
        m.d.sync += at["window_x"].eq(at["window_x"] + 1)
        with m.If(last["window_x"]):
            m.d.sync += [at["window_x"].eq(0), at["window_y"].eq(at["window_y"] + 1)]
        with m.If(at["close"]):
            m.d.sync += [
                at["window_y"].eq(0),
                at["word"].eq(at["word"] + 1),
                at["channel"].eq(at["channel"] + at["lanes"]),
                at["weight"].eq(at["weight"] + here["word_weights"]),
            ]
            with m.If(last["word"]):
                m.d.sync += [
                    at["word"].eq(0),
                    at["group"].eq(at["group"] + 1),
                    at["offset"].eq(at["offset"] + here["group_source"]),
                ]
                with m.If(last["group"]):
                    m.d.sync += [
                        at["group"].eq(0),
                        at["offset"].eq(0),
                        at["channel"].eq(here["biases"]),
                        at["weight"].eq(here["weights"]),
                        at["x"].eq(at["x"] + 1),
                        at["x_corner"].eq(at["x_corner"] + here["window_width"]),
                    ]
                    with m.If(last["x"]):
                        m.d.sync += [
                            at["x"].eq(0),
                            at["x_corner"].eq(here["x_first"]),
                            at["y"].eq(at["y"] + 1),
                            at["y_corner"].eq(at["y_corner"] + here["window_height"]),
                        ]
                        with m.If(last["y"]):
                            m.d.sync += [
                                at["y"].eq(0),
                                at["layer"].eq(at["follows"]),
                                at["y_corner"].eq(following["y_first"]),
                                at["x_corner"].eq(following["x_first"]),
                                at["channel"].eq(following["biases"]),
                                at["weight"].eq(following["weights"]),
                            ]

    def _table(self, m, axis: str,
               tables: list[GatherTables]) -> tuple[list[int], memory.Memory]:
        """First row of each layer, and the memory of the parts of the addresses along ``axis``."""
        layout = MacJobLayout(self.params)
        shape: dict = {"activation": layout["activation"].shape, "weight": layout["weight"].shape,
                       "count": layout[axis].shape}
        if axis == "x":
            shape["run"] = layout["run"].shape
        first, rows = [], []
        for layer in tables:
            first.append(len(rows))
            part = getattr(layer, axis)
            columns = [getattr(part, name).tolist() for name in shape]
            rows += [dict(zip(shape, row, strict=True)) for row in zip(*columns, strict=True)]
        table = memory.Memory(shape=data.StructLayout(shape), depth=max(2, len(rows)), init=rows)
        m.submodules[f"table_{axis}"] = table
        return first, table
