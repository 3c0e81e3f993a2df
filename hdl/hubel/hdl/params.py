"""Sizes of a core: all that a bitstream fixes, and nothing that a Program may change."""

from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cached_property

from .shape import Shape

__all__ = ["DECAY_SHIFT", "REFRACTORY_WIDTH", "CoreParams", "NeuronParams", "ProjectionParams",
           "WalkKind", "check_widths"]

#: A decay factor ``d`` stands for ``d / 2**DECAY_SHIFT``; 4096 is "no leak" (Loihi's 12 bits).
DECAY_SHIFT = 12


class WalkKind(Enum):
    """How the synapses of a projection are walked."""
    #: Dense: each state word of the target meets all events, sums in registers.
    GATHER = "gather"
    #: Each event meets the words of its window, a shared kernel, sums in memory.
    CONV = "conv"
    #: Each event meets its list of synapses, sums in memory, a state word of its own each lane.
    SPARSE = "sparse"


@dataclass(frozen=True, kw_only=True)
class ProjectionParams:
    """Geometry of a projection.

    Parameters
    ----------
    source, target : int
        Numbers of the source (inputs first, then populations) and of the population.
    kind : WalkKind
        A dense projection that is not gathered is a convolution whose window is the whole target.
    delay : int
        0 or 1 steps.
    fan_in : int
        Spikes that can reach one neuron in a step.
    weight_words : int
        Rows of the weight memory.
    pool, stride, padding, dilation : pair of int
        (Rows, columns); as in :class:`~hubel.hdl.projection.Conv2d`.
    kernel : pair of int
        Rows and columns of the kernel; (1, 1) where there is none.
    groups : int
    """
    source: int
    target: int
    kind: WalkKind
    delay: int
    fan_in: int
    weight_words: int
    pool: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    kernel: tuple[int, int] = (1, 1)
    groups: int = 1


@dataclass(frozen=True, kw_only=True)
class NeuronParams:
    """What the neurons of a core can do, all populations together.

    Parameters
    ----------
    varied : frozenset of str
        Parameters that differ between the neurons of some population: of ``bias``, ``threshold``,
        ``v_reset``, ``decay``, ``u_decay``.
    current : bool
        Some have a synaptic current ``u``.
    wraps : bool
        Some let it wrap.
    adaptive : bool
        Some have an adaptive threshold.
    refractory : bool
        Some are silent after a spike.
    late : bool
        Some subtract in the step after the spike.
    floor : bool
        Some have a least membrane.
    shifts : tuple of int
        What each population's sum is shifted by.
    """
    varied: frozenset[str] = frozenset()
    current: bool = False
    wraps: bool = False
    adaptive: bool = False
    refractory: bool = False
    late: bool = False
    floor: bool = False
    shifts: tuple[int, ...] = ()


#: Bits of the refractory counter.
REFRACTORY_WIDTH = 8


@dataclass(frozen=True, kw_only=True)
class CoreParams:
    """Sizes of a time-multiplexed core, shared by the golden model, the gateware and the host.

    Parameters
    ----------
    inputs : tuple of Shape
        What is fed from outside.
    populations : tuple of Shape
        In the order of a step.
    projections : tuple of ProjectionParams
        At most one that is gathered for each population.
    outputs : tuple of int
        Populations whose packets leave the core.
    clocks : tuple of int
        The source without delay from which each population learns that a sample begins.
    neuron : NeuronParams
    lanes : int
        Neurons that are handled side by side; a weight word holds one weight for each.
        One of 2, 4, 8, 16, 32.
    weight_width : int
        Bits of a signed weight: 2, 4 or 8.
    state_width : int
        Bits of a signed membrane, threshold or bias: 16 or 24.
    folds : int
        Cycles in which a state word is updated, 1 or 2: with 2, half as many lanes do it, and the
        neuron memory has half as wide rows.

    Raises
    ------
    ValueError
        If a size is out of its range; the message names the size and the range.
    """
    inputs: tuple[Shape, ...]
    populations: tuple[Shape, ...]
    projections: tuple[ProjectionParams, ...]
    outputs: tuple[int, ...]
    clocks: tuple[int, ...]
    neuron: NeuronParams = field(default_factory=NeuronParams)
    lanes: int = 8
    weight_width: int = 8
    state_width: int = 16
    folds: int = 1

    def __post_init__(self) -> None:
        check_widths(self.lanes, self.weight_width, self.state_width)
        if self.folds not in (1, 2) or self.lanes // self.folds < 2:
            raise ValueError(f"folds must be 1 or, with 4 lanes or more, 2, not {self.folds!r}")

    @cached_property
    def update(self) -> "CoreParams":
        """Sizes as the neuron update sees them, with its own number of lanes."""
        return replace(self, lanes=self.lanes // self.folds, folds=1)

    @property
    def sources(self) -> tuple[Shape, ...]:
        """All that sends spikes: inputs, then populations."""
        return self.inputs + self.populations

    def source_of(self, population: int) -> int:
        """Number of ``population`` among the sources."""
        return len(self.inputs) + population

    @property
    def multipliers(self) -> int:
        """Multipliers of 16 x 16 bits that the neuron update needs: one for each state that
        decays, two with 24 bits."""
        decaying = 1 + self.neuron.current + self.neuron.adaptive
        return self.lanes // self.folds * decaying * (1 if self.state_width == 16 else 2)

    @cached_property
    def words(self) -> tuple[int, ...]:
        """State words (rows of ``lanes`` neurons) of each population."""
        return tuple(shape.words(self.lanes) for shape in self.populations)

    @cached_property
    def first_word(self) -> tuple[int, ...]:
        """First state word of each population."""
        return tuple(sum(self.words[:i]) for i in range(len(self.populations)))

    def gathered(self, population: int) -> int | None:
        """Number of the projection that ``population`` gathers, or None."""
        return next((i for i, p in enumerate(self.projections)
                     if p.target == population and p.kind is WalkKind.GATHER), None)

    def scattered(self, population: int) -> tuple[int, ...]:
        """Numbers of the projections that are scattered over ``population``, in their order."""
        return tuple(i for i, p in enumerate(self.projections)
                     if p.target == population and p.kind is not WalkKind.GATHER)

    def consumers(self, source: int) -> tuple[tuple[int, int], ...]:
        """Who reads the spikes or the clock of ``source``: pairs (population, delay)."""
        pairs = {(p.target, p.delay) for p in self.projections if p.source == source}
        pairs |= {(i, 0) for i, clock in enumerate(self.clocks) if clock == source}
        return tuple(sorted(pairs))

    @cached_property
    def first_weight(self) -> tuple[int, ...]:
        """First weight word of each projection: the sparse ones come first, so that the memory of
        their targets has the same addresses."""
        order = sorted(range(len(self.projections)),
                       key=lambda i: self.projections[i].kind is not WalkKind.SPARSE)
        first, at = [0] * len(order), 0
        for i in order:
            first[i] = at
            at += self.projections[i].weight_words
        return tuple(first)

    @property
    def minimum_slots(self) -> int:
        """Clocks that a state word takes at least: one reads its states, and one more the
        parameters that differ between its neurons."""
        return self.folds * self.reads

    @property
    def reads(self) -> int:
        """Rows of the neuron memory that are read for each update."""
        return 2 if self.neuron.varied else 1

    @property
    def weight_words(self) -> int:
        """Depth of the weight memory."""
        return sum(p.weight_words for p in self.projections)

    @property
    def sparse_words(self) -> int:
        """Depth of the memory of targets, 0 where nothing is sparse."""
        return sum(p.weight_words for p in self.projections if p.kind is WalkKind.SPARSE)

    @property
    def current_words(self) -> int:
        """Depth of the memory of currents, 0 where nothing is scattered."""
        return max((self.words[i] for i in range(len(self.populations)) if self.scattered(i)),
                   default=0)

    @cached_property
    def accumulator_width(self) -> int:
        """Bits that hold the sum of any weights that can meet in a neuron, so that a step cannot
        overflow."""
        fan_in = [sum(p.fan_in for p in self.projections if p.target == i)
                  for i in range(len(self.populations))]
        return self.weight_width + (max(fan_in) - 1).bit_length()

    @property
    def state_min(self) -> int:
        """Least membrane, in LSB."""
        return -(1 << (self.state_width - 1))

    @property
    def state_max(self) -> int:
        """Largest membrane, in LSB."""
        return (1 << (self.state_width - 1)) - 1


def check_widths(lanes: int, weight_width: int, state_width: int) -> None:
    """Raise ValueError, naming the number and what is allowed, if one is not."""
    for what, value, allowed in (("lanes", lanes, (2, 4, 8, 16, 32)),
                                 ("weight_width", weight_width, (2, 4, 8)),
                                 ("state_width", state_width, (16, 24))):
        if value not in allowed:
            raise ValueError(f"{what} must be one of {allowed}, not {value!r}")
