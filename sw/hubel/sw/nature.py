"""The NATURE metric in the reading ``nature-power/1``: joules of everything it took to get here.

The exact figure is the sum over a ledger of attempts; the closed form of the paper,
``N_exp * (A + T * (E + U + R) * epochs)``, is its summary. Energy measured behind the power supply
of the computer grows by the losses of that supply, of the facility and of the grid.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .attempt import Attempt
from .figure import Figure, shares_by_kind, total, weakest
from .site import Site, expect_unit
from .uncertainty import propagate

READING = "nature-power/1"
JOULES_PER_KWH = 3.6e6
#: Power of a human brain in W, the yardstick of the NATURE paper.
BRAIN_WATTS = 20.0


@dataclass(frozen=True, kw_only=True)
class Nature:
    """A NATURE figure with its parts; None is unknown.

    Attributes
    ----------
    energy : Figure
        The result in J, with its 95 % interval (Monte Carlo).
    quick : tuple of float or None
        95 % interval in J by linear propagation.
    co2e : Figure or None
        Carbon dioxide equivalent in kg with its 95 % interval; None without a known intensity.
    e_watts, u_watts, r_watts, a_joules : float or None
        E, U and R: mean IT power, facility overhead, grid loss, in W; and A of all attempts
        together, in J at the boundary of ``energy``.
    training_seconds : float
        Training time of all attempts, in s.
    shares : dict
        Fraction of the IT joules by kind.
    contributors : tuple of (str, float)
        The three largest sources of uncertainty with their fraction of the variance of ``energy``.
    unknown : tuple of str
        Names of the unknown inputs that make ``energy`` unknown.
    incomplete : tuple of str
        Attempts with an end that was not recorded: ``energy`` is a lower bound.
    """

    energy: Figure
    quick: tuple[float, float] | None = None
    co2e: Figure | None = None
    e_watts: float | None = None
    u_watts: float | None = None
    r_watts: float | None = None
    a_joules: float | None = None
    training_seconds: float
    shares: dict[str, float] = field(default_factory=dict)
    contributors: tuple[tuple[str, float], ...] = ()
    unknown: tuple[str, ...] = ()
    incomplete: tuple[str, ...] = ()

    @property
    def kwh(self) -> float | None:
        """The energy in kWh."""
        return None if self.energy.value is None else self.energy.value / JOULES_PER_KWH


class _Term(NamedTuple):
    """Joules as an exact number times a product of figures."""

    times: float
    factors: tuple[Figure, ...]

    def joules(self, x: Mapping[Figure, Any]) -> Any:
        return self.times * math.prod(x[factor] for factor in self.factors)


def closed_form(n_exp: float, a: float, t: float, power: float, epochs: float) -> float:
    """Return ``n_exp * (a + t * power * epochs)`` in J, with ``power`` = E + U + R in W."""
    return n_exp * (a + t * power * epochs)


def brain_seconds(joules: float) -> float:
    """Return for how many seconds ``joules`` would run a human brain, at 20 W."""
    return joules / BRAIN_WATTS


def nature_closed_form(
    *,
    n_exp: int,
    power: Sequence[Figure],
    seconds: Figure,
    epochs: int,
    site: Site,
    setup: Sequence[Figure] = (),
    seed: int = 0,
    draws: int = 20_000,
) -> Nature:
    """Compute NATURE by the closed form of the paper.

    Parameters
    ----------
    n_exp : int
        Number of experiments, at least 1.
    power : sequence of Figure
        Parts of the mean IT power, in W, idle included.
    seconds : Figure
        T in s/epoch; or in s for a whole run, which is accepted with ``epochs=1`` only.
    epochs : int
        Epochs of one experiment, at least 1.
    site : Site
        Facility and grid.
    setup : sequence of Figure
        IT energy of one experiment beside training, in J.
    seed, draws : int
        Of the Monte Carlo interval.

    Raises
    ------
    ValueError
        If a unit or a count is wrong; the message names it.
    """
    for role, count in (("n_exp", n_exp), ("epochs", epochs)):
        if count < 1:
            raise ValueError(f"{role} must be at least 1, not {count}")
    expect_unit(seconds, ("s/epoch", "s"), "T")
    if seconds.unit == "s" and epochs != 1:
        raise ValueError(
            f"T is {seconds.name!r} in 's', a whole run, with epochs = {epochs}:"
            " give it in 's/epoch' or set epochs = 1"
        )
    training = [_Term(n_exp * epochs, (part, seconds)) for part in _power(power, "E")]
    for part in setup:
        expect_unit(part, ("J",), "setup")
    aside = [_Term(n_exp, (part,)) for part in setup]
    time = n_exp * epochs * (seconds.value or 0.0)
    return _nature(training, aside, time, site, seed=seed, draws=draws)


def nature_ledger(
    attempts: Iterable[Attempt], site: Site, *, seed: int = 0, draws: int = 20_000
) -> Nature:
    """Compute NATURE exactly: the sum over every attempt, failed and stopped ones included.

    An attempt with time but without power makes the result unknown, naming the attempt.

    Raises
    ------
    ValueError
        If there is no attempt, or if the parts of a power overlap.
    """
    attempts = list(attempts)
    if not attempts:
        raise ValueError("NATURE of no attempts: the ledger is empty")
    training: list[_Term] = []
    aside: list[_Term] = []
    missing: list[str] = []
    for attempt in attempts:
        other_seconds = attempt.other_seconds or 0.0
        if attempt.power:
            for part in _power(attempt.power, f"power of {attempt.name!r}"):
                training.append(_Term(attempt.training_seconds, (part,)))
                aside.append(_Term(other_seconds, (part,)))
        elif attempt.training_seconds + other_seconds:
            missing.append(f"power of {attempt.name!r}")
        aside += [_Term(1.0, (part,)) for part in (*attempt.setup, *attempt.tools)]
    return _nature(
        training,
        aside,
        math.fsum(attempt.training_seconds for attempt in attempts),
        site,
        missing=missing,
        incomplete=tuple(a.name for a in attempts if a.other_seconds is None),
        seed=seed,
        draws=draws,
    )


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The closed form of the paper beside the exact sum.

    Attributes
    ----------
    n_exp, epochs : int
        Experiments, and the epochs of the longest one, which stand for all.
    seconds_per_epoch, joules : float
        T, mean over the ledger, in s; the closed form, in J.
    residual : float
        Closed form over exact sum, minus 1.
    """

    n_exp: int
    epochs: int
    seconds_per_epoch: float
    joules: float
    residual: float


def summarise(attempts: Sequence[Attempt], exact: Nature) -> Summary:
    """Compute the closed form that summarises ``attempts``, whose exact sum is ``exact``.

    Raises
    ------
    ValueError
        If the exact sum is unknown or no epoch was finished.
    """
    epochs = sum(attempt.epochs for attempt in attempts)
    parts = (exact.e_watts, exact.u_watts, exact.r_watts, exact.a_joules, exact.energy.value)
    if not epochs or None in parts:
        raise ValueError("the closed form needs a known sum with at least one finished epoch")
    e, u, r, a, joules = (part or 0.0 for part in parts)
    seconds, nominal = exact.training_seconds / epochs, max(one.epochs for one in attempts)
    # A record of tools alone (a place and route) is no experiment; its joules are in A.
    n_exp = sum(one.training_seconds > 0 or one.other_seconds != 0 for one in attempts)
    closed = closed_form(n_exp, a / n_exp, seconds, e + u + r, nominal)
    return Summary(
        n_exp=n_exp,
        epochs=nominal,
        seconds_per_epoch=seconds,
        joules=closed,
        residual=closed / joules - 1,
    )


def _power(parts: Sequence[Figure], role: str) -> Sequence[Figure]:
    """Return ``parts`` if they are powers that may be added."""
    for part in parts:
        expect_unit(part, ("W",), role)
    return total(parts, role).parts


def _nature(
    training: Iterable[_Term],
    aside: Iterable[_Term],
    seconds: float,
    site: Site,
    *,
    missing: Iterable[str] = (),
    incomplete: tuple[str, ...] = (),
    seed: int,
    draws: int,
) -> Nature:
    """Evaluate both sums of terms, in IT joules, at ``site``."""
    training, aside = ([t for t in terms if t.times] for terms in (training, aside))
    terms = [*training, *aside]
    loads = [factor for term in terms for factor in term.factors]
    inputs = [*loads, *site.figures]
    worst = weakest(inputs)
    boundaries = dict.fromkeys(load.boundary for load in loads if load.unit in ("W", "J"))
    label: dict[str, Any] = {
        "kind": worst.kind,
        "subkind": worst.subkind,
        "boundary": " + ".join([*boundaries, "facility", "grid"]),
        "source": READING,
    }
    gaps = [*missing, *(figure.name for figure in inputs if figure.value is None)]
    if gaps:
        return Nature(
            energy=Figure(name="NATURE", value=None, unit="J", **label),
            training_seconds=seconds,
            unknown=tuple(dict.fromkeys(gaps)),
            incomplete=incomplete,
        )

    def joules(x: Mapping[Figure, Any]) -> Any:
        return sum((term.joules(x) for term in terms), 0.0) * site.psu(x) * site.gross(x)

    spread = propagate(joules, inputs, seed=seed, draws=draws)
    co2e = None
    if site.intensity is not None and site.intensity.value is not None:
        intensity = site.intensity
        carbon = propagate(
            lambda x: joules(x) * x[intensity] / JOULES_PER_KWH / 1000,
            [*inputs, intensity],
            seed=seed,
            draws=draws,
        )
        co2e = carbon.figure(name="CO2e", unit="kg", **label)

    x: dict[Figure, Any] = {figure: figure.value for figure in inputs}
    it_training = math.fsum(term.joules(x) for term in training)
    it_aside = math.fsum(term.joules(x) for term in aside)
    psu = site.psu(x)
    e = it_training / seconds if seconds else 0.0
    u = (x[site.pue] - 1) * e
    return Nature(
        energy=spread.figure(name="NATURE", unit="J", **label),
        quick=spread.quick,
        co2e=co2e,
        e_watts=e,
        u_watts=u,
        r_watts=x[site.loss] / (1 - x[site.loss]) * (e + u),
        a_joules=(it_aside * psu + it_training * (psu - 1)) * site.gross(x),
        training_seconds=seconds,
        shares=shares_by_kind((weakest(t.factors).kind, t.joules(x)) for t in terms),
        contributors=spread.contributors,
        incomplete=incomplete,
    )
