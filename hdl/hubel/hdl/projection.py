"""Synapses from one source to one population: dense, convolutional or sparse.

The classes hold numbers of any kind: floating point in a Network, integers in a Program.
"""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt

from .shape import Shape

__all__ = ["Conv2d", "Dense", "Projection", "Sparse"]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Projection:
    """What all projections have.

    Parameters
    ----------
    name : str
        Name in error messages and files.
    source, target : str
        Names of an input or population, and of a population.
    weights : array
        One number for each stored weight; its shape is the projection's own.
    delay : int
        Steps after which a spike arrives: 0 in the same step (feed-forward), 1 in the next one
        (recurrent). What is on its way when a sample ends is lost.
    """
    name: str
    source: str
    target: str
    weights: npt.NDArray
    delay: int = 0

    def with_weights(self, weights: npt.NDArray) -> Self:
        """The same synapses with other ``weights``, of the same shape."""
        assert weights.shape == self.weights.shape
        return replace(self, weights=weights)

    def check(self, source: Shape, target: Shape) -> None:
        """Raise ValueError, naming the projection and the shapes, unless it goes from a source of
        shape ``source`` to a population of shape ``target``."""
        raise NotImplementedError

    def fan_in(self, source: Shape) -> int:
        """The most spikes of ``source`` that can reach one neuron in a step."""
        raise NotImplementedError

    def _refuse(self, why: str) -> ValueError:
        return ValueError(f"projection {self.name!r} from {self.source!r} to {self.target!r}: "
                          f"{why}")


def _pooled(source: Shape, pool: tuple[int, int]) -> Shape:
    """``source`` after pooling without overlap; what does not fill a window is left out."""
    return Shape(source.channels, max(1, source.height // pool[0]), max(1, source.width // pool[1]))


@dataclass(frozen=True, kw_only=True, eq=False)
class Dense(_Projection):
    """Every neuron of the source feeds every neuron of the target.

    ``weights`` have shape (axons, neurons). Axons are the neurons of the source in C order, after
    sum pooling: with ``pool`` (rows, columns) the spikes of a window of that size are one axon's.
    """
    pool: tuple[int, int] = (1, 1)

    def axons(self, source: Shape) -> Shape:
        """Shape of the source after pooling."""
        return _pooled(source, self.pool)

    def check(self, source: Shape, target: Shape) -> None:
        if min(self.pool) < 1 or self.pool[0] > source.height or self.pool[1] > source.width:
            raise self._refuse(f"a pool of {self.pool} does not fit a source of {source}")
        expected = (self.axons(source).neurons, target.neurons)
        if self.weights.shape != expected:
            raise self._refuse(f"weights must have shape (axons, neurons) = {expected}, "
                               f"not {self.weights.shape}")

    def fan_in(self, source: Shape) -> int:
        return source.neurons


@dataclass(frozen=True, kw_only=True, eq=False)
class Conv2d(_Projection):
    """Cross-correlation with shared weights, as in torch.

    ``weights`` have shape (target channels, source channels / groups, rows, columns). ``stride``,
    ``padding`` (above and to the left; the target's shape says what is below and to the right),
    ``dilation`` and ``pool`` (sum pooling of the source without overlap, before the convolution)
    are pairs (rows, columns).
    """
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    pool: tuple[int, int] = (1, 1)

    def axons(self, source: Shape) -> Shape:
        """Shape of the source after pooling."""
        return _pooled(source, self.pool)

    def check(self, source: Shape, target: Shape) -> None:
        if min(*self.stride, *self.dilation, *self.pool, self.groups) < 1 or min(self.padding) < 0:
            raise self._refuse("stride, dilation, pool and groups must be 1 or more, padding 0 or "
                               "more")
        if self.pool[0] > source.height or self.pool[1] > source.width:
            raise self._refuse(f"a pool of {self.pool} does not fit a source of {source}")
        if source.channels % self.groups or target.channels % self.groups:
            raise self._refuse(f"{self.groups} groups do not divide {source.channels} and "
                               f"{target.channels} channels")
        expected = (target.channels, source.channels // self.groups)
        if self.weights.ndim != 4 or self.weights.shape[:2] != expected or not self.weights.size:
            raise self._refuse(f"weights must have shape ({expected[0]}, {expected[1]}, rows, "
                               f"columns), not {self.weights.shape}")
        pooled = self.axons(source)
        for axis, have, wanted in ((0, pooled.height, target.height),
                                   (1, pooled.width, target.width)):
            reach = self.dilation[axis] * (self.weights.shape[2 + axis] - 1) + 1
            # Padding on the far side is as large as on the near side, or one kernel at most.
            most = (have + self.padding[axis] + max(self.padding[axis], reach) - reach)
            if wanted > most // self.stride[axis] + 1:
                raise self._refuse(f"{have} {('rows', 'columns')[axis]} cannot make {wanted}")

    def fan_in(self, source: Shape) -> int:
        window = self.weights.shape[2] * self.weights.shape[3] * self.pool[0] * self.pool[1]
        return min(source.neurons, source.channels // self.groups * window)


@dataclass(frozen=True, kw_only=True, eq=False)
class Sparse(_Projection):
    """Any synapses, stored by source neuron (compressed rows).

    Synapses ``first[n]`` to ``first[n + 1]`` are those of source neuron ``n``: synapse ``i`` feeds
    neuron ``targets[i]`` with ``weights[i]``. A pair has one synapse at most.

    Parameters
    ----------
    first : array of int, shape (source neurons + 1,)
    targets : array of int, shape (synapses,)
        In ascending order for each source neuron.
    """
    first: npt.NDArray[np.int64]
    targets: npt.NDArray[np.int64]

    def check(self, source: Shape, target: Shape) -> None:
        first, targets = self.first, self.targets
        if first.shape != (source.neurons + 1,) or targets.ndim != 1:
            raise self._refuse(f"first must have shape ({source.neurons + 1},), not {first.shape}")
        if self.weights.shape != targets.shape:
            raise self._refuse(f"{self.weights.shape} weights do not go with {targets.shape} "
                               f"targets")
        if first[0] != 0 or first[-1] != len(targets) or (np.diff(first) < 0).any():
            raise self._refuse(f"first must rise from 0 to {len(targets)} synapses")
        if len(targets) and not (0 <= targets.min() and targets.max() < target.neurons):
            raise self._refuse(f"targets must be in 0..{target.neurons - 1}, not "
                               f"{targets.min()}..{targets.max()}")
        falls = np.flatnonzero(np.diff(targets) <= 0) + 1
        if not np.isin(falls, first).all():
            raise self._refuse("the targets of each source neuron must ascend")

    def fan_in(self, source: Shape) -> int:
        return int(np.bincount(self.targets).max(initial=1))


Projection = Dense | Conv2d | Sparse
