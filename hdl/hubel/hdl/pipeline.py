"""When things happen: the cycles of the core's pipeline, counted from a slot of the walker."""

from dataclasses import dataclass

from .params import CoreParams, WalkKind

__all__ = ["Pipeline", "direct", "uses_tables"]


def direct(params: CoreParams, projection: int) -> bool:
    """The code of a spike is the number of its axon: no table is needed."""
    sizes = params.projections[projection]
    return sizes.kind is WalkKind.GATHER and params.sources[sizes.source].plain


def uses_tables(params: CoreParams) -> bool:
    """Some projection needs address tables."""
    return not all(direct(params, j) for j in range(len(params.projections)))


@dataclass(frozen=True)
class Pipeline:
    """The cycles of a core of these sizes."""
    params: CoreParams

    @property
    def load(self) -> int:
        """From the choice of a population, or from a projection to the next, until the walker's
        loops are loaded; the first slot of a sweep is a cycle later. Where there are tables there
        may be many long lists, and the count of one is kept in a register first."""
        return 2 if uses_tables(self.params) else 1

    @property
    def address(self) -> int:
        """Weights (and targets of sparse projections) are addressed; a cycle later they are
        there. A gathered spike takes three cycles from its list, and three more through tables."""
        return 6 if uses_tables(self.params) else 3

    @property
    def current(self) -> int:
        """Currents are addressed: with the weights, or when the targets are there."""
        return self.address + (2 if self.params.sparse_words else 0)

    @property
    def add(self) -> int:
        """The weight word, or the word of currents, is there to be added."""
        return self.current + 2 if self.params.current_words else self.address + 1

    @property
    def multiply(self) -> int:
        """Of the neuron update: when states are multiplied by their decays. 1, or 2 where the
        decays come from the same memory as the states, a cycle later."""
        return 2 if self.params.neuron.varied & {"decay", "u_decay"} else 1

    @property
    def total(self) -> int:
        """Of the neuron update: when the new membrane is there, not yet saturated."""
        return self.multiply + 3 + (2 if self.params.neuron.current else 0)

    @property
    def update(self) -> int:
        """Of the neuron update: when the new states are there."""
        return self.total + 2

    @property
    def state(self) -> int:
        """States leave their memory: cycle 0 of the neuron update, such that the sum is there in
        time."""
        return self.add - self.multiply

    @property
    def write(self) -> int:
        """New states are written."""
        return self.state + self.update

    @property
    def fold(self) -> int:
        """From the first update of a state word to the last one."""
        return (self.params.folds - 1) * self.params.reads

    @property
    def words_in_flight(self) -> int:
        """Words between the walker and the emitter: more than the pipeline holds, to smooth
        bursts."""
        # A word has left three cycles after it is written at the earliest.
        held = -(-(self.write + self.fold + 3) // self.params.minimum_slots)
        return max(8, 1 << (held - 1).bit_length())
