"""The ladder of one comparison: each level with its constants and s."""

from collections.abc import Sequence
from dataclasses import dataclass

from . import ladder
from .compare_side import Side
from .figure import Figure
from .ladder import Constants, Rung, Work

#: Sets of constants of :func:`.ladder.constants`: that of the integers which both sides compute
#: with, and that behind most published ratios.
SETS = ("INT8", "FP32")


@dataclass(frozen=True, kw_only=True)
class System:
    """What L5 adds; all of it is declared.

    Parameters
    ----------
    host_watts : float
        A host that waits for the answer.
    psu_efficiency : float
        Of its power supply.
    pue : float
        Power usage effectiveness of the facility.
    grid_loss : float
        Lost fraction of the grid.
    extra_joules : float
        What training and search of the SNN took beyond the ANN's: 0 for a conversion, which
        trains nothing.
    """

    host_watts: float = 5.0
    psu_efficiency: float = 0.85
    pue: float = 1.0
    grid_loss: float = 0.05
    extra_joules: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Step:
    """A rung of the ladder: ``level`` and what it ``adds``, the ``constants`` and ``s`` behind it,
    and both sides in J."""

    level: str
    adds: str
    constants: str
    s: float
    ann: float
    snn: float

    @property
    def ratio(self) -> float:
        """How many times less the SNN takes; below 1 it loses."""
        return Rung(level=self.level, ann=self.ann, snn=self.snn).ratio


def work(snn: Side, *, macs: float, lanes: int) -> Work:
    """What one inference takes. On a MAC core an activation serves all lanes and a weight one
    product, so that a fetched pair serves ``2 / (1 + 1 / lanes)``."""
    return Work(
        macs=macs,
        acs=snn.operations,
        neurons=snn.neurons,
        steps=snn.steps or 1,
        events=snn.events,
        reuse=2 / (1 + 1 / lanes),
    )


def climb(
    snn: Side,
    ann: Side,
    *,
    macs: float,
    lanes: int,
    clocks: tuple[float, float],
    joules: tuple[Figure, Figure] | None,
    leakage: Figure | None,
    link_seconds: Sequence[float],
    system: System,
) -> tuple[tuple[Step, ...], dict[str, dict[str, float | None]]]:
    """The rungs, and s at which both sides take the same at L0 to L2, by set of constants.

    Parameters
    ----------
    snn, ann : Side
    macs : float
        MACs of the ANN when none is skipped: its synapses. L0 to L2 charge those that ``ann`` does.
    lanes : int
    clocks : pair of float
        Hz of the two.
    joules : pair of Figure, optional
        Of an inference on the board; without, there is no L4 and L5.
    leakage : Figure, optional
        Power of the device at rest, for L3.
    link_seconds : pair of float
        How long the serial port takes; L5 waits for the longer of this and the core.
    system : System
    """
    seconds = [side.clocks / hz for side, hz in zip((snn, ann), clocks, strict=True)]
    s = snn.operations / macs
    steps, break_evens = [], {}

    def step(rung: Rung, constants: str) -> None:
        adds = ladder.LEVELS[rung.level]
        steps.append(
            Step(level=rung.level, adds=adds, constants=constants, s=s, ann=rung.ann, snn=rung.snn)
        )

    # Of the products that are skipped neither arithmetic nor memory is charged.
    done = work(snn, macs=ann.operations, lanes=lanes)
    for name in SETS:
        known: Constants = ladder.constants(name)
        text = f"{known.name}, reuse {done.reuse:.3g}"
        neuron = ladder.l2(done, known)
        for rung in (ladder.l0(done, known), ladder.l1(done, known), neuron):
            step(rung, text)
        if leakage is not None and leakage.value is not None:
            watts = leakage.value
            more = f"{text}, {leakage.name} {1000 * watts:.3g} mW"
            step(
                ladder.l3(neuron, leakage_watts=watts, ann_seconds=seconds[1],
                          snn_seconds=seconds[0]), more)  # fmt: skip
        # In spikes for each synapse of the whole network, whatever the ANN skips.
        share = ann.operations / macs
        break_evens[known.name] = {
            level: None if (found := ladder.break_even(done, known, level)) is None
            else share * found
            for level in ("L0", "L1", "L2")
        }  # fmt: skip
    if joules is None:
        return tuple(steps), break_evens
    a_cycle = [
        (figure.value or 0.0) / side.clocks for figure, side in zip(joules, (snn, ann), strict=True)
    ]
    platform = ladder.l4(
        ann_cycles=ann.clocks, snn_cycles=snn.clocks, ann_joules_per_cycle=a_cycle[1],
        snn_joules_per_cycle=a_cycle[0],
    )  # fmt: skip
    step(platform, f"{joules[0].kind}, {joules[0].boundary}: {1e12 * a_cycle[1]:.3g} and "
                   f"{1e12 * a_cycle[0]:.3g} pJ a cycle")  # fmt: skip
    waits = [max(core, link) for core, link in zip(seconds, link_seconds, strict=True)]
    whole = ladder.l5(
        platform, host_watts=system.host_watts, ann_seconds=waits[1], snn_seconds=waits[0],
        psu_efficiency=system.psu_efficiency, pue=system.pue, grid_loss=system.grid_loss,
    )  # fmt: skip
    repaid = ladder.repay_inferences(whole, system.extra_joules)
    declared = (
        f"assumed: host {system.host_watts:g} W while it waits, PSU {system.psu_efficiency:g}, "
        f"PUE {system.pue:g}, grid loss {system.grid_loss:g}; {system.extra_joules:g} J of "
        f"training repaid after {repaid:,.4g} inferences"
    )
    step(whole, declared)
    return tuple(steps), break_evens
