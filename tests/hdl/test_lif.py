"""The neuron update in gateware against ``lif_step``, word for word, one word a clock."""

from collections.abc import Collection
from typing import Any

import numpy as np
import pytest

from hubel.hdl.lif import LifUpdate
from hubel.hdl.params import CoreParams
from hubel.hdl.program import Program, Reset
from hubel.sim.lif import lif_step

from .lif_words import (
    FEATURES,
    VARIED,
    Word,
    parts,
    program_of,
    random_members,
    random_words,
    vectors,
)
from .vectors import compare


def assert_corners_are_reached(
    params: CoreParams, words: list[Word], features: Collection[str]
) -> None:
    names = ["low", "high", "at", "above", "soft", "inexact"]
    names += ["late" if "late" in features else "hard"]
    names += [] if "late" in features else ["negative"]
    names += ["u low", "u high", "no u", "u inexact"] if "cuba" in features else []
    names += ["wraps"] if "wrap" in features else []
    names += ["held back", "a full"] if "adaptive" in features else []
    names += ["asleep", "falls asleep"] if "refractory" in features else []
    names += ["floor"] if "floor" in features else []
    names += ["shifted"] if "shift" in features else []
    seen = dict.fromkeys(names, 0)

    def count(name: str, condition: Any) -> None:
        if name in seen:
            seen[name] += int(np.sum(condition))

    low, high = params.state_min, params.state_max
    for word in words:
        p, state = word.population, word.state
        u, total, threshold = parts(word, params.state_width)
        after, fired, _ = lif_step(state, word.current, p, params.state_width)
        count("low", total < low)
        count("high", total > high)
        count("at", total == threshold)
        count("above", total == threshold + 1)
        count("soft", fired & (p.reset is Reset.SOFT))
        count("hard", fired & (p.reset is Reset.HARD))
        count("negative", fired & (p.reset is Reset.HARD) & (np.asarray(p.v_reset) < 0))
        count("late", (p.reset is Reset.SOFT_LATE) & (state.v > p.threshold))
        count("inexact", (state.v < 0) & (state.v * p.decay % 4096 != 0))
        count("floor", p.v_min is not None and total < (p.v_min or 0))
        count("shifted", (p.shift > 0) & (word.current != 0))
        count("no u", state.u is None)
        if state.u is not None:
            assert p.u_decay is not None
            count("u inexact", (state.u < 0) & (state.u * p.u_decay % 4096 != 0))
            count("wraps", p.u_wraps & ((u < low) | (u > high)))
            count("u low", (not p.u_wraps) & (u < low))
            count("u high", (not p.u_wraps) & (u > high))
        if state.a is not None and after.a is not None:
            count("held back", (np.clip(total, low, high) > p.threshold) & ~fired)
            count("a full", after.a == high)
        if state.r is not None:
            count("asleep", (state.r > 0) & (np.clip(total, low, high) > threshold))
            count("falls asleep", fired)
    assert min(seen.values()) >= 10, seen


def random_case(
    features: Collection[str], *, lanes: int, width: int, count: int, members: int = 24
) -> tuple[Program, CoreParams, list[Word]]:
    rng = np.random.default_rng(lanes + width + len(features))
    populations = random_members(rng, members, features, lanes=lanes, width=width)
    program = program_of(populations, state_width=width)
    params = program.params(lanes=lanes)
    neuron = params.neuron
    assert neuron.varied == set(VARIED) & set(features)
    flags = {"cuba": neuron.current, "wrap": neuron.wraps, "adaptive": neuron.adaptive,
             "refractory": neuron.refractory, "late": neuron.late, "floor": neuron.floor,
             "shift": any(neuron.shifts)}  # fmt: skip
    assert {name for name, flag in flags.items() if flag} == set(FEATURES) & set(features)
    words = random_words(rng, params, populations, count)
    assert_corners_are_reached(params, words, features)
    return program, params, words


CASES = {
    "plain": (),
    "cuba": ("cuba",),
    "wrap": ("cuba", "wrap"),
    "adaptive": ("adaptive",),
    "refractory": ("refractory",),
    "late": ("late",),
    "floor": ("floor",),
    "shift": ("shift",),
    "shifted cuba": ("shift", "cuba", "wrap", "floor"),
    "late and refractory": ("late", "refractory", "adaptive"),
    "all shared": FEATURES,
    "all but u": (*FEATURES[2:], *VARIED[:4]),
    "bias": ("bias",),
    "threshold": ("threshold", "late"),
    "v_reset": ("v_reset", "late"),
    "decay": ("decay",),
    "u_decay": ("cuba", "u_decay"),
    "all": (*FEATURES, *VARIED),
}


@pytest.mark.parametrize("width", [16, 24])
@pytest.mark.parametrize("features", CASES.values(), ids=CASES.keys())
def test_random_words(features: tuple[str, ...], width: int) -> None:
    program, params, words = random_case(features, lanes=4, width=width, count=1200)
    compare(LifUpdate(params, program), *vectors(params, words))


@pytest.mark.parametrize("lanes", [2, 8, 16, 32])
def test_random_words_of_any_lanes(lanes: int) -> None:
    features = (*FEATURES, "bias", "decay")
    program, params, words = random_case(
        features, lanes=lanes, width=16, count=max(200, 2400 // lanes)
    )
    compare(LifUpdate(params, program), *vectors(params, words))


@pytest.mark.parametrize("features", [(), ("cuba", "wrap"), ("shift", "cuba", "late")])
@pytest.mark.parametrize("weight_width, inputs", [(2, 2), (8, 65_536)])
def test_narrow_and_wide_currents(weight_width: int, inputs: int, features) -> None:
    rng = np.random.default_rng(inputs)
    members = random_members(rng, 6, features, lanes=2, width=16)
    program = program_of(members, axons=inputs, weight_width=weight_width)
    params = program.params(lanes=2)
    assert params.accumulator_width in (3, 24)
    words = random_words(rng, params, members, 500)
    compare(LifUpdate(params, program), *vectors(params, words))


@pytest.mark.parametrize("name", ["plain", "all shared", "all"])
def test_random_words_in_simulators(play, name: str) -> None:
    program, params, words = random_case(CASES[name], lanes=4, width=16, count=1200)
    compare(LifUpdate(params, program), *vectors(params, words), play)
