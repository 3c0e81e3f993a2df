"""What stands behind "N times better": the level, the constants and the spikes per synapse."""

from dataclasses import asdict, dataclass
from typing import Any

from .energy import coefficients
from .ladder import LEVELS, Rung, Work, break_even, constants, l0, l1, l2, l4, table

_RUNGS = {"L0": l0, "L1": l1, "L2": l2}
#: The UP5K core rail at 12 to 48 MHz, measured: joules of one clock cycle of a small design.
_UP5K = "iCE40UP5K"


@dataclass(frozen=True, kw_only=True)
class Reading:
    """The claim at one level with one set of constants.

    Attributes
    ----------
    level, constants, reuse
        What the ratio was computed with.
    ratio : float
        ANN over SNN at the ``s`` of the claim.
    needed : float or None
        Spikes per synapse that the claimed ratio would need; None: not even a silent network.
    break_even : float or None
        Spikes per synapse at which both sides take the same.
    """

    level: str
    constants: str
    reuse: float
    ratio: float
    needed: float | None
    break_even: float | None


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A decomposed claim.

    Attributes
    ----------
    ratio : float
        The claim: the ANN takes so many times the energy.
    s : float
        Spikes per synapse and inference.
    s_source : str
        ``"given"``, or which reading it was solved from.
    readings : tuple of Reading
        L0 to L2, first those of the nearest set of constants.
    platform : dict
        L4 on the iCE40UP5K core rail: ratio, and joules that a synaptic operation costs at least.
    verdict : str
        One sentence.
    """

    ratio: float
    s: float
    s_source: str
    readings: tuple[Reading, ...]
    platform: dict[str, Any]
    verdict: str

    @property
    def limits(self) -> list[dict[str, Any]]:
        """Published limits to hold against the claim."""
        return table()["limits"]

    def to_json(self) -> dict[str, Any]:
        """A dictionary that ``json.dumps`` accepts."""
        return asdict(self) | {"limits": self.limits}


def claim(
    ratio: float,
    *,
    s: float | None = None,
    reuse: float = 16.0,
    steps: int = 8,
    fan_in: float = 512.0,
    memory: str = "8 KB",
) -> Claim:
    """Decompose "``ratio`` times less energy" into s, constants and level.

    Parameters
    ----------
    ratio : float
        ANN over SNN, above 0.
    s : float, optional
        Spikes per synapse and inference; by default what the claim needs at L0 in FP32.
    reuse : float
        MACs of the ANN that one fetched weight and activation serve; L1 is shown without too.
    steps, fan_in
        Time steps, and synapses of a neuron, for L2.
    memory : str
        Memory of the operands, see :func:`hubel.sw.ladder.constants`.

    Raises
    ------
    ValueError
        If a number is out of range or there is no such memory.
    """
    c = constants("FP32", memory)
    work = Work.of_synapse(0 if s is None else s, reuse=reuse, steps=steps, fan_in=fan_in)
    implied = break_even(work, c, "L0", ratio)
    if s is None:
        # L0 has no term without s, so that it always has a solution.
        assert implied is not None
        s, origin = implied, f"what L0 with {c.name} needs"
    else:
        origin = "given"
    readings = []
    for name in table()["sets"]:
        c = constants(name, memory)
        for level, times in (("L0", 1.0), ("L1", 1.0), ("L1", reuse), ("L2", 1.0), ("L2", reuse)):
            if times == reuse == 1.0 and len(readings) and readings[-1].level == level:
                continue
            work = Work.of_synapse(s, reuse=times, steps=steps, fan_in=fan_in)
            readings.append(
                Reading(
                    level=level,
                    constants=c.name,
                    reuse=times,
                    ratio=_RUNGS[level](work, c).ratio,
                    needed=break_even(work, c, level, ratio),
                    break_even=break_even(work, c, level),
                )
            )
    nearest = min(readings, key=lambda r: abs(r.ratio / ratio - 1))
    readings.sort(key=lambda r: r.constants != nearest.constants)
    rung = _platform(s, steps, fan_in)
    return Claim(
        ratio=ratio,
        s=s,
        s_source=origin,
        readings=tuple(readings),
        platform={
            "level": "L4",
            "board": f"{_UP5K} core rail, an operation a cycle on both sides",
            "ratio": rung.ratio,
            "joules_per_sop_at_least": _joules_per_cycle(),
        },
        verdict=_verdict(ratio, s, nearest, readings),
    )


def _joules_per_cycle() -> tuple[float, float]:
    """Joules a cycle of a small design on the UP5K, at 48 and at 12 MHz, from the measured rows."""
    rows = coefficients()[_UP5K]["measured"]
    currents, volts = rows["oscillator_28_logic_cells_by_mhz"], rows["volts"]
    low, high = (currents[mhz] * 1e-12 * volts / float(mhz) for mhz in ("48", "12"))
    return low, high


def _platform(s: float, steps: int, fan_in: float) -> Rung:
    """An operation a cycle, and a cycle for each neuron and step of the SNN."""
    return l4(
        ann_cycles=1.0,
        snn_cycles=s + steps / fan_in,
        ann_joules_per_cycle=_joules_per_cycle()[1],
    )


def _verdict(ratio: float, s: float, nearest: Reading, readings: list[Reading]) -> str:
    same = [r for r in readings if r.constants == nearest.constants]
    worst = min(same, key=lambda r: r.ratio)
    start = (
        f"{ratio:g}x is {nearest.level} ({LEVELS[nearest.level]}) with {nearest.constants}"
        f" at s = {s:.3g}"
        if abs(nearest.ratio / ratio - 1) < 0.05
        else f"{ratio:g}x is not reached at s = {s:.3g}: the nearest is {nearest.ratio:.3g}x,"
        f" {nearest.level} with {nearest.constants}"
    )
    end = f"the same spikes give {worst.ratio:.3g}x at {worst.level} with reuse {worst.reuse:g}"
    lost = "; there the SNN loses" if worst.ratio < 1 else ""
    return f"{start}; {end}{lost}"
