"""The ladder of comparisons between a spiking and a conventional network, L0 to L5.

Each level adds what the one below leaves out, so that a ratio means something only together with
its level, its constants and ``s``, the spikes per synapse and inference. All joules are for one
inference, or for one synapse where a :class:`Work` describes one. Constants: see
``data/operation_energy.json``.

| level | adds |
|---|---|
| L0 ops | MAC against AC |
| L1 memory | ANN: (weight + activation) / reuse a MAC; SNN: weight + state in and out an AC |
| L2 neuron | SNN: every step of every neuron, and the addresses of events |
| L3 static | leakage for as long as an inference takes |
| L4 platform | joules a cycle times cycles on the FPGA, or a meter: replaces L0 to L3 |
| L5 system | host, power supply, facility and grid; and what repays training |
"""

import json
import math
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Any

LEVELS = {
    "L0": "ops",
    "L1": "+ memory",
    "L2": "+ neuron",
    "L3": "+ static",
    "L4": "platform",
    "L5": "system",
}


@dataclass(frozen=True, kw_only=True)
class Constants:
    """Energy of one operation, in J.

    Parameters
    ----------
    name : str
        As printed beside every ratio, for example ``"FP32, 8 KB"``.
    mul, add : float
        One multiplication, one addition. A comparison counts as an addition.
    weight, activation, state, address : float
        One access to a weight, an activation, a neuron's state, an address of 16 bits.
    source : str
        Publication with year, and the width that accesses were scaled from.
    """

    name: str
    mul: float
    add: float
    weight: float
    activation: float
    state: float
    address: float
    source: str

    def __post_init__(self) -> None:
        for field in ("mul", "add", "weight", "activation", "state", "address"):
            _at_least_0(f"{self.name}: {field}", getattr(self, field))

    @property
    def mac(self) -> float:
        """A multiplication and an addition."""
        return self.mul + self.add


@dataclass(frozen=True, kw_only=True)
class Work:
    """What one inference takes on both sides.

    Parameters
    ----------
    macs : float
        Multiply-accumulates of the ANN, above 0: its synapses.
    acs : float
        Synaptic operations of the SNN; ``acs / macs`` is s.
    neurons : float
        Neurons of the SNN that are updated each step.
    steps : int
        Time steps, at least 1.
    events : float
        Spikes whose address is fetched.
    reuse : float
        MACs that one fetched weight and activation serve, at least 1.
    """

    macs: float
    acs: float
    neurons: float = 0.0
    steps: int = 1
    events: float = 0.0
    reuse: float = 1.0

    def __post_init__(self) -> None:
        for field in ("macs", "acs", "neurons", "events"):
            _at_least_0(field, getattr(self, field))
        if self.macs == 0:
            raise ValueError("macs must be above 0: there is nothing to compare")
        if self.steps < 1:
            raise ValueError(f"steps must be at least 1, not {self.steps}")
        if not (math.isfinite(self.reuse) and self.reuse >= 1):
            raise ValueError(f"reuse must be at least 1, not {self.reuse!r}")

    @property
    def s(self) -> float:
        """Spikes per synapse and inference."""
        return self.acs / self.macs

    @classmethod
    def of_synapse(
        cls, s: float, *, reuse: float = 1.0, steps: int = 1, fan_in: float = math.inf
    ) -> "Work":
        """One synapse of a neuron with ``fan_in`` of them, at ``s`` spikes an inference."""
        if not fan_in >= 1:
            raise ValueError(f"fan_in must be at least 1, not {fan_in!r}")
        return cls(macs=1, acs=s, neurons=1 / fan_in, steps=steps, reuse=reuse)


@dataclass(frozen=True, kw_only=True)
class Rung:
    """Both sides at one level, in J.

    Attributes
    ----------
    level : str
        A key of :data:`LEVELS`.
    ann, snn : float
        Energy of one inference in J.
    """

    level: str
    ann: float
    snn: float

    @property
    def ratio(self) -> float:
        """How many times less the SNN takes; below 1 it loses, infinite if it takes nothing."""
        return self.ann / self.snn if self.snn else math.inf


@cache
def table() -> dict[str, Any]:
    """The shipped constants with unit, year, source and access width."""
    text = resources.files("hubel.sw").joinpath("data/operation_energy.json").read_text("utf-8")
    return json.loads(text)


def constants(name: str = "FP32", memory: str = "8 KB") -> Constants:
    """The shipped set ``name`` with operands in ``memory``; an access costs in proportion to its
    width.

    Raises
    ------
    ValueError
        If there is no such set or memory; the message names those that there are.
    """
    known = table()
    for what, key, rows in (("set", name, known["sets"]), ("memory", memory, known["memories"])):
        if key not in rows:
            raise ValueError(f"no {what} of constants {key!r}; there are {', '.join(rows)}")
    ops, cell = known["sets"][name], known["memories"][memory]
    bit = cell["picojoules"] * 1e-12 / cell["access_bits"]
    return Constants(
        name=f"{name}, {memory}",
        mul=ops["mul"] * 1e-12,
        add=ops["add"] * 1e-12,
        weight=ops["weight_bits"] * bit,
        activation=ops["activation_bits"] * bit,
        state=ops["state_bits"] * bit,
        address=16 * bit,
        source=f"{known['source']}; {cell['picojoules']:g} pJ an access of {cell['access_bits']}"
        f" bits, weights of {ops['weight_bits']}, states of {ops['state_bits']}",
    )


def l0(work: Work, c: Constants) -> Rung:
    """Arithmetic alone: a MAC against an AC."""
    return Rung(level="L0", ann=work.macs * c.mac, snn=work.acs * c.add)


def l1(work: Work, c: Constants) -> Rung:
    """L0 and the memory accesses of each operation."""
    below = l0(work, c)
    return Rung(
        level="L1",
        ann=below.ann + work.macs * (c.weight + c.activation) / work.reuse,
        snn=below.snn + work.acs * (c.weight + 2 * c.state),
    )


def l2(work: Work, c: Constants) -> Rung:
    """L1 and each step of each neuron: leak, add, compare, state in and out; and addresses."""
    below = l1(work, c)
    update = c.mul + 2 * c.add + 2 * c.state
    addressing = work.events * (c.address + c.add)
    snn = below.snn + work.steps * work.neurons * update + addressing
    return Rung(level="L2", ann=below.ann, snn=snn)


def l3(
    below: Rung, *, leakage_watts: float, ann_seconds: float, snn_seconds: float | None = None
) -> Rung:
    """``below`` and the leakage of the chip for as long as an inference takes."""
    snn_seconds = ann_seconds if snn_seconds is None else snn_seconds
    for name, value in (("leakage", leakage_watts), ("ANN latency", ann_seconds),
                        ("SNN latency", snn_seconds)):  # fmt: skip
        _at_least_0(name, value)
    return Rung(
        level="L3",
        ann=below.ann + leakage_watts * ann_seconds,
        snn=below.snn + leakage_watts * snn_seconds,
    )


def l4(
    *,
    ann_cycles: float,
    snn_cycles: float,
    ann_joules_per_cycle: float,
    snn_joules_per_cycle: float | None = None,
) -> Rung:
    """Joules a cycle, measured or modelled, times the cycles of an inference."""
    if snn_joules_per_cycle is None:
        snn_joules_per_cycle = ann_joules_per_cycle
    for name, value in (("ANN cycles", ann_cycles), ("SNN cycles", snn_cycles),
                        ("joules a cycle", ann_joules_per_cycle),
                        ("joules a cycle", snn_joules_per_cycle)):  # fmt: skip
        _at_least_0(name, value)
    return Rung(
        level="L4", ann=ann_cycles * ann_joules_per_cycle, snn=snn_cycles * snn_joules_per_cycle
    )


def l5(
    below: Rung,
    *,
    host_watts: float,
    ann_seconds: float,
    snn_seconds: float,
    psu_efficiency: float = 1.0,
    pue: float = 1.0,
    grid_loss: float = 0.0,
) -> Rung:
    """``below`` and the host meanwhile, behind power supply, facility and grid."""
    for name, value in (("host power", host_watts), ("ANN latency", ann_seconds),
                        ("SNN latency", snn_seconds)):  # fmt: skip
        _at_least_0(name, value)
    if not 0 < psu_efficiency <= 1:
        raise ValueError(f"PSU efficiency must be above 0 and at most 1, not {psu_efficiency!r}")
    if not (math.isfinite(pue) and pue >= 1):
        raise ValueError(f"PUE must be at least 1, not {pue!r}")
    if not 0 <= grid_loss < 1:
        raise ValueError(f"grid loss must be in 0..1, without 1, not {grid_loss!r}")
    up = pue / (1 - grid_loss) / psu_efficiency
    return Rung(
        level="L5",
        ann=(below.ann + host_watts * ann_seconds) * up,
        snn=(below.snn + host_watts * snn_seconds) * up,
    )


def repay_inferences(rung: Rung, extra_joules: float) -> float:
    """Inferences after which the SNN has repaid ``extra_joules`` of training and search that it
    took beyond the ANN; infinite if it saves nothing."""
    _at_least_0("joules to repay", extra_joules)
    saved = rung.ann - rung.snn
    return extra_joules / saved if saved > 0 else math.inf


def break_even(work: Work, c: Constants, level: str = "L2", ratio: float = 1.0) -> float | None:
    """Spikes per synapse at which the ANN takes ``ratio`` times what the SNN does.

    None if no spike at all is too much already. Level L0, L1 or L2, where the SNN is linear in s.
    """
    rungs = {"L0": l0, "L1": l1, "L2": l2}
    if level not in rungs:
        raise ValueError(f"level must be one of {list(rungs)}, not {level!r}")
    if not (math.isfinite(ratio) and ratio > 0):
        raise ValueError(f"ratio must be above 0, not {ratio!r}")
    silent = rungs[level](replace(work, acs=0.0), c)
    busy = rungs[level](replace(work, acs=work.macs), c)
    s = (silent.ann / ratio - silent.snn) / (busy.snn - silent.snn)
    return s if s >= 0 else None


def _at_least_0(name: str, value: float) -> None:
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"{name} must be at least 0, not {value!r}")
