"""Interval of a result from the intervals of its inputs: linear propagation and Monte Carlo."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .figure import Figure, error_sources, sample

#: The ends of a central 95 % interval.
ENDS = (0.025, 0.975)


@dataclass(frozen=True, kw_only=True)
class Spread:
    """What :func:`propagate` returns.

    Attributes
    ----------
    value : float
        The result at the nominal values.
    interval : tuple of float
        Central 95 % of the Monte Carlo draws, widened where needed to contain ``value``: with
        skewed inputs the result of the most likely values can lie outside.
    quick : tuple of float
        95 % interval by linear propagation, symmetric about ``value``.
    contributors : tuple of (str, float)
        The three sources of error with the largest fraction of the (linear) variance.
    """

    value: float
    interval: tuple[float, float]
    quick: tuple[float, float]
    contributors: tuple[tuple[str, float], ...]

    def figure(self, **label: str) -> Figure:
        """Return the value with its Monte Carlo interval; ``label`` as in :class:`Figure`."""
        if not self.contributors:
            return Figure(value=self.value, **label)  # type: ignore[arg-type]
        return Figure(
            value=self.value,
            interval=self.interval,
            distribution="normal",
            **label,  # type: ignore[arg-type]
        )


def propagate(
    function: Callable[[Mapping[Figure, Any]], Any],
    figures: Sequence[Figure],
    *,
    seed: int = 0,
    draws: int = 20_000,
) -> Spread:
    """Propagate the intervals of ``figures`` through ``function``.

    Parameters
    ----------
    function : callable
        Takes a mapping from figure to value, floats or arrays, and returns one of the same shape.
    figures : sequence of Figure
        All inputs, each with a known value.
    seed, draws : int
        Of the Monte Carlo run.
    """
    nominal = {figure: figure.value for figure in figures}
    value = float(function(nominal))
    effects: list[tuple[str, float]] = []
    for source, members in error_sources(figures).items():
        low, high = (
            function(nominal | {figure: float(figure.quantile(end)) for figure in members})
            for end in ENDS
        )
        name = source if isinstance(source, str) else source.name
        effects.append((name, (high - low) / 2))
    variance = math.fsum(effect**2 for _, effect in effects)
    shares = [(name, effect**2 / variance) for name, effect in effects if effect]
    shares.sort(key=lambda share: -share[1])
    half = math.sqrt(variance)
    drawn = np.quantile(function(sample(figures, np.random.default_rng(seed), draws)), ENDS)
    return Spread(
        value=value,
        interval=(min(float(drawn[0]), value), max(float(drawn[1]), value)),
        quick=(value - half, value + half),
        contributors=tuple(shares[:3]),
    )
