"""Spikes as the events that a board takes, and its events as spikes."""

import numpy as np
import numpy.typing as npt

from hubel.hdl.events import EventKind, EventLayout
from hubel.hdl.link_protocol import event_bytes
from hubel.hdl.params import CoreParams
from hubel.hdl.program import Program
from hubel.sim.golden import by_input
from hubel.sim.streams import Packing

Bools = npt.NDArray[np.bool_]


def step_events(program: Program, params: CoreParams, spikes: Bools) -> list[npt.NDArray[np.uint8]]:
    """The bytes of the events of each step of ``spikes``, shape (samples, steps, inputs), one
    array for each step of each sample."""
    packing, size = Packing(EventLayout(params)), event_bytes(params)

    def as_bytes(words: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
        return words.astype("<u8").view(np.uint8).reshape(-1, 8)[:, :size].reshape(-1)

    inputs = range(len(params.inputs))
    markers = {
        kind: as_bytes(np.array([packing.pack(kind=kind.value, source=i) for i in inputs]))
        for kind in (EventKind.START, EventKind.END)
    }
    at = packing.fields["code"][0]
    words = [
        (shape.codes() << at) + packing.pack(source=i) for i, shape in enumerate(params.inputs)
    ]
    parts = by_input(program, spikes)
    result = []
    for sample in range(spikes.shape[0]):
        for step in range(spikes.shape[1]):
            fired = [w[part[sample, step]] for w, part in zip(words, parts, strict=True)]
            start = [markers[EventKind.START]] if step == 0 else []
            result.append(
                np.concatenate([*start, as_bytes(np.concatenate(fired)), markers[EventKind.END]])
            )
    return result


class OutputSpikes:
    """Collects the events of the outputs as spikes.

    Attributes
    ----------
    steps : int
        Steps that all outputs have completed.
    spikes : list of array of bool, shape (samples, steps, neurons)
        One for each output, in their order.
    """

    def __init__(self, params: CoreParams, samples: int, steps: int):
        self._size = event_bytes(params)
        self._packing = Packing(EventLayout(params))
        self._steps = steps
        self._place = {params.source_of(p): i for i, p in enumerate(params.outputs)}
        shapes = [params.populations[p] for p in params.outputs]
        self._neurons = [{int(c): n for n, c in enumerate(s.codes())} for s in shapes]
        self.spikes = [np.zeros((samples, steps, s.neurons), dtype=np.bool_) for s in shapes]
        self._done = [0] * len(shapes)
        self._fresh = [False] * len(shapes)

    @property
    def steps(self) -> int:
        """Steps that all outputs have completed."""
        return min(self._done)

    def feed(self, data: bytes) -> None:
        """Take the events in ``data``.

        Raises
        ------
        ValueError
            If they make no sense: of no output, twice in a step, too many, out of their order.
        """
        if len(data) % self._size:
            raise ValueError(f"{len(data)} bytes are no events of {self._size} bytes")
        for at in range(0, len(data), self._size):
            self._take(int.from_bytes(data[at : at + self._size], "little"))

    def _take(self, word: int) -> None:
        fields = self._packing.unpack(word)
        output = self._place.get(fields["source"])
        if output is None or fields["kind"] > EventKind.START.value:
            raise ValueError(f"event {word:#x} is of no output")
        sample, step = divmod(self._done[output], self._steps)
        if sample >= len(self.spikes[output]):
            raise ValueError(f"output {output} goes on after its last step")
        kind = EventKind(fields["kind"])
        if kind is EventKind.START:
            if step or self._fresh[output]:
                raise ValueError(f"output {output}: a sample begins in step {step}")
            self._fresh[output] = True
            return
        if step == 0 and not self._fresh[output]:
            raise ValueError(f"output {output}: sample {sample} did not begin")
        if kind is EventKind.SPIKE:
            neuron = self._neurons[output].get(fields["code"])
            if neuron is None or self.spikes[output][sample, step, neuron]:
                raise ValueError(f"output {output}: code {fields['code']} is not there, or twice")
            self.spikes[output][sample, step, neuron] = True
            return
        self._done[output] += 1
        self._fresh[output] = False
