"""The contract once more, in plain Python ints: loops over samples, steps, neurons and synapses.

It shares no code with the golden model: it is written from the documentation of
:mod:`hubel.hdl.population`, :mod:`hubel.hdl.projection` and :mod:`hubel.hdl.counters`, and slow.
"""

from typing import Any, NamedTuple

import numpy as np

from hubel.hdl.counters import Counters
from hubel.hdl.program import Conv2d, Dense, Population, Program, Projection, Reset, Shape, Sparse


class Outcome(NamedTuple):
    """Arrays of shape (samples, steps, neurons) of each population by name, ``saturations`` of
    shape (samples, steps), and counters, one value for each sample."""

    spikes: dict[str, np.ndarray]
    membrane: dict[str, np.ndarray]
    current: dict[str, np.ndarray]
    adaptation: dict[str, np.ndarray]
    saturations: dict[str, np.ndarray]
    counters: dict[str, list[int]]


class Neuron:
    """One neuron with its state: membrane ``v``, synaptic current ``u``, adaptation ``a``, and
    ``silent``, the steps that it still rests."""

    def __init__(self, p: Population, number: int, state_width: int) -> None:
        def own(value: Any) -> int:
            return int(value[number]) if isinstance(value, np.ndarray) else value

        self.p = p
        self.state_width = state_width
        self.high = 2 ** (state_width - 1) - 1
        self.low = -(2 ** (state_width - 1))
        self.threshold, self.decay = own(p.threshold), own(p.decay)
        self.v_reset, self.bias = own(p.v_reset), own(p.bias)
        self.u_decay = None if p.u_decay is None else own(p.u_decay)
        self.v, self.u, self.a, self.silent = own(p.v_init), own(p.u_init), 0, 0

    def clip(self, x: int) -> int:
        return min(max(x, self.low), self.high)

    @staticmethod
    def leak(x: int, factor: int) -> int:
        """``x * factor / 4096``, without what is after the point."""
        magnitude = abs(x) * factor // 4096
        return magnitude if x >= 0 else -magnitude

    def step(self, weights: int, each_event: list[int] | None = None) -> tuple[bool, bool]:
        """Advance by a step whose events bring ``weights``; return (fired, saturated).

        With ``each_event``, the weights one by one, saturate after every event, as ODIN does:
        what the contract forbids.
        """
        p = self.p
        drive = weights * 2**p.shift
        # The current and the adaptation go on while the neuron rests.
        if self.u_decay is not None:
            u = self.leak(self.u, self.u_decay) + drive
            if p.u_wraps:
                u = (u - self.low) % 2**self.state_width + self.low
            self.u = drive = self.clip(u)
        if p.a_decay is not None:
            self.a = self.leak(self.a, p.a_decay)
        if self.silent:
            self.silent -= 1
            return False, False
        # Late: what is seen is the membrane at the end of the step before.
        late = p.reset is Reset.SOFT_LATE and self.v > self.threshold
        v = self.leak(self.v, self.decay)
        if each_event is None:
            v += drive
        for weight in each_event or ():
            v = self.clip(v + weight)
        v += self.bias - (self.v_reset if late else 0)
        saturated = not self.low <= v <= self.high
        v = self.clip(v)
        if p.v_min is not None:
            v = max(v, p.v_min)
        fired = v > self.threshold + self.a
        if fired:
            if p.reset is Reset.HARD:
                v = self.v_reset
            elif p.reset is Reset.SOFT:
                v -= self.v_reset
            self.silent = p.refractory
            if p.a_decay is not None:
                self.a = self.clip(self.a + p.a_step)
        self.v = v
        return fired, saturated


def pooled(spikes: list[bool], source: Shape, pool: tuple[int, int]) -> list[list[list[int]]]:
    """Sums of windows without overlap, indexed by channel, row and column."""
    channels, height, width = source.sizes
    return [
        [
            [
                sum(
                    spikes[(c * height + y * pool[0] + i) * width + x * pool[1] + j]
                    for i in range(pool[0])
                    for j in range(pool[1])
                )
                for x in range(width // pool[1])
            ]
            for y in range(height // pool[0])
        ]
        for c in range(channels)
    ]


def convolved(projection: Conv2d, planes: list[list[list[int]]], target: Shape) -> list[int]:
    """``torch.nn.functional.conv2d`` by its definition: the sum over the channels of the group and
    over the kernel's rows and columns of weight times what lies under it; outside are zeros."""
    p, kernel = projection, projection.weights.tolist()
    height, width = len(planes[0]), len(planes[0][0])
    group_sources = len(planes) // p.groups
    group_targets = target.channels // p.groups
    result = []
    for channel in range(target.channels):
        first = channel // group_targets * group_sources
        for out_y in range(target.height):
            for out_x in range(target.width):
                total = 0
                for i, rows in enumerate(kernel[channel]):
                    for ky, row in enumerate(rows):
                        y = out_y * p.stride[0] - p.padding[0] + ky * p.dilation[0]
                        if not 0 <= y < height:
                            continue
                        for kx, weight in enumerate(row):
                            x = out_x * p.stride[1] - p.padding[1] + kx * p.dilation[1]
                            if 0 <= x < width:
                                total += weight * planes[first + i][y][x]
                result.append(total)
    return result


def currents(projection: Projection, spikes: list[bool], source: Shape, target: Shape) -> list[int]:
    """What ``projection`` brings to each neuron of its target."""
    if isinstance(projection, Conv2d):
        return convolved(projection, pooled(spikes, source, projection.pool), target)
    weights = projection.weights.tolist()
    result = [0] * target.neurons
    if isinstance(projection, Dense):
        planes = pooled(spikes, source, projection.pool)
        axons = [count for plane in planes for row in plane for count in row]
        for axon, count in enumerate(axons):
            for neuron in range(target.neurons if count else 0):
                result[neuron] += count * weights[axon][neuron]
        return result
    for neuron, spike in enumerate(spikes):
        if spike:
            for i in range(int(projection.first[neuron]), int(projection.first[neuron + 1])):
                result[int(projection.targets[i])] += weights[i]
    return result


def reference(program: Program, spikes: np.ndarray, *, lanes: int = 8) -> Outcome:
    """Run ``program`` on spikes of shape (samples, steps, inputs)."""
    samples, steps, _ = spikes.shape
    kinds = Outcome({}, {}, {}, {}, {}, {name: [0] * samples for name in Counters.names()})
    for p in program.populations:
        for kind in kinds[:4]:
            kind[p.name] = np.zeros((samples, steps, p.neurons), dtype=np.int64)
        kinds.saturations[p.name] = np.zeros((samples, steps), dtype=np.int64)
    walks = {p.name: Walk(program, p, lanes) for p in program.projections}
    for sample in range(samples):
        neurons = {
            p.name: [Neuron(p, n, program.state_width) for n in range(p.neurons)]
            for p in program.populations
        }
        history: list[dict[str, list[bool]]] = []
        for step in range(steps):
            history.append({})
            at = 0
            for source in program.inputs:
                end = at + source.shape.neurons
                history[step][source.name] = spikes[sample, step, at:end].tolist()
                at = end
            for p in program.populations:
                arriving = [
                    (projection, history[step - projection.delay][projection.source])
                    for projection in program.projections
                    if projection.target == p.name and step >= projection.delay
                ]
                total = [0] * p.neurons
                for projection, fired in arriving:
                    source = program.shape_of(projection.source)
                    brought = currents(projection, fired, source, p.shape)
                    total = [a + b for a, b in zip(total, brought, strict=True)]
                answers = [n.step(x) for n, x in zip(neurons[p.name], total, strict=True)]
                history[step][p.name] = [fired for fired, _ in answers]
                place = sample, step
                kinds.spikes[p.name][place] = history[step][p.name]
                kinds.saturations[p.name][place] = sum(clipped for _, clipped in answers)
                kinds.membrane[p.name][place] = [n.v for n in neurons[p.name]]
                kinds.current[p.name][place] = [n.u for n in neurons[p.name]]
                kinds.adaptation[p.name][place] = [n.a for n in neurons[p.name]]
                _count(kinds.counters, sample, program, p, arriving, walks, lanes)
            for name, fired in history[step].items():
                # Input 0 is heard as a clock where a population has no source without delay.
                timed = any(
                    all(q.delay for q in program.projections if q.target == p.name)
                    for p in program.populations
                )
                heard = any(q.source == name for q in program.projections)
                if heard or (timed and name == program.inputs[0].name):
                    kinds.counters["events"][sample] += sum(fired)
        for p in program.populations:
            kinds.counters["spikes"][sample] += int(kinds.spikes[p.name][sample].sum())
            kinds.counters["saturations"][sample] += int(kinds.saturations[p.name][sample].sum())
    return kinds


class Walk:
    """Weight words and synapses that each spike of a projection's source meets, counted by
    looking at every pair of neurons."""

    def __init__(self, program: Program, projection: Projection, lanes: int) -> None:
        source = program.shape_of(projection.source)
        target = program.shape_of(projection.target)
        self.gathers = program.gathers(projection)
        self.words: list[int] = []
        self.synapses: list[int] = []
        # Channels lie side by side in a word, places in words of their own.
        word = [
            (n % (target.height * target.width), n // (target.height * target.width) // lanes)
            for n in range(target.neurons)
        ]
        for neuron in range(source.neurons):
            met = meets(projection, neuron, source, target)
            self.synapses.append(len(met))
            if isinstance(projection, Sparse):
                lane = [n // (target.height * target.width) % lanes for n in met]
                self.words.append(max(map(lane.count, lane), default=0))
            else:
                self.words.append(len({word[n] for n in met}))


def meets(projection: Projection, neuron: int, source: Shape, target: Shape) -> list[int]:
    """Neurons of the target that a spike of ``neuron`` is connected with; all weights count, those
    of zero too."""
    if isinstance(projection, Sparse):
        first, last = projection.first[neuron : neuron + 2]
        return projection.targets[first:last].tolist()
    alone = [n == neuron for n in range(source.neurons)]
    ones = projection.with_weights(np.ones_like(projection.weights))
    return [n for n, count in enumerate(currents(ones, alone, source, target)) if count]


def _count(
    counters: dict[str, list[int]],
    sample: int,
    program: Program,
    p: Population,
    arriving: list[tuple[Projection, list[bool]]],
    walks: dict[str, Walk],
    lanes: int,
) -> None:
    """Add a step of population ``p`` to the counters of the walks and updates."""
    state_words = -(-p.shape.channels // lanes) * p.shape.height * p.shape.width
    slots = int(any(q.target == p.name and not walks[q.name].gathers for q in program.projections))
    for projection, fired in arriving:
        walk = walks[projection.name]
        for neuron, spike in enumerate(fired):
            if not spike:
                continue
            counters["weight_reads"][sample] += walk.words[neuron]
            counters["synaptic_operations"][sample] += walk.synapses[neuron]
            if walk.gathers:
                slots += walk.words[neuron] > 0
            else:
                counters["busy"][sample] += max(walk.words[neuron], 1)
    # Parameters that differ between neurons, anywhere on the core, cost a read of each state word.
    rows = any(
        isinstance(getattr(q, what), np.ndarray)
        for q in program.populations
        for what in ("bias", "threshold", "v_reset", "decay", "u_decay")
    )
    counters["busy"][sample] += state_words * max(slots, 2 if rows else 1)
    counters["updates"][sample] += state_words
