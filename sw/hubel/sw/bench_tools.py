"""Other simulators run a Program in floating point, each in its own way, one sample on one thread.

They take what :mod:`.bench_simulators` has: populations that leak, with a hard reset to 0 and one
threshold each; Dense projections, and Sparse ones without delay (one to one) or with a delay of 1
step. Their membranes are neither rounded nor clipped, so that spikes differ a little from those of
the integers.
"""

import os
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from hubel.hdl.params import DECAY_SHIFT
from hubel.hdl.program import Population, Program, Projection, Sparse

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, eq=False)
class Timed:
    """Seconds that a simulation took, without what built it, and the spikes of each neuron of each
    population, arrays of shape (neurons,)."""

    seconds: float
    counts: dict[str, npt.NDArray[np.int64]]


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A simulator: its name here, its package to import and to install, and what runs a Program on
    the spikes of one sample, shape (steps, inputs)."""

    name: str
    package: str
    pip: str
    run: Callable[[Program, Bools], Timed]

    @property
    def missing(self) -> str | None:
        """What to say where it is not installed."""
        try:
            imported(self.package)
        except ImportError:
            return f"not installed: pip install {self.pip}"
        except AttributeError as error:
            # Brian2 2.9, the last one for Python 3.11, with NumPy 2.4.
            return f"does not go with what is installed ({error}): pip install {self.pip}"
        return None


def imported(package: str) -> Any:
    """The module ``package``, without what it says and warns of when it starts."""
    os.environ.setdefault("PYNEST_QUIET", "1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return import_module(package)


def _beta(population: Population) -> float:
    """What a membrane is multiplied by each step."""
    return float(population.decay) / (1 << DECAY_SHIFT)


def _threshold(population: Population) -> float:
    """Between two integers, so that ``>`` and ``>=`` are the same."""
    return float(population.threshold) + 0.5


def _pairs(projection: Projection) -> tuple[npt.NDArray, npt.NDArray, npt.NDArray]:
    """Source neuron, target neuron and weight of each synapse."""
    if isinstance(projection, Sparse):
        sources = np.repeat(np.arange(len(projection.first) - 1), np.diff(projection.first))
        return sources, projection.targets, projection.weights.astype(np.float64)
    sources, targets = np.indices(projection.weights.shape).reshape(2, -1)
    return sources, targets, projection.weights.astype(np.float64).ravel()


def run_brian2(program: Program, spikes: Bools) -> Timed:
    """Brian2 with Cython; the clock runs from the start of the first step to the end of the last.

    Within a step all is done in the order of the contract: decay, what arrives, compare, reset.
    A recurrent synapse comes before the comparison and so hears the step before.
    """
    b2 = imported("brian2")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        b2.prefs.codegen.target = "cython"
        b2.defaultclock.dt = 1 * b2.ms
        steps, neurons = np.nonzero(spikes)
        groups = {
            program.inputs[0].name: b2.SpikeGeneratorGroup(spikes.shape[1], neurons, steps * b2.ms)
        }
        synapses, monitors = [], {}
        for order, p in enumerate(program.populations):
            group = b2.NeuronGroup(
                p.neurons,
                "dv/dt = -v / tau : 1",
                threshold="v > threshold",
                reset="v = 0",
                method="exact",
                namespace={"tau": -b2.ms / np.log(_beta(p)), "threshold": _threshold(p)},
            )
            group.thresholder["spike"].when = "after_synapses"
            group.thresholder["spike"].order = 2 * order + 1
            groups[p.name] = group
            monitors[p.name] = b2.SpikeMonitor(group, record=False)
        for projection in program.projections:
            target = groups[projection.target]
            synapse = b2.Synapses(groups[projection.source], target, "w : 1", on_pre="v_post += w")
            sources, targets, weights = _pairs(projection)
            synapse.connect(i=sources, j=targets)
            synapse.w = weights
            if projection.delay == 0 and projection.source != program.inputs[0].name:
                synapse.pre.when = "after_synapses"
                synapse.pre.order = target.thresholder["spike"].order - 1
            synapses.append(synapse)
        moments: list[float] = []
        clock = [
            b2.NetworkOperation(lambda: moments.append(time.perf_counter()), when=when)
            for when in ("start", "end")
        ]
        net = b2.Network(*groups.values(), *synapses, *monitors.values(), *clock)
        net.run(len(spikes) * b2.ms)
        counts = {name: np.array(monitor.count) for name, monitor in monitors.items()}
    return Timed(seconds=moments[-1] - moments[0], counts=counts)


def run_nest(program: Program, spikes: Bools) -> Timed:
    """NEST with iaf_psc_delta; the clock runs while the kernel does.

    Every hop takes one step there, so that each population is one step later than the one before.
    """
    nest = imported("nest")
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.ResetKernel()
    nest.set(resolution=1.0, local_num_threads=1)
    inputs = nest.Create("spike_generator", spikes.shape[1])
    # A spike in step s is sent at s + 1 and arrives one step later.
    inputs.set([{"spike_times": np.flatnonzero(axon) + 1.0} for axon in spikes.T])
    groups, recorders = {program.inputs[0].name: inputs}, {}
    for p in program.populations:
        constants = {
            "tau_m": -1 / np.log(_beta(p)),
            "E_L": 0.0,
            "V_m": 0.0,
            "V_reset": 0.0,
            "V_th": _threshold(p),
            "t_ref": 0.0,
        }
        groups[p.name] = nest.Create("iaf_psc_delta", p.neurons, params=constants)
        recorders[p.name] = nest.Create("spike_recorder")
        nest.Connect(groups[p.name], recorders[p.name])
    for projection in program.projections:
        sources, targets, weights = _pairs(projection)
        nest.Connect(
            np.array(groups[projection.source].tolist())[sources],
            np.array(groups[projection.target].tolist())[targets],
            "one_to_one",
            {"weight": weights, "delay": np.ones(len(weights))},
        )
    steps = len(spikes)
    nest.Prepare()
    start = time.perf_counter()
    nest.Run(float(steps + 1 + len(program.populations)))
    seconds = time.perf_counter() - start
    nest.Cleanup()
    counts = {}
    for late, p in enumerate(program.populations):
        events = recorders[p.name].events
        inside = events["times"] <= steps + 1 + late
        first = groups[p.name].tolist()[0]
        counts[p.name] = np.bincount(events["senders"][inside] - first, minlength=p.neurons)
    return Timed(seconds=seconds, counts=counts)


def run_snntorch(program: Program, spikes: Bools) -> Timed:
    """snnTorch as its tutorials write it: a loop over steps, a Linear and a Leaky for each
    population, without gradients."""
    snn, torch = imported("snntorch"), imported("torch")
    torch.set_num_threads(1)
    linear, leaky = {}, {}
    for projection in program.projections:
        sources, targets, weights = _pairs(projection)
        if isinstance(projection, Sparse) and projection.delay == 0:
            linear[projection.name] = torch.tensor(weights, dtype=torch.float32).mul
            continue
        shape = [program.shape_of(name).neurons for name in (projection.source, projection.target)]
        matrix = torch.zeros(*shape)
        matrix[sources, targets] = torch.tensor(weights, dtype=torch.float32)
        layer = torch.nn.Linear(*shape, bias=False)
        layer.weight.data = matrix.T.contiguous()
        linear[projection.name] = layer
    for p in program.populations:
        leaky[p.name] = snn.Leaky(
            beta=_beta(p), threshold=_threshold(p), reset_mechanism="zero", reset_delay=False
        )
    frames = torch.tensor(spikes, dtype=torch.float32)[:, None]
    with torch.no_grad():
        mem = {p.name: torch.zeros(1, p.neurons) for p in program.populations}
        fired = {p.name: torch.zeros(1, p.neurons) for p in program.populations}
        counts = {p.name: torch.zeros(1, p.neurons) for p in program.populations}
        start = time.perf_counter()
        for frame in frames:
            fired[program.inputs[0].name] = frame
            for p in program.populations:
                drive = sum(linear[q.name](fired[q.source]) for q in program.into(p.name))
                fired[p.name], mem[p.name] = leaky[p.name](drive, mem[p.name])
                counts[p.name] += fired[p.name]
        seconds = time.perf_counter() - start
    found = {name: count[0].numpy().astype(np.int64) for name, count in counts.items()}
    return Timed(seconds=seconds, counts=found)


TOOLS = (
    Tool(name="Brian2 (cython)", package="brian2", pip="brian2 'numpy<2.4'", run=run_brian2),
    Tool(name="NEST", package="nest", pip="nest-simulator", run=run_nest),
    Tool(name="snnTorch", package="snntorch", pip="'hubel[snntorch]'", run=run_snntorch),
)
