"""Sizes of a core: all that a bitstream fixes, and nothing that a Program may change."""

from dataclasses import dataclass
from functools import cached_property

__all__ = ["DECAY_SHIFT", "CoreParams"]


#: A decay factor ``d`` stands for ``d / 2**DECAY_SHIFT``; 4096 is "no leak" (Loihi's 12 bits).
DECAY_SHIFT = 12


@dataclass(frozen=True, kw_only=True)
class CoreParams:
    """Sizes of a time-multiplexed core, shared by the golden model, the gateware and the host.

    Parameters
    ----------
    inputs : tuple of int
        Fan-in (number of axons) of each population, 2 to 65,536.
    neurons : tuple of int
        Neurons of each population, 1 to 65,536.
    lanes : int
        Neurons that are handled side by side; a weight word holds one weight for each.
        One of 2, 4, 8, 16, 32.
    weight_width : int
        Bits of a signed weight: 2, 4 or 8.
    state_width : int
        Bits of a signed membrane, threshold or bias: 16 or 24.

    Raises
    ------
    ValueError
        If a size is out of its range; the message names the size and the range.
    """
    inputs: tuple[int, ...]
    neurons: tuple[int, ...]
    lanes: int = 8
    weight_width: int = 8
    state_width: int = 16

    def __post_init__(self) -> None:
        if not self.inputs or len(self.inputs) != len(self.neurons):
            raise ValueError(f"inputs and neurons must name the same populations, not "
                             f"{len(self.inputs)} and {len(self.neurons)}")
        for what, sizes, least in (("inputs", self.inputs, 2), ("neurons", self.neurons, 1)):
            for size in sizes:
                if not least <= size <= 65_536:
                    raise ValueError(f"{what} must be in {least}..65536, not {size!r}")
        for what, value, allowed in (("lanes", self.lanes, (2, 4, 8, 16, 32)),
                                     ("weight_width", self.weight_width, (2, 4, 8)),
                                     ("state_width", self.state_width, (16, 24))):
            if value not in allowed:
                raise ValueError(f"{what} must be one of {allowed}, not {value!r}")

    @property
    def populations(self) -> int:
        """Number of populations on the core."""
        return len(self.neurons)

    @cached_property
    def words(self) -> tuple[int, ...]:
        """State words (rows of ``lanes`` neurons) of each population."""
        return tuple(-(-n // self.lanes) for n in self.neurons)

    @cached_property
    def first_word(self) -> tuple[int, ...]:
        """First state word of each population."""
        return tuple(sum(self.words[:i]) for i in range(self.populations))

    @cached_property
    def first_weight(self) -> tuple[int, ...]:
        """First weight word of each population; the word of (state word, axon) is
        ``first_weight + (state word - first_word) * inputs + axon``."""
        sizes = [w * i for w, i in zip(self.words, self.inputs, strict=True)]
        return tuple(sum(sizes[:i]) for i in range(self.populations))

    @property
    def weight_words(self) -> int:
        """Depth of the weight memory."""
        return sum(w * i for w, i in zip(self.words, self.inputs, strict=True))

    @property
    def accumulator_width(self) -> int:
        """Bits that hold the sum of any ``inputs`` weights, so that a step cannot overflow."""
        return self.weight_width + (max(self.inputs) - 1).bit_length()

    @property
    def state_min(self) -> int:
        """Least membrane, in LSB."""
        return -(1 << (self.state_width - 1))

    @property
    def state_max(self) -> int:
        """Largest membrane, in LSB."""
        return (1 << (self.state_width - 1)) - 1

    @property
    def weight_min(self) -> int:
        """Least weight, in LSB of the membrane."""
        return -(1 << (self.weight_width - 1))

    @property
    def weight_max(self) -> int:
        """Largest weight, in LSB of the membrane."""
        return (1 << (self.weight_width - 1)) - 1
