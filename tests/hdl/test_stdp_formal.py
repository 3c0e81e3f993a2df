# amaranth: UnusedElaboratable=no
"""Bounded proofs of the update of weights: whatever comes, a weight stays in [0, 1], and moves in
the direction that the rule says."""

import sys
from pathlib import Path

import pytest
from amaranth.hdl import Elaboratable, Module, Mux, Signal, Value

from hubel.hdl import stdp_update
from hubel.hdl.stdp_params import LearningParams
from hubel.hdl.stdp_update import UPDATE_CYCLES, StdpUpdate

from .prover import asserted, constant, prove

pytestmark = pytest.mark.long


class UpdateHarness(Elaboratable):
    """An update unit that is fed anything, and what went in some cycles before."""

    def __init__(self, params: LearningParams):
        self.update = StdpUpdate(params)
        names = ("valid", "from_input", "pair", "up", "nearest", "a_plus", "a_minus", "factor",
                 "decay", "random_load", "random_value")  # fmt: skip
        self.free: list[Value] = [getattr(self.update, name) for name in names]
        self.free += [Value.cast(getattr(self.update, n)) for n in ("weights", "traces", "value")]

    def elaborate(self, platform):
        m = Module()
        m.submodules.update = update = self.update
        params = update.params
        constant(m, update.pair, update.up, update.from_input)

        def earlier(value: Value, cycles: int, name: str) -> Value:
            for n in range(cycles):
                later = Signal(len(value), name=f"{name}_{n}")
                m.d.sync += later.eq(value)
                value = later
            return value

        old = earlier(Value.cast(update.weights), UPDATE_CYCLES, "old")
        traces = earlier(Value.cast(update.traces), UPDATE_CYCLES, "traces_then")
        idle = earlier(update.decay, UPDATE_CYCLES - 1, "decay_then")
        full = Signal(range(UPDATE_CYCLES + 2))
        m.d.sync += full.eq(Mux(full == UPDATE_CYCLES + 1, full, full + 1))
        checked = (full > UPDATE_CYCLES) & ~idle
        for lane in range(params.lanes):
            before = old.word_select(lane, params.weight_width)
            after = Value.cast(update.word).word_select(lane, params.weight_width)
            fired = Mux(update.pair, ~update.from_input, traces.word_select(lane, 16).any())
            up = fired == update.up
            right = Mux(up, after >= before, after <= before)
            asserted(m, f"lane_{lane}_moves_as_the_rule_says", ~checked | right)
            # At its ends a weight of the multiplicative rule never moves.
            stays = ~update.pair & ((before == 0) | (before == params.weight_max))
            asserted(m, f"lane_{lane}_stays_at_its_ends", ~checked | ~stays | (after == before))
        return m


@pytest.mark.parametrize("width", [8, 16])
def test_weights_never_wrap(width: int, tmp_path: Path) -> None:
    params = LearningParams(inputs=4, neurons=4, lanes=2, weight_width=width)
    harness = UpdateHarness(params)
    assert prove(harness, harness.free, tmp_path, depth=UPDATE_CYCLES + 3) == ""


def test_the_proof_finds_a_sum_without_a_carry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clamp that looks at one bit too few is found."""
    params = LearningParams(inputs=4, neurons=4, lanes=2)
    source = Path(stdp_update.__file__).read_text()
    assert "moved[width:].any()" in source
    wrong: dict = {"__name__": stdp_update.__name__, "__package__": stdp_update.__package__}
    exec(compile(source.replace("moved[width:].any()", "moved[-1]"), "wrong.py", "exec"), wrong)
    monkeypatch.setattr(sys.modules[__name__], "StdpUpdate", wrong["StdpUpdate"])
    harness = UpdateHarness(params)
    assert "moves_as_the_rule_says" in prove(
        harness, harness.free, tmp_path, depth=UPDATE_CYCLES + 3
    )
