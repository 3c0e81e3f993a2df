"""What a search over hyper-parameters cost and found, from the ledger.

Failed attempts have no score; their joules count for the trials that were made for a score.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .attempt import Attempt
from .nature import nature_ledger
from .site import Site

#: Fewer scored attempts say nothing about the importance of a parameter.
FEWEST = 10
#: PAWN: slices of a parameter at most, the spread of equal ranks, shuffles for the noise.
_SLICES, _TIE, _SHUFFLES = 10, 0.5, 100


@dataclass(frozen=True, kw_only=True)
class Sensitivity:
    """The hyper-parameter sensitivity of a ledger.

    Attributes
    ----------
    attempts, scored : int
        All attempts, and those with a score.
    best_score, best_joules : float
        The best attempt, and the energy of it alone, in J.
    joules : float
        NATURE of all attempts, in J.
    search_factor : float
        ``joules / best_joules``.
    curve : list of (float, float)
        Expected best score after so many joules: ``E[max of n]`` for n = 1, 2, ...; n attempts
        take n times the joules of all over the scored ones.
    iqr : float
        Interquartile range of the scores.
    target : float or None
        The score to reach.
    joules_to_target : tuple of float or None
        Median, 5 % and 95 % over permutations of the attempts; None if none reached it.
    importance : dict
        By parameter: the PAWN index, 0..1, and the noise that an unimportant parameter stays
        below in 95 of 100; empty where there are too few attempts, with the reason in
        ``importance_note``.
    """

    attempts: int
    scored: int
    best_score: float
    best_joules: float
    joules: float
    search_factor: float
    curve: list[tuple[float, float]]
    iqr: float
    target: float | None
    joules_to_target: tuple[float, float, float] | None
    importance: dict[str, dict[str, float]]
    importance_note: str

    def to_json(self) -> dict[str, Any]:
        """A dictionary that ``json.dumps`` accepts."""
        return asdict(self)


def expected_best(scores: Sequence[float]) -> list[float]:
    """Return ``E[max of n]`` for n = 1..N, of n scores drawn without replacement.

    The unbiased order-statistic estimator: ``sum_i C(i-1, n-1) / C(N, n) v_(i)`` over the scores
    in growing order.
    """
    values = np.sort(np.asarray(scores, dtype=np.float64))
    count = len(values)
    best = []
    for n in range(1, count + 1):
        whole = math.comb(count, n)
        weights = [math.comb(i, n - 1) / whole for i in range(count)]
        best.append(float(np.dot(weights, values)))
    return best


def joules_to_target(
    joules: Sequence[float],
    scores: Sequence[float | None],
    target: float,
    *,
    seed: int = 0,
    draws: int = 10_000,
) -> tuple[float, float, float] | None:
    """Return median, 5 % and 95 % of the joules until a score reaches ``target``, over random
    orders of the attempts; None if no attempt reached it."""
    reached = np.array([score is not None and score >= target for score in scores])
    if not reached.any():
        return None
    energies = np.asarray(joules, dtype=np.float64)
    rng = np.random.default_rng(seed)
    found = np.empty(draws)
    for draw in range(draws):
        order = rng.permutation(len(energies))
        first = int(np.argmax(reached[order]))
        found[draw] = energies[order[: first + 1]].sum()
    median, low, high = np.quantile(found, (0.5, 0.05, 0.95))
    return float(median), float(low), float(high)


def sensitivity(
    attempts: Sequence[Attempt], site: Site, *, target: float | None = None, seed: int = 0
) -> Sensitivity:
    """Evaluate the attempts of one experiment; ``debug`` ones are left out of the scores only.

    Parameters
    ----------
    target : float, optional
        Score to reach; by default the best one.
    seed : int
        Of the permutations and of the importance.

    Raises
    ------
    ValueError
        If no attempt has a score, or the energy of one is unknown.
    """
    energies = []
    for attempt in attempts:
        energy = nature_ledger([attempt], site, draws=1).energy.value
        if energy is None:
            raise ValueError(f"the energy of an attempt of {attempt.name!r} is unknown")
        energies.append(energy)
    scores = [None if a.status == "debug" else a.score for a in attempts]
    known = [score for score in scores if score is not None]
    if not known:
        raise ValueError("no attempt has a score: report one, see `hubel nature run --help`")
    best = max(known)
    best_joules = min(e for e, s in zip(energies, scores, strict=True) if s == best)
    whole = math.fsum(energies)
    goal = best if target is None else target
    each = whole / len(known)
    low, high = np.quantile(known, (0.25, 0.75))
    table, note = importance(attempts, scores, seed=seed)
    return Sensitivity(
        attempts=len(attempts),
        scored=len(known),
        best_score=best,
        best_joules=best_joules,
        joules=whole,
        search_factor=whole / best_joules if best_joules else math.inf,
        curve=[(n * each, value) for n, value in enumerate(expected_best(known), 1)],
        iqr=float(high - low),
        target=goal,
        joules_to_target=joules_to_target(energies, scores, goal, seed=seed),
        importance=table,
        importance_note=note,
    )


def importance(
    attempts: Sequence[Attempt], scores: Sequence[float | None], *, seed: int = 0
) -> tuple[dict[str, dict[str, float]], str]:
    """Importance of each parameter that varies: PAWN (Pianosi and Wagener 2018; SALib), the mean
    distance (Kolmogorov-Smirnov) between the scores at one of its values, or a slice of them, and
    all scores; any set of trials allows it. Text is ordered by the alphabet.

    Returns
    -------
    (dict, str)
        By parameter, the most important first; and what it is, or why there is none.
    """
    scored = [(a, s) for a, s in zip(attempts, scores, strict=True) if s is not None]
    columns: dict[str, npt.NDArray[np.float64]] = {}
    for name in sorted({name for a, _ in scored for name in a.config}):
        values = [a.config.get(name) for a, _ in scored]
        if len({repr(value) for value in values}) > 1:
            columns[name] = _column(values)
    y = np.array([score for _, score in scored])
    if not columns:
        return {}, "no parameter varies"
    if len(y) < FEWEST:
        return {}, f"{len(y)} scored attempts; {FEWEST} are needed at least"
    if np.ptp(y) == 0:
        return {}, "all scores are equal"
    try:
        from SALib.analyze import pawn  # type: ignore[import-untyped]
    except ImportError:
        return {}, "needs SALib; run: pip install 'hubel[sweep]'"
    rng = np.random.default_rng(seed)

    def distance(column: npt.NDArray[np.float64]) -> float:
        most = max(2, min(_SLICES, len(np.unique(column)), len(y) // 5))
        # SALib steps by 1 / S in floating point, and with some S beyond 1.
        slices = next(s for s in range(most, 1, -1) if np.arange(0, 1 + 1 / s, 1 / s)[-1] <= 1)
        # Equal values are spread over their rank, so that slices are of one size.
        spread = np.argsort(np.argsort(column + rng.uniform(0, _TIE, len(column))))
        problem = {"num_vars": 1, "names": ["x"], "bounds": [[0, 1]]}
        found = pawn.analyze(problem, spread[:, None].astype(float), y, S=slices)
        return float(found["mean"][0])

    rows = {
        name: {
            "pawn": distance(column),
            "noise": float(
                np.quantile([distance(rng.permutation(column)) for _ in range(_SHUFFLES)], 0.95)
            ),
        }
        for name, column in columns.items()
    }
    ordered = sorted(rows.items(), key=lambda item: item[1]["noise"] - item[1]["pawn"])
    return dict(ordered), f"PAWN index of {len(y)} attempts (SALib), and 95 % of it shuffled"


def _column(values: Sequence[Any]) -> npt.NDArray[np.float64]:
    """The rank of each value, equal ones alike: of numbers as they are, of others as text."""
    if not all(isinstance(value, int | float) for value in values):
        values = [repr(value) for value in values]
    ranks = {value: rank for rank, value in enumerate(sorted(set(values)))}
    return np.array([ranks[value] for value in values], dtype=np.float64)
