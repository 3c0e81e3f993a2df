"""The schedule against whole steps that are counted without a limit, on graphs of any kind; and the
rule itself: whatever happens when, nothing is ever stuck."""

from random import Random

import pytest

from hubel.hdl.params import CoreParams
from hubel.hdl.schedule import Schedule
from hubel.hdl.shape import Shape

from .clockwork import Clockwork
from .sizes import Edge, sizes
from .vectors import Clocks, compare


def graph(inputs: int, populations: int, edges: list[Edge]) -> CoreParams:
    return sizes((Shape(1),) * inputs, (Shape(1),) * populations, edges)


#: Edges are (source, target, delay); sources are numbered inputs first.
GRAPHS = {
    "chain": graph(1, 3, [(0, 0, 0), (1, 1, 0), (2, 2, 0)]),
    "itself": graph(1, 1, [(0, 0, 0), (1, 0, 1)]),
    "itself, later only": graph(1, 1, [(0, 0, 1), (1, 0, 1)]),
    "now and later": graph(1, 2, [(0, 0, 0), (0, 0, 1), (1, 1, 0), (1, 1, 1), (0, 1, 1)]),
    "a loop of three": graph(1, 3, [(0, 0, 0), (3, 0, 1), (1, 1, 0), (2, 2, 0), (3, 1, 1)]),
    "later back and forth": graph(1, 2, [(0, 0, 1), (2, 0, 1), (1, 1, 1)]),
    "diamond": graph(2, 3, [(0, 0, 0), (1, 1, 0), (2, 2, 0), (3, 2, 0), (4, 0, 1)]),
    "short cut": graph(1, 3, [(0, 0, 0), (1, 1, 0), (2, 2, 0), (0, 2, 0), (0, 2, 1)]),
    "not read": graph(2, 2, [(0, 0, 0), (0, 1, 1)]),
}


def random_graph(draw: Random) -> CoreParams:
    """One or two inputs, one to five populations, each fed by one to three sources."""
    inputs, populations = draw.randint(1, 2), draw.randint(1, 5)
    edges = []
    for p in range(populations):
        for _ in range(draw.randint(1, 3)):
            delay = int(draw.random() < 0.4)
            most = inputs + (populations if delay else p)
            edges.append((draw.randrange(most), p, delay))
    return graph(inputs, populations, edges)


class Core:
    """What may happen around a schedule: inputs send steps, in their order; one population at a
    time is walked; its END comes back some time later."""

    def __init__(self, params: CoreParams, steps: int):
        self.model = Clockwork(params)
        self.steps = steps
        self.walked: int | None = None
        self._heard = [bool(params.consumers(s)) for s in range(len(params.sources))]

    def ends(self) -> list[int]:
        """Sources whose next END may come now."""
        model = self.model
        first = [model.completed[i] for i in range(model.inputs) if self._heard[i]]
        sent = [i for i in range(model.inputs) if self._heard[i] and model.may_fill(i)
                and model.completed[i] == min(first) < self.steps]  # fmt: skip
        return sent + [
            s
            for p, finished in enumerate(model.finished)
            if self._heard[s := model.inputs + p] and model.completed[s] < finished
        ]

    def starts(self) -> list[int]:
        """Populations that may start now."""
        if self.walked is not None:
            return []
        return [p for p in range(self.model.populations) if self.model.may_start(p)]

    def finish(self) -> None:
        assert self.walked is not None
        self.model.finished[self.walked] += 1
        self.walked = None


def vectors(params: CoreParams, seed: int, *, steps: int, pace: float) -> tuple[Clocks, Clocks]:
    """Inputs and expected outputs until ``steps`` steps of all inputs are done; ``pace`` is how
    probable a population's progress is in a clock, and 1 less that of an input."""
    draw = Random(seed)
    core = Core(params, steps)
    model = core.model
    inputs: Clocks = []
    expected: Clocks = []
    while min(model.finished) < steps or core.ends():
        assert len(inputs) < 200 * steps * (1 + len(params.sources)), "stuck"
        may_fill = sum(model.may_fill(i) << i for i in range(model.inputs))
        may_start = sum(model.may_start(p) << p for p in range(model.populations))
        expected.append({"may_fill": may_fill, "may_start": may_start})
        clock = {"ended": 0, "finished": 0}
        ends, starts = core.ends(), core.starts()
        if ends:
            source = draw.choice(ends)
            if draw.random() < (pace if source >= model.inputs else 1 - pace):
                clock["ended"] = 1 << source
        finishes = core.walked is not None and draw.random() < pace
        if finishes:
            clock["finished"] = 1 << (core.walked or 0)
        inputs.append(clock)
        if starts and draw.random() < pace:
            core.walked = draw.choice(starts)
        if clock["ended"]:
            model.completed[clock["ended"].bit_length() - 1] += 1
        if finishes:
            core.finish()
    assert model.finished == [steps] * model.populations
    return inputs, expected


@pytest.mark.parametrize("pace", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("params", GRAPHS.values(), ids=GRAPHS.keys())
def test_known_graphs(params: CoreParams, pace: float) -> None:
    compare(Schedule(params), *vectors(params, 1, steps=30, pace=pace))


@pytest.mark.parametrize("pace", [0.1, 0.5, 0.9])
def test_random_graphs(pace: float) -> None:
    for seed in range(20):
        params = random_graph(Random(seed))
        compare(Schedule(params), *vectors(params, seed, steps=20, pace=pace))


@pytest.mark.parametrize("name", ["a loop of three", "short cut"])
def test_known_graphs_in_simulators(play, name: str) -> None:
    inputs, expected = vectors(GRAPHS[name], 2, steps=150, pace=0.5)
    compare(Schedule(GRAPHS[name]), inputs, expected, play)


def assert_never_stuck(params: CoreParams, steps: int) -> int:
    """AssertionError if, by any order of events, a core of ``params`` comes to rest before
    ``steps`` steps are done. Returns how many states it can be in."""

    def state(core: Core) -> tuple:
        return *core.model.completed, *core.model.finished, core.walked

    def at(found: tuple) -> Core:
        core = Core(params, steps)
        sources = len(params.sources)
        core.model.completed = list(found[:sources])
        core.model.finished = list(found[sources:-1])
        core.walked = found[-1]
        return core

    first = state(Core(params, steps))
    seen, todo = {first}, [first]
    while todo:
        here = todo.pop()
        core = at(here)
        after = []
        for source in core.ends():
            then = at(here)
            then.model.completed[source] += 1
            after.append(then)
        for p in core.starts():
            then = at(here)
            then.walked = p
            after.append(then)
        if core.walked is not None:
            then = at(here)
            then.finish()
            after.append(then)
        assert after or core.model.finished == [steps] * core.model.populations, here
        for then in map(state, after):
            if then not in seen:
                seen.add(then)
                todo.append(then)
    return len(seen)


@pytest.mark.parametrize("params", GRAPHS.values(), ids=GRAPHS.keys())
def test_nothing_is_ever_stuck(params: CoreParams) -> None:
    """Every order of events, for four steps: both lists of each source are used twice."""
    assert assert_never_stuck(params, 4) > 10


def test_nothing_is_ever_stuck_in_random_graphs() -> None:
    graphs = [random_graph(Random(seed)) for seed in range(100)]
    small = [params for params in graphs if len(params.sources) <= 4]
    assert len(small) > 30
    for params in small:
        assert_never_stuck(params, 3)


@pytest.mark.parametrize(
    "delay, clocks",
    [
        # ended, finished; may_fill and may_start before them
        (0, [(1, 0, 1, 0), (1, 0, 1, 1), (0, 1, 0, 1), (1, 0, 1, 1), (0, 1, 0, 1), (0, 1, 1, 1),
             (1, 0, 1, 0), (1, 1, 1, 1), (0, 0, 1, 1)]),
        (1, [(1, 0, 1, 0), (0, 1, 0, 1), (1, 0, 1, 0), (0, 0, 0, 1), (0, 1, 0, 1), (0, 0, 1, 0)]),
    ],
)  # fmt: skip
def test_how_far_an_input_may_be_ahead(delay: int, clocks: list[tuple[int, ...]]) -> None:
    """Two steps of a reader that reads them at once, one of a reader that still needs the step
    before; and a list is free in the clock after it was read."""
    inputs: Clocks = [{"ended": ended, "finished": finished} for ended, finished, _, _ in clocks]
    expected: Clocks = [{"may_fill": fill, "may_start": start} for _, _, fill, start in clocks]
    compare(Schedule(graph(1, 1, [(0, 0, delay)])), inputs, expected)
