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
        By parameter: Borgonovo's delta, its 95 % half width, and the first-order index S1; empty
        where there are too few attempts, with the reason in ``importance_note``.
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
    """Importance of each parameter that varies: delta moment-independent measure (Borgonovo 2007;
    SALib), which any set of trials allows. Text is ordered by the alphabet.

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
        from SALib.analyze import delta  # type: ignore[import-untyped]
    except ImportError:
        return {}, "needs SALib; run: pip install 'hubel[sweep]'"
    problem = {"num_vars": len(columns), "names": list(columns), "bounds": [[0, 1]] * len(columns)}
    try:
        with np.errstate(all="ignore"):
            found = delta.analyze(problem, np.column_stack(list(columns.values())), y, seed=seed)
    except (ValueError, np.linalg.LinAlgError) as error:
        return {}, f"the scores are too few or too alike for a density ({error})"
    rows = {
        name: {"delta": float(found["delta"][i]), "half_width": float(found["delta_conf"][i]),
               "s1": float(found["S1"][i])}
        for i, name in enumerate(columns)
    }  # fmt: skip
    ordered = sorted(rows.items(), key=lambda item: -item[1]["delta"])
    return dict(ordered), f"delta moment-independent measure of {len(y)} attempts (SALib)"


def _column(values: Sequence[Any]) -> npt.NDArray[np.float64]:
    """Numbers as they are, other values by their rank."""
    if all(isinstance(value, int | float) for value in values):
        return np.array(values, dtype=np.float64)
    ranks = {text: rank for rank, text in enumerate(sorted({repr(value) for value in values}))}
    return np.array([ranks[repr(value)] for value in values], dtype=np.float64)
