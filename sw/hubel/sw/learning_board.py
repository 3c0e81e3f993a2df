"""A board with a learning core at a serial port: load a layer, show it samples, read it back."""

import hashlib

import numpy as np
import numpy.typing as npt

from hubel.hdl.events import EventKind, EventLayout
from hubel.hdl.identity import configuration_hash
from hubel.hdl.learning_access import LearningMemory
from hubel.hdl.learning_counters import LEARNING_COUNTERS
from hubel.hdl.learning_events import Reward
from hubel.hdl.learning_packets import (
    INPUTS,
    REWARDS,
    TEACHER,
    learning_identity,
    learning_sizes,
)
from hubel.hdl.stdp_params import LearningParams, LearningRates
from hubel.sim.learning import Layer
from hubel.sim.learning_image import (
    layer_from,
    layer_parts,
    load_bytes,
    rate_bytes,
    weight_parts,
)
from hubel.sim.streams import Packing

from .board_events import Bools, OutputSpikes
from .board_link import BoardLink, Progress, no_progress

Ints = npt.NDArray[np.int64]

_REWARDS = {1: Reward.REWARD, 0: Reward.NONE, -1: Reward.PUNISHMENT}


class LearningBoard(BoardLink):
    """A board with a learning core at a serial port; a context manager.

    Its events, memories and counters are those of the golden :class:`~hubel.sim.learning.Layer`. A
    board that starts anew has forgotten what it learned: that is an error, and a layer is to be
    loaded again.

    Parameters, attributes and errors are those of :class:`~hubel.sw.board_link.BoardLink`.
    """

    _params: LearningParams | None = None

    def __enter__(self) -> "LearningBoard":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def load(self, layer: Layer, *, on_progress: Progress = no_progress) -> None:
        """Load all of ``layer``; it begins with a new sample.

        Raises
        ------
        ValueError
            If the board has a core of other sizes; the message names both. If a rate rounds to
            nothing.
        LinkError
            If the board does not answer.
        """
        layer.rates.check(layer.params)
        self._params = layer.params
        self._check()
        parts = [(memory.value, address, data) for memory, address, data in load_bytes(layer)]
        tag = hashlib.sha256(b"".join(data for _, _, data in parts)).digest()[:8]
        self._persistently(lambda: self._load(parts, tag, on_progress))

    def _check(self) -> None:
        if self._params is None:
            return
        wanted = configuration_hash(self._params)
        if self.identity.configuration != wanted:
            mine = learning_identity(self._params).text
            raise ValueError(
                f"{self.link.name}: the board has a core of {self.identity.text} "
                f"({self.identity.configuration.hex()}), and the layer needs {mine} "
                f"({wanted.hex()})"
            )

    def _loaded(self) -> LearningParams:
        if self._params is None:
            raise ValueError(f"{self.link.name}: no layer was given; call board.load(layer) first")
        return self._params

    def set_rates(self, rates: LearningRates) -> None:
        """New rates, between two steps; ValueError if one rounds to nothing."""
        rates.check(self._loaded())
        part = (LearningMemory.RATES.value, 0, rate_bytes(rates))
        self._load([part], self.identity.tag, no_progress)

    def run(self, spikes: npt.ArrayLike, *, on_progress: Progress = no_progress) -> Bools:
        """Show samples to the layer, which remembers them and, if its rates say so, learns.

        Parameters
        ----------
        spikes : array of bool, shape (samples, steps, inputs)
        on_progress : callable
            Is told how many steps of how many are done.

        Returns
        -------
        fired : array of bool, shape (samples, steps, neurons)

        Raises
        ------
        ValueError
            If no layer was given, or the spikes do not suit it.
        LinkError
            If the board does not answer, or what it answers makes no sense.
        """
        params, shown = self._loaded(), np.asarray(spikes, dtype=np.bool_)
        if shown.ndim != 3 or shown.shape[2] != params.inputs or not shown.shape[1]:
            raise ValueError(
                f"spikes must have shape (samples, steps, {params.inputs}), not {shown.shape}"
            )
        samples, steps, _ = shown.shape
        events = []
        for sample in shown:
            events.append((EventKind.START, INPUTS, 0))
            for step in sample:
                events += [(EventKind.SPIKE, INPUTS, code) for code in np.flatnonzero(step)]
                events.append((EventKind.END, INPUTS, 0))
        outputs = OutputSpikes(learning_sizes(params), samples, steps)
        total = samples * steps
        self._exchange(
            self._as_bytes(params, events), outputs, total, lambda n: on_progress(n, total)
        )
        return outputs.spikes[0]

    def reward(self, sign: int) -> None:
        """A reward (1), a punishment (-1) or neither (0), as for
        :meth:`~hubel.sim.learning.Layer.reward`."""
        self._tell(REWARDS, _REWARDS[sign].value)

    def learn(self, neuron: int) -> None:
        """``neuron`` learns, as if it had fired alone."""
        params = self._loaded()
        if not 0 <= neuron < params.neurons:
            raise ValueError(f"neuron must be in 0..{params.neurons - 1}, not {neuron}")
        self._tell(TEACHER, neuron)

    def _tell(self, source: int, code: int) -> None:
        params = self._loaded()
        data = self._as_bytes(params, [(EventKind.SPIKE, source, code)])
        self._exchange(data, OutputSpikes(learning_sizes(params), 0, 1), 0)

    def _as_bytes(self, params: LearningParams, events: list[tuple[EventKind, int, int]]) -> bytes:
        packing = Packing(EventLayout(learning_sizes(params)))
        return b"".join(
            packing.pack(kind=kind.value, source=source, code=int(code)).to_bytes(
                self.identity.event_bytes, "little"
            )
            for kind, source, code in events
        )

    def weights(self) -> Ints:
        """What the weights are now, shape (inputs, neurons)."""
        params = self._loaded()
        data = b"".join(self._read(m.value, at, count) for m, at, count in weight_parts(params))
        flat = np.frombuffer(data, dtype=f"<u{params.weight_width // 8}")
        return flat.reshape(params.inputs, params.neurons).astype(np.int64)

    def traces(self) -> Ints:
        """The traces x of the inputs as the last step left them."""
        count = 2 * self._loaded().inputs
        return np.frombuffer(self._read(LearningMemory.TRACES.value, 0, count), "<u2").astype(int)

    def layer(self) -> Layer:
        """All that the board has learned: weights, neurons, rates and random bits as they are."""
        params = self._loaded()
        contents = [self._read(m.value, at, count) for m, at, count in layer_parts(params)]
        return layer_from(params, contents)

    def counters(self) -> dict[str, int]:
        """What the core has counted since the session began, modulo 2**32."""
        return self._counters(LEARNING_COUNTERS)
