"""The shape of a source of spikes, and the code of a place in it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

__all__ = ["Shape"]


@dataclass(frozen=True)
class Shape:
    """Channels, rows and columns of a population or of an input; a plain population has channels
    only.

    Neurons are numbered in C order: ``(channel * height + y) * width + x``. On its way between
    populations a spike carries the *code* of its neuron instead: the fields channel (lowest bits),
    x and y side by side, so that no division is ever needed. The code of a plain population is the
    number itself.

    Parameters
    ----------
    channels, height, width : int
        1 or more; 65,536 codes at most.

    Raises
    ------
    ValueError
        If a size is out of its range.
    """
    channels: int
    height: int = 1
    width: int = 1

    def __post_init__(self) -> None:
        if min(self.channels, self.height, self.width) < 1 or self.code_width > 16:
            raise ValueError(f"a shape needs 1 or more channels, rows and columns and at most "
                             f"65536 codes, not {self}")

    def __str__(self) -> str:
        return str(self.channels) if self.plain else "x".join(map(str, self.sizes))

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Channels, height, width."""
        return self.channels, self.height, self.width

    @property
    def plain(self) -> bool:
        """There are no rows and columns."""
        return self.height == self.width == 1

    @property
    def neurons(self) -> int:
        """Number of places."""
        return self.channels * self.height * self.width

    @cached_property
    def field_widths(self) -> tuple[int, int, int]:
        """Bits of the fields of a code: channel, x, y."""
        return tuple(  # pyright: ignore[reportReturnType]
            (size - 1).bit_length() for size in (self.channels, self.width, self.height))

    @property
    def code_width(self) -> int:
        """Bits of a code, 0 for a single neuron."""
        return sum(self.field_widths)

    def codes(self) -> npt.NDArray[np.int64]:
        """Code of each neuron, shape (neurons,)."""
        channel, y, x = np.unravel_index(np.arange(self.neurons), self.sizes)
        channel_width, x_width, _ = self.field_widths
        return channel | x << channel_width | y << (channel_width + x_width)

    def words(self, lanes: int) -> int:
        """State words: rows of ``lanes`` channels of one place."""
        return -(-self.channels // lanes) * self.height * self.width

    def lane_order(self, lanes: int) -> npt.NDArray[np.int64]:
        """Neuron in each lane of each state word, shape (words, lanes), -1 where there is none.

        Words are ordered by y, then x, then channel.
        """
        channel_words = -(-self.channels // lanes)
        order = np.full((self.height, self.width, channel_words * lanes), -1, dtype=np.int64)
        numbers = np.arange(self.neurons).reshape(self.sizes)
        order[:, :, :self.channels] = numbers.transpose(1, 2, 0)
        return order.reshape(-1, lanes)
