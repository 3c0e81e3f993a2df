"""A learning core as :class:`hubel.sim.device.Device` serves it: the golden layer, and what the
link reads and writes of it. The gateware twin is :class:`hubel.hdl.learning_soc.LearningSoc`."""

from collections import deque
from collections.abc import Iterable

import numpy as np

from hubel.hdl.events import EventKind, EventLayout
from hubel.hdl.learning_access import LearningMemory
from hubel.hdl.learning_counters import LEARNING_COUNTERS
from hubel.hdl.learning_events import Reward
from hubel.hdl.learning_packets import (
    INPUTS,
    NEURONS,
    REWARDS,
    TEACHER,
    learning_identity,
    learning_sizes,
)
from hubel.hdl.lfsr_params import LFSR_WIDTH
from hubel.hdl.rates import RATE_REGISTERS
from hubel.hdl.stdp_params import LearningParams, LearningRates

from .device import Device
from .learning import Layer
from .learning_image import rate_bytes, rates_from
from .streams import Packing

_SIGNS = {Reward.REWARD.value: 1, Reward.PUNISHMENT.value: -1}


class LearningTwin:
    """What a device serves, by :class:`~hubel.sim.device.DeviceCore`: a layer.

    Parameters
    ----------
    params : LearningParams
    """

    def __init__(self, params: LearningParams):
        weights = np.zeros((params.inputs, params.neurons), dtype=np.int64)
        self.layer = Layer(params, LearningRates(), weights)
        self._packing = Packing(EventLayout(learning_sizes(params)))
        self._rates = bytearray(rate_bytes(self.layer.rates))
        self._inputs: set[int] = set()
        self._to_send: deque[int] = deque()
        self._fresh = False
        self._memory, self._row, self._bytes = 0, 0, bytearray()

    @property
    def idle(self) -> bool:
        return not self._to_send

    def reset(self) -> None:
        self.layer.start()
        self.layer.sign = 0
        self.layer.counters = dict.fromkeys(LEARNING_COUNTERS, 0)
        self._inputs.clear()
        self._to_send.clear()
        self._fresh = False

    def begin(self, memory: int, address: int) -> None:
        self._memory, self._row, self._bytes = memory, address, bytearray()

    def write(self, byte: int) -> None:
        """A row is stored with its last byte; of neurons each byte is."""
        row = bytearray(self._of_row())
        self._bytes.append(byte)
        complete = len(self._bytes) == len(row)
        if complete or self._memory == LearningMemory.NEURONS.value:
            row[: len(self._bytes)] = self._bytes
            self._store(bytes(row))
        if complete:
            self._row, self._bytes = self._row + 1, bytearray()

    def read(self) -> int:
        row = self._of_row()
        byte = row[len(self._bytes)]
        self._bytes.append(byte)
        if len(self._bytes) == len(row):
            self._row, self._bytes = self._row + 1, bytearray()
        return byte

    def _synapse(self) -> tuple[int, int]:
        bits = (self.layer.params.neurons - 1).bit_length()
        return self._row >> bits, self._row & ((1 << bits) - 1)

    def _of_row(self) -> bytes:
        layer, row = self.layer, self._row
        match LearningMemory(self._memory):
            case LearningMemory.WEIGHTS:
                size = layer.params.weight_width // 8
                return int(layer.weights[self._synapse()]).to_bytes(size, "little")
            case LearningMemory.NEURONS:
                return np.array([layer.v[row], layer.a[row], layer.y[row]], dtype="<u2").tobytes()
            case LearningMemory.RATES:
                return bytes(self._rates[2 * row : 2 * row + 2])
            case LearningMemory.RANDOM:
                return layer.lfsr.to_bytes(8, "little")[2 * row : 2 * row + 2]
            case LearningMemory.TRACES:
                return int(layer.x[row]).to_bytes(2, "little")

    def _store(self, data: bytes) -> None:
        layer, row = self.layer, self._row
        match LearningMemory(self._memory):
            case LearningMemory.WEIGHTS:
                layer.weights[self._synapse()] = int.from_bytes(data, "little")
            case LearningMemory.NEURONS:
                layer.v[row], layer.a[row], layer.y[row] = np.frombuffer(data, dtype="<u2")
            case LearningMemory.RATES:
                self._rates[2 * row : 2 * row + 2] = data
                if row == len(RATE_REGISTERS) - 1:
                    layer.rates = rates_from(bytes(self._rates))
            case LearningMemory.RANDOM:
                state = bytearray(layer.lfsr.to_bytes(8, "little"))
                state[2 * row : 2 * row + 2] = data
                layer.lfsr = int.from_bytes(state, "little") % (1 << LFSR_WIDTH)

    def event(self, word: int) -> None:
        kind, source, code = self._packing.unpack(word).values()
        spike = kind == EventKind.SPIKE.value
        if source == INPUTS and spike:
            self._inputs.add(code)
        elif source == INPUTS and kind == EventKind.START.value:
            self.layer.start()
            self._fresh = True
        elif source == INPUTS:
            self._step()
        elif source == REWARDS and spike:
            self.layer.reward(_SIGNS.get(code, 0))
        elif source == TEACHER and spike:
            self.layer.learn(code)

    def _step(self) -> None:
        if self._fresh:
            self._send(EventKind.START)
            self._fresh = False
        for neuron in self.layer.step(self._inputs):
            self._send(EventKind.SPIKE, neuron)
        self._send(EventKind.END)
        self._inputs.clear()

    def _send(self, kind: EventKind, code: int = 0) -> None:
        self._to_send.append(self._packing.pack(kind=kind.value, source=NEURONS, code=code))

    def outputs(self, most: int) -> list[int]:
        return [self._to_send.popleft() for _ in range(min(most, len(self._to_send)))]

    def counters(self) -> Iterable[int]:
        return self.layer.counters.values()


def learning_device(twin: LearningTwin) -> Device:
    """The device that serves ``twin``; it has no layer yet."""
    params = twin.layer.params
    return Device(learning_sizes(params), learning_identity(params), twin, loaded=False)
