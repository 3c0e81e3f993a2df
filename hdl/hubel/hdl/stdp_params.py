"""Sizes of a learning core, which a bitstream fixes, and its rates, which it can be told."""

from dataclasses import dataclass
from enum import Enum

from .params import DECAY_SHIFT

__all__ = ["RATE_SHIFT", "VALUE_MAX", "VALUE_WIDTH", "LearningParams", "LearningRates", "Rule"]

#: Bits of membranes, adaptations, traces and rates; all are unsigned.
VALUE_WIDTH = 16
VALUE_MAX = (1 << VALUE_WIDTH) - 1

#: A rate ``a`` stands for ``a / 2**RATE_SHIFT``. A weight changes by a whole number of LSB, which
#: is computed with as many fractional bits.
RATE_SHIFT = 16


class Rule(Enum):
    """How weights change."""
    #: Kheradpisheh 2018 (SpykeTorch): at a spike of a neuron, ``w += a_plus * w * (1 - w)`` for
    #: inputs with a trace, ``w -= a_minus * w * (1 - w)`` for all others.
    FIRED = 0
    #: Song 2000: ``w += a_plus * x`` at a spike of the neuron, ``w -= a_minus * y`` at a spike of
    #: the input, with the traces x of the input and y of the neuron.
    PAIR = 1


@dataclass(frozen=True, kw_only=True)
class LearningParams:
    """Sizes of a learning core: a dense layer.

    Parameters
    ----------
    inputs, neurons : int
        A multiple of ``lanes``, at least two words of them, at most 1024.
    lanes : int
        Synapses that change in a clock: 2, 4 or 8.
    weight_width : int
        8 or 16. Neurons see the upper 8 bits.
    single_port : bool
        The synapse memory has one port, as the SPRAM of an iCE40UP5K: while weights change, a word
        takes two clocks.

    Raises
    ------
    ValueError
        If a size is out of its range.
    """
    inputs: int
    neurons: int
    lanes: int = 4
    weight_width: int = 8
    single_port: bool = False

    def __post_init__(self) -> None:
        if self.lanes not in (2, 4, 8):
            raise ValueError(f"lanes must be 2, 4 or 8, not {self.lanes!r}")
        if self.weight_width not in (8, 16):
            raise ValueError(f"weight_width must be 8 or 16, not {self.weight_width!r}")
        for name in ("inputs", "neurons"):
            value = getattr(self, name)
            if value % self.lanes or not 2 * self.lanes <= value <= 1024:
                raise ValueError(f"{name} must be a multiple of {self.lanes} lanes in "
                                 f"{2 * self.lanes}..1024, not {value!r}")

    @property
    def weight_max(self) -> int:
        """The integer that stands for a weight of 1."""
        return (1 << self.weight_width) - 1

    @property
    def steepest(self) -> int:
        """The largest ``w * (1 - w)``, of 65536, as the gateware has it."""
        half = 1 << (self.weight_width - 1)
        return (half - 1) * half >> 2 * self.weight_width - VALUE_WIDTH

    @property
    def input_words(self) -> int:
        """Words of ``lanes`` inputs."""
        return self.inputs // self.lanes

    @property
    def neuron_words(self) -> int:
        """Words of ``lanes`` neurons."""
        return self.neurons // self.lanes

    @property
    def code_width(self) -> int:
        """Bits of the number of an input or of a neuron."""
        return (max(self.inputs, self.neurons) - 1).bit_length()

    @property
    def sum_width(self) -> int:
        """Bits of a membrane before it is saturated: every input may drive it with 255."""
        return max(VALUE_WIDTH, 8 + (self.inputs - 1).bit_length()) + 1


@dataclass(frozen=True, kw_only=True)
class LearningRates:
    """What a learning core can be told while it runs.

    Decays are factors of 4096, applied as ``(value * decay) >> 12`` each step; 4096 keeps a value.

    Parameters
    ----------
    rule : Rule
    learn : bool
        Weights change at all.
    wait : bool
        They change when a reward comes, up or down with its sign; otherwise at once.
    nearest : bool
        Changes are rounded to the nearest LSB instead of stochastically.
    a_plus, a_minus : int
        Rates, of 65536.
    x_decay, x_step : int
        Trace of an input: its decay, and what a spike adds, up to 65535. Without decay, an input
        has a trace from its first spike in a sample on; with a step of 65535 a trace knows only the
        last spike.
    y_decay, y_step : int
        Trace of a neuron, likewise.
    v_decay, threshold : int
        Of the membranes; a neuron wants to fire where ``v > threshold + a``, strictly.
    a_decay, a_step : int
        Adaptation of the threshold (homeostasis): its decay, and what a spike adds.
    inhibition : int
        What the membranes lose in the step after one in which a neuron fired.
    winners : int
        Of the neurons that want to fire in a step, so many do: those furthest above their
        thresholds, and of equals the first. The others keep their membranes.

    Raises
    ------
    ValueError
        If a number is out of its range.
    """
    rule: Rule = Rule.FIRED
    learn: bool = True
    wait: bool = False
    nearest: bool = False
    a_plus: int = 0
    a_minus: int = 0
    x_decay: int = 1 << DECAY_SHIFT
    x_step: int = VALUE_MAX
    y_decay: int = 1 << DECAY_SHIFT
    y_step: int = VALUE_MAX
    v_decay: int = 1 << DECAY_SHIFT
    threshold: int = VALUE_MAX
    a_decay: int = 1 << DECAY_SHIFT
    a_step: int = 0
    inhibition: int = 0
    winners: int = 1

    def __post_init__(self) -> None:
        for name in ("a_plus", "a_minus", "x_step", "y_step", "threshold", "a_step", "inhibition"):
            self._check(name, 0, VALUE_MAX)
        for name in ("x_decay", "y_decay", "v_decay", "a_decay"):
            self._check(name, 0, 1 << DECAY_SHIFT)
        self._check("winners", 1, VALUE_MAX)

    def _check(self, name: str, least: int, most: int) -> None:
        value = getattr(self, name)
        if not least <= value <= most:
            raise ValueError(f"{name} must be in {least}..{most}, not {value!r}")

    @classmethod
    def rate(cls, name: str, value: float, params: LearningParams, *,
             nearest: bool = False) -> int:
        """The integer for rate ``name`` of ``value`` (a weight is 0..1).

        Raises
        ------
        ValueError
            If ``value`` is no rate, or so small that it would round to nothing: to 0 of 65536, or,
            with ``nearest``, to a change of less than half an LSB of every weight.
        """
        if not 0 <= value < 1:
            raise ValueError(f"{name} must be in 0..1, without 1, not {value!r}")
        rate = round(value * (1 << RATE_SHIFT))
        if value and not rate:
            raise ValueError(
                f"{name} = {value:g} rounds to nothing: the smallest rate is "
                f"1/{1 << RATE_SHIFT} = {1 / (1 << RATE_SHIFT):.3g}")
        if nearest:
            cls._check_change(name, value, params.steepest, params)
        return min(rate, VALUE_MAX)

    def check(self, params: LearningParams) -> None:
        """ValueError if, with :attr:`nearest`, a rate that is not 0 changes every weight by less
        than half an LSB, whatever the traces are: it would round to nothing."""
        if not (self.learn and self.nearest):
            return
        traces = {"a_plus": (self.x_decay, self.x_step), "a_minus": (self.y_decay, self.y_step)}
        for name, (decay, step) in traces.items():
            factor = params.steepest
            if self.rule is Rule.PAIR:
                # What a spike in every step sums up to.
                lost = (1 << DECAY_SHIFT) - decay
                factor = min(VALUE_MAX, (step << DECAY_SHIFT) // lost) if lost else VALUE_MAX
            self._check_change(name, getattr(self, name) / (1 << RATE_SHIFT), factor, params)

    @staticmethod
    def _check_change(name: str, value: float, factor: int, params: LearningParams) -> None:
        """``factor`` is the most that the rate is multiplied by, of 65536."""
        largest = factor / (1 << VALUE_WIDTH - params.weight_width)
        most = value * largest
        if value and most < 0.5:
            mend = "take weights of 16 bits" if params.weight_width == 8 else "take longer traces"
            if factor:
                mend += f", or a rate of {0.5 / largest:.3g} or more"
            raise ValueError(
                f"{name} = {value:g} changes a weight of {params.weight_width} bits by "
                f"{most:.3g} LSB at most, which rounds to nothing: round stochastically, {mend}")
