"""Simulators side by side: the same networks and input spikes on ours and on what others use.

One sample on one thread. The networks are those of the comparison in the literature of
simulators: two feed-forward ones and a recurrent one, leaky with beta = exp(-1/20), which fall to
0 when they fire, because all tools can do that.
"""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from hubel.hdl.program import (
    Dense,
    Population,
    Program,
    Projection,
    Reset,
    Shape,
    Source,
    Sparse,
)
from hubel.sim import gateware, golden
from hubel.sim.toolchain import ToolMissing

from .bench_golden import DECAY, NETWORKS, RATE, random_chain
from .bench_tools import TOOLS, Bools, Timed

_REPEATS = 3
#: Neurons of the recurrent network, and the share of pairs that have a synapse.
_NEURONS, _DENSITY = 1000, 0.1


@dataclass(frozen=True, kw_only=True)
class Case:
    """A network to run for ``steps``; its axons spike at random in 5 % of them."""

    name: str
    steps: int
    build: Callable[[np.random.Generator], Program]


@dataclass(frozen=True, kw_only=True)
class Row:
    """What a tool took for one sample of a network; None where it is not installed, as ``note``
    says.

    ``spikes`` are those of all populations, ``events`` the synapses that input spikes and spikes
    met, ``seconds`` the best of three; ``clocks`` is how long the gateware would take.
    """

    network: str
    tool: str
    steps: int
    spikes: int | None = None
    events: int | None = None
    seconds: float | None = None
    clocks: int | None = None
    note: str | None = None

    @property
    def rate(self) -> float | None:
        """Synaptic events a second, in millions."""
        return None if self.seconds is None else (self.events or 0) / self.seconds / 1e6

    @property
    def step_us(self) -> float | None:
        """Microseconds a step."""
        return None if self.seconds is None else self.seconds / self.steps * 1e6

    def to_json(self) -> dict[str, Any]:
        """A dictionary that ``json.dumps`` accepts."""
        return {**asdict(self), "rate": self.rate, "step_us": self.step_us}


def chain(sizes: tuple[int, ...], rng: np.random.Generator) -> Program:
    """The network of ``hubel bench golden``, with hard resets."""
    program = random_chain(sizes, rng)
    hard = tuple(replace(p, reset=Reset.HARD, v_reset=0) for p in program.populations)
    return replace(program, populations=hard)


def recurrent(rng: np.random.Generator, neurons: int = _NEURONS) -> Program:
    """Neurons that each hear an axon of their own and a tenth of the others; the weights make them
    spike in about 5 % of the steps, as the axons do."""
    pairs = rng.random((neurons, neurons)) < _DENSITY
    np.fill_diagonal(pairs, False)
    population = Population(
        name="neurons", shape=Shape(neurons), threshold=130, decay=DECAY, reset=Reset.HARD
    )
    drive = Sparse(
        name="drive",
        source="input",
        target="neurons",
        weights=np.full(neurons, 127),
        first=np.arange(neurons + 1),
        targets=np.arange(neurons),
    )
    synapses = Sparse(
        name="synapses",
        source="neurons",
        target="neurons",
        weights=rng.integers(-32, 32, np.count_nonzero(pairs)),
        first=np.concatenate([[0], np.cumsum(pairs.sum(axis=1))]),
        targets=np.nonzero(pairs)[1],
        delay=1,
    )
    return Program(
        inputs=(Source("input", Shape(neurons)),),
        populations=(population,),
        projections=(drive, synapses),
        outputs=("neurons",),
    )


CASES = (
    *(
        Case(name=name, steps=100, build=lambda rng, sizes=sizes: chain(sizes, rng))
        for name, sizes in NETWORKS.items()
    ),
    Case(name=f"{_NEURONS} recurrent", steps=1000, build=recurrent),
)


def bench_simulators(
    on_row: Callable[[Row], None] | None = None,
    *,
    cases: tuple[Case, ...] = CASES,
    with_gateware: bool = True,
) -> list[Row]:
    """Run all ``cases`` on golden, on the gateware in Verilator and on each of
    :data:`.bench_tools.TOOLS` that is installed; ``on_row`` is called with each row when it is
    there. Numbers of spikes differ a little where a tool neither rounds nor clips membranes.
    """
    rows: list[Row] = []

    def add(row: Row) -> None:
        rows.append(row)
        if on_row is not None:
            on_row(row)

    for case in cases:
        rng = np.random.default_rng(0)
        program = case.build(rng)
        spikes = rng.random((case.steps, program.input_neurons)) < RATE

        def row(tool: str, timed: Timed, case=case, program=program, spikes=spikes, **more) -> Row:
            return Row(
                network=case.name,
                tool=tool,
                steps=case.steps,
                spikes=sum(int(count.sum()) for count in timed.counts.values()),
                events=_events(program, spikes, timed.counts),
                seconds=timed.seconds,
                **more,
            )

        add(row("golden", _best(lambda p=program, s=spikes: _golden(p, s))))
        if with_gateware:
            try:
                timed, clocks = _gateware(program, spikes)
                add(row("gateware (Verilator)", timed, clocks=clocks))
            except ToolMissing as error:
                add(_missing(case, "gateware (Verilator)", str(error)))
        for tool in TOOLS:
            if tool.missing is not None:
                add(_missing(case, tool.name, tool.missing))
                continue
            run = tool.run
            add(row(tool.name, _best(lambda p=program, s=spikes, run=run: run(p, s))))
    return rows


def _missing(case: Case, tool: str, note: str) -> Row:
    return Row(network=case.name, tool=tool, steps=case.steps, note=note)


def _best(run: Callable[[], Timed]) -> Timed:
    """The fastest of some runs."""
    return min((run() for _ in range(_REPEATS)), key=lambda timed: timed.seconds)


def _counts(program: Program, fired: tuple[Bools, ...]) -> dict[str, npt.NDArray[np.int64]]:
    return {
        p.name: spikes[0].sum(axis=0, dtype=np.int64)
        for p, spikes in zip(program.populations, fired, strict=True)
    }


def _golden(program: Program, spikes: Bools) -> Timed:
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        start = time.perf_counter()
        trace = golden.run(program, spikes[None], record_membrane=False)
        seconds = time.perf_counter() - start
    return Timed(seconds=seconds, counts=_counts(program, trace.spikes))


def _gateware(program: Program, spikes: Bools) -> tuple[Timed, int | None]:
    """The time from the end of the build on, and the clocks."""
    moments = []
    trace = gateware.run(
        program,
        spikes[None],
        backend="verilator",
        on_stage=lambda _: moments.append(time.perf_counter()),
    )
    seconds = time.perf_counter() - moments[-1]
    return Timed(seconds=seconds, counts=_counts(program, trace.spikes)), trace.cycles


def _events(program: Program, spikes: Bools, counts: dict[str, npt.NDArray[np.int64]]) -> int:
    """Synapses that the spikes of all axons and neurons met."""
    sent = {program.inputs[0].name: spikes.sum(axis=0, dtype=np.int64), **counts}
    return sum(int(sent[p.source] @ _fan_out(p)) for p in program.projections)


def _fan_out(projection: Projection) -> npt.NDArray[np.int64]:
    """Synapses of each source neuron."""
    if isinstance(projection, Sparse):
        return np.diff(projection.first)
    assert isinstance(projection, Dense)
    return np.full(projection.weights.shape[0], projection.weights.shape[1])
