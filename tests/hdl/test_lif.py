"""The neuron update in gateware against ``lif_step``, word for word, one word a clock."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pytest

from hubel.hdl.image import ParameterLayout, StateLayout
from hubel.hdl.lif import LifUpdate
from hubel.hdl.params import REFRACTORY_WIDTH, CoreParams
from hubel.hdl.pipeline import Pipeline
from hubel.hdl.program import Dense, Population, Program, Reset, Shape, Source
from hubel.sim.lif import State, decay, lif_step

from .vectors import Clocks, Expected, compare, corners, packed

#: Parameters that may differ between neurons.
VARIED = ("bias", "threshold", "v_reset", "decay", "u_decay")
#: Features of a core, beside those.
FEATURES = ("cuba", "wrap", "adaptive", "refractory", "late", "floor", "shift")

Values = dict[str, Any]


class Word(NamedTuple):
    """Neurons of population ``number``, a lane each, before a step."""

    number: int
    population: Population
    state: State
    current: np.ndarray


def program_of(
    members: list[Population], *, state_width: int = 16, axons: int = 64, weight_width: int = 8
) -> Program:
    """A Program with these populations, each fed by ``axons`` axons."""
    return Program(
        inputs=(Source("i0", Shape(axons)),),
        populations=tuple(members),
        projections=tuple(
            Dense(
                name=f"to {p.name}",
                source="i0",
                target=p.name,
                weights=np.zeros((axons, p.neurons), np.int64),
            )
            for p in members
        ),
        outputs=(members[-1].name,),
        weight_width=weight_width,
        state_width=state_width,
    )


def packed_states(layout: StateLayout, states: State, lanes: int) -> tuple[int, int]:
    """Bits of what there is of ``states``, and their mask. Neurons without an adaptation or a
    silent period keep 0 in their place; what they keep in place of a synaptic current is left
    out."""
    bits = mask = 0
    for name, place in layout:
        values = getattr(states, str(name))
        if values is None and name == "u":
            continue
        width = place.width // lanes
        values = np.zeros(lanes, np.int64) if values is None else values
        bits |= packed(values, width) << place.offset
        mask |= ((1 << place.width) - 1) << place.offset
    return bits, mask


def vectors(params: CoreParams, words: list[Word], seed: int = 0) -> tuple[Clocks, Expected]:
    """Inputs and expected outputs for words that enter back to back."""
    width, lanes, cycles = params.state_width, params.lanes, Pipeline(params)
    rng = np.random.default_rng(seed)
    # The clock in which an input is taken, for a word that enters in clock 0.
    taken = {"population": cycles.multiply - 1, "state": 0, "current": cycles.multiply + 2}
    parameters = ParameterLayout(params)
    if parameters.size:
        taken["parameters"] = 1
    clocks = len(words) + cycles.update
    inputs: Clocks = [{name: 0 for name in taken} for _ in range(clocks)]
    expected: list[dict[str, int | tuple[int, int]]] = [{} for _ in range(clocks)]
    layout = StateLayout(params)
    for i, word in enumerate(words):
        bits, mask = packed_states(layout, word.state, lanes)
        # What a neuron does not keep is anything.
        bits |= int.from_bytes(rng.bytes(layout.size // 8 + 1), "little") & ~mask
        row = 0
        for name, place in parameters:
            value = getattr(word.population, str(name))
            value = np.broadcast_to(0 if value is None else value, (lanes,))
            row |= packed(value, place.width // lanes) << place.offset
        values = {
            "population": word.number,
            "state": bits & ((1 << layout.size) - 1),
            "current": packed(word.current, params.accumulator_width),
            "parameters": row,
        }
        for name, clock in taken.items():
            inputs[i + clock][name] = values[name]
        after, fired, saturated = lif_step(word.state, word.current, word.population, width)
        expected[i + cycles.update] = {
            "state_next": packed_states(layout, after, lanes),
            "fired": packed(fired.astype(int), 1),
            "saturated": packed(saturated.astype(int), 1),
        }
    return inputs, expected


def drawn(
    rng: np.random.Generator, names: Collection[str], members: Values, lanes: int, width: int
) -> Values:
    """Numbers at the corners for the parameters ``names``, shape (lanes,) each."""
    high = (1 << (width - 1)) - 1
    low = -high - 1
    least = low if members["reset"] is Reset.HARD else 0
    values = {}
    for name in names:
        if name in ("decay", "u_decay"):
            known = rng.choice([0, 1, 2048, 4095, 4096, 4096], lanes)
            values[name] = np.where(rng.random(lanes) < 0.7, known, rng.integers(0, 4097, lanes))
        else:
            values[name] = corners(rng, low if name == "bias" else least, high, lanes)
    return values


def random_members(
    rng: np.random.Generator, count: int, features: Collection[str], *, lanes: int, width: int
) -> list[Population]:
    """``count`` populations of one word, each with some of ``features``; the first four have all
    that go together. Parameters in ``features`` differ between neurons, in some of them."""
    high = (1 << (width - 1)) - 1
    members = []
    for i in range(count):

        def has(feature: str, number: int = i) -> bool:
            return feature in features and (number < 4 or rng.random() < 0.5)

        late = has("late") and i != 0 and i != 2
        resets = [Reset.SOFT, Reset.SOFT_LATE if late else Reset.HARD]
        fields: Values = {"reset": resets[i % 2] if i < 4 or not late else Reset.SOFT_LATE}
        late = fields["reset"] is Reset.SOFT_LATE
        names = [*VARIED[:4], *(["u_decay"] if has("cuba") else [])]
        for name, value in drawn(rng, names, fields, lanes, width).items():
            fields[name] = value if has(name) else int(value[0])
        if "u_decay" in fields:
            fields["u_wraps"] = has("wrap")
        if has("floor"):
            fields["v_min"] = int(corners(rng, -high - 1, 0, 1)[0])
        if has("shift"):
            fields["shift"] = int(rng.choice([1, 2, 5, width - 2]))
        if has("refractory") and not late:
            fields["refractory"] = int(rng.choice([1, 2, 255]))
        if has("adaptive") and not late:
            fields["a_decay"] = int(rng.choice([0, 1, 4000, 4095, 4096]))
            fields["a_step"] = int(corners(rng, 0, high, 1)[0])
        members.append(Population(name=f"p{i}", shape=Shape(lanes), **fields))
    return members


class Parts(NamedTuple):
    """A word on its way through a step: the synaptic current before it is cut, the membrane before
    it is cut, what it is compared with."""

    u: np.ndarray
    total: np.ndarray
    threshold: np.ndarray


def parts(word: Word, width: int) -> Parts:
    """The same sums as in ``lif_step``, written a second time."""
    p, state, high = word.population, word.state, (1 << (width - 1)) - 1
    drive = word.current * 2**p.shift
    u = drive
    if state.u is not None:
        assert p.u_decay is not None
        u = decay(state.u, p.u_decay) + drive
        drive = np.clip(u, -high - 1, high)
        if p.u_wraps:
            drive = (u + high + 1) % (2 * high + 2) - high - 1
    total = decay(state.v, p.decay) + drive + p.bias
    if p.reset is Reset.SOFT_LATE:
        total = total - (state.v > p.threshold) * p.v_reset
    threshold = np.broadcast_to(p.threshold, total.shape)
    if state.a is not None:
        assert p.a_decay is not None
        threshold = threshold + ((state.a * p.a_decay) >> 12)
    return Parts(u, total, threshold)


def random_words(
    rng: np.random.Generator, params: CoreParams, members: list[Population], count: int
) -> list[Word]:
    """Words at the corners of every input; in half of them the membrane ends within one of the
    threshold where a current can bring it there."""
    low, high, lanes = params.state_min, params.state_max, params.lanes
    most = (1 << (params.accumulator_width - 1)) - 1
    words = []
    for _ in range(count):
        number = int(rng.integers(len(members)))
        p = members[number]
        fields = drawn(rng, p.varied(), {"reset": p.reset}, lanes, params.state_width)
        p = replace(p, **fields)
        word = Word(
            number,
            p,
            State(
                v=corners(rng, low, high, lanes),
                u=None if p.u_decay is None else corners(rng, low, high, lanes),
                a=None if p.a_decay is None else corners(rng, 0, high, lanes),
                r=rng.choice([0, 0, 0, 1, 2, 255], lanes) if p.refractory else None,
            ),
            corners(rng, -most - 1, most, lanes),
        )
        if rng.random() < 0.5:
            without = parts(word._replace(current=np.zeros(lanes, np.int64)), params.state_width)
            wanted = without.threshold + rng.integers(-1, 2, lanes) - without.total >> p.shift
            current = np.where(np.abs(wanted) <= most, wanted, word.current)
            word = word._replace(current=current)
        words.append(word)
    return words


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


def check(fields: Values, before: Values, current: int, after: Values) -> None:
    """A neuron with ``fields`` and the states ``before`` is in those of ``after`` a step later; so
    does the golden model say, and the gateware, alone and beside neurons that have everything."""
    rng = np.random.default_rng(1)
    lanes = 2
    one = Population(name="one", shape=Shape(lanes), **fields)
    state = State(**{name: np.array([value, 0]) for name, value in before.items()})
    word = Word(0, one, state, np.array([current, 0]))
    golden, fired, saturated = lif_step(state, word.current, one, 16)
    found = {name: int(values[0]) for name, values in golden._asdict().items()
             if values is not None}  # fmt: skip
    found |= {"fired": bool(fired[0]), "saturated": bool(saturated[0])}
    assert found == {"fired": False, "saturated": False, **after}
    others = [
        replace(p, name=f"other {p.name}")
        for p in random_members(rng, 4, (*FEATURES, *VARIED), lanes=lanes, width=16)
    ]
    for members in ([one], [one, *others]):
        program = program_of(members)
        params = program.params(lanes=lanes)
        compare(LifUpdate(params, program), *vectors(params, [word]))


@pytest.mark.parametrize(
    "v, decay, bias, current, threshold, v_next, fired, saturated",
    [
        # strictly greater
        (99, 4096, 0, 1, 100, 100, False, False),
        (99, 4096, 0, 2, 100, -7, True, False),
        (0, 4096, 0, 0, 0, 0, False, False),
        (0, 4096, 1, 0, 0, -7, True, False),
        (32766, 4096, 1, 0, 32767, 32767, False, False),
        (32766, 4096, 1, 1, 32767, 32767, False, True),
        (32766, 4096, 1, 1, 32766, -7, True, True),
        # thresholds that are always passed, or only not by the least membrane
        (0, 4096, 0, 0, -1, -7, True, False),
        (-1, 4096, 0, 0, -1, -1, False, False),
        (-32768, 4096, 0, 0, -32768, -32768, False, False),
        (-32768, 4096, 1, 0, -32768, -7, True, False),
        # rounded towards zero, from both sides
        (-1, 4095, 0, 0, 100, 0, False, False),
        (1, 4095, 0, 0, 100, 0, False, False),
        (-1, 0, 0, 0, 100, 0, False, False),
        (-1, 1, 0, 0, 100, 0, False, False),
        (-1, 4096, 0, 0, 100, -1, False, False),
        (-3, 2048, 0, 0, 100, -1, False, False),
        (-4096, 1, 0, 0, 100, -1, False, False),
        (-4095, 1, 0, 0, 100, 0, False, False),
        (-32768, 4095, 0, 0, 100, -32760, False, False),
        (-32768, 0, 0, 0, 100, 0, False, False),
        (-32768, 4096, 0, 0, 100, -32768, False, False),
        (32767, 4096, 0, 0, 32767, 32767, False, False),
        # saturated once, at the end of the sum
        (-32768, 4096, 0, -1, 100, -32768, False, True),
        (-32768, 4096, -32768, -32, 100, -32768, False, True),
        (-32768, 4096, -1, 1, 100, -32768, False, False),
        (32767, 4096, 32767, 31, 32767, 32767, False, True),
        (32767, 4096, 1, -1, 32767, 32767, False, False),
    ],
)
@pytest.mark.parametrize("varied", [False, True])
def test_boundaries(v, decay, bias, current, threshold, v_next, fired, saturated, varied) -> None:
    fields: Values = {"decay": decay, "bias": bias, "threshold": threshold, "v_reset": -7}
    if varied:
        # The other neuron has numbers that would show.
        others = {"decay": 4095, "bias": 77, "threshold": 32767, "v_reset": 55}
        fields = {name: np.array([value, others[name]]) for name, value in fields.items()}
    check(
        {**fields, "reset": Reset.HARD},
        {"v": v},
        current,
        {"v": v_next, "fired": fired, "saturated": saturated},
    )


@pytest.mark.parametrize(
    "soft, v_reset, v_next", [(True, 90, 11), (True, 0, 101), (False, 90, 90), (False, -9, -9)]
)
def test_resets(soft: bool, v_reset: int, v_next: int) -> None:
    reset = Reset.SOFT if soft else Reset.HARD
    fields = {"bias": 1, "threshold": 100, "reset": reset, "v_reset": v_reset}
    check(fields, {"v": 100}, 0, {"v": v_next, "fired": True})


@pytest.mark.parametrize(
    "v, bias, v_reset, v_next, fired, saturated",
    [
        # nothing is subtracted in the step of the spike, nor where the membrane is at the threshold
        (100, 1, 90, 101, True, False),
        (100, 0, 90, 100, False, False),
        (101, 0, 90, 11, False, False),
        (101, 90, 90, 101, True, False),
        # not cut before it is subtracted
        (32767, 32767, 32767, 32767, True, False),
        (32767, 32767, 32766, 32767, True, True),
        (101, -32768, 32767, -32768, False, True),
        (101, -102, 32767, -32768, False, False),
    ],
)
def test_a_late_reset(v, bias, v_reset, v_next, fired, saturated) -> None:
    fields = {"bias": bias, "threshold": 100, "reset": Reset.SOFT_LATE, "v_reset": v_reset}
    check(fields, {"v": v}, 0, {"v": v_next, "fired": fired, "saturated": saturated})


@pytest.mark.parametrize(
    "u, u_decay, current, wraps, shift, u_next",
    [
        (100, 4096, 5, False, 0, 105),
        # rounded towards zero, from both sides
        (-1, 4095, 0, False, 0, 0),
        (1, 4095, 0, False, 0, 0),
        (-3, 2048, 0, True, 0, -1),
        (-32768, 4096, 0, False, 0, -32768),
        (-32768, 4095, 0, False, 0, -32760),
        (-32768, 0, -1, True, 0, -1),
        # the edges, where it saturates or wraps
        (32767, 4096, 0, False, 0, 32767),
        (32767, 4096, 1, False, 0, 32767),
        (32767, 4096, 1, True, 0, -32768),
        (32766, 4096, 1, True, 0, 32767),
        (-32768, 4096, -1, False, 0, -32768),
        (-32768, 4096, -1, True, 0, 32767),
        (32767, 4096, 8128, True, 0, -24641),
        # after the shift
        (0, 0, 8128, False, 14, 32767),
        (0, 0, -8192, False, 14, -32768),
        (0, 0, -8192, True, 14, 0),
        (0, 0, 1, False, 14, 16384),
        (0, 0, 3, True, 14, -16384),
        (0, 0, 2, True, 14, -32768),
    ],
)
def test_a_synaptic_current(u, u_decay, current, wraps, shift, u_next) -> None:
    """It drives the membrane after it was cut; what is cut is not counted."""
    fields = {"threshold": 32767, "decay": 0, "u_decay": u_decay, "u_wraps": wraps, "shift": shift}
    check(fields, {"v": 9, "u": u}, current, {"v": u_next, "u": u_next})
    # Beside a bias the membrane is cut once more, and that counts.
    after = np.clip(u_next - 2, -32768, 32767)
    saturated = u_next - 2 < -32768
    check(
        {**fields, "bias": -2},
        {"v": 9, "u": u},
        current,
        {"v": int(after), "u": u_next, "saturated": saturated},
    )


@pytest.mark.parametrize(
    "v, current, shift, v_next, saturated",
    [
        (1, 3, 2, 13, False),
        (-1, -3, 2, -13, False),
        (0, 1, 14, 16384, False),
        (0, 2, 14, 32767, True),
        (-1, 2, 14, 32767, False),
        (0, -2, 14, -32768, False),
        (-1, -2, 14, -32768, True),
        (0, -8192, 14, -32768, True),
    ],
)
def test_a_shift(v, current, shift, v_next, saturated) -> None:
    after = {"v": v_next, "saturated": saturated}
    check({"threshold": 32767, "shift": shift}, {"v": v}, current, after)


@pytest.mark.parametrize(
    "v, bias, v_min, v_next, saturated",
    [
        (0, -1, 0, 0, False),
        (0, 0, 0, 0, False),
        (-5, -1, -6, -6, False),
        (-5, -2, -6, -6, False),
        (-32768, -1, -32768, -32768, True),
        # under the width too: that counts
        (-32768, -1, -6, -6, True),
        (32767, 1, 0, 32767, True),
    ],
)
def test_a_floor(v, bias, v_min, v_next, saturated) -> None:
    fields = {"threshold": 32767, "bias": bias, "v_min": v_min}
    check(fields, {"v": v}, 0, {"v": v_next, "saturated": saturated})


def test_a_floor_above_the_threshold_fires() -> None:
    fields = {"threshold": -9, "v_min": -3, "reset": Reset.HARD, "v_reset": -20}
    check(fields, {"v": -20}, -5, {"v": -20, "fired": True})


@pytest.mark.parametrize(
    "v, r, v_next, r_next, fired",
    [
        (90, 0, 5, 255, True),
        (90, 1, 90, 0, False),
        (90, 2, 90, 1, False),
        (90, 255, 90, 254, False),
        (-50, 0, -45, 0, False),
    ],
)
def test_a_refractory_neuron(v, r, v_next, r_next, fired) -> None:
    """It keeps its membrane, without decay or bias."""
    fields = {"threshold": 80, "refractory": 255, "bias": 5, "reset": Reset.HARD, "v_reset": 5}
    after = {"v": v_next, "r": r_next, "fired": fired}
    check(fields, {"v": v, "r": r}, 0, after)


def test_a_refractory_neuron_is_not_counted_as_clipped() -> None:
    fields = {"threshold": 80, "refractory": 3, "bias": 32767, "decay": 4000}
    check(fields, {"v": 32767, "r": 3}, 100, {"v": 32767, "r": 2})
    check(fields, {"v": 32767, "r": 0}, 100, {"v": 32767, "r": 3, "fired": True, "saturated": True})


@pytest.mark.parametrize("r, fired", [(0, True), (2, False)])
def test_currents_and_adaptations_go_on_while_a_neuron_is_silent(r: int, fired: bool) -> None:
    fields = {"threshold": 80, "refractory": 4, "v_reset": 7, "u_decay": 2048, "a_decay": 2048,
              "a_step": 11}  # fmt: skip
    after = {"v": 200 + 55 - 7, "u": 55, "a": 31, "r": 4, "fired": True}
    if not fired:
        after = {"v": 200, "u": 55, "a": 20, "r": 1}
    check(fields, {"v": 200, "u": 100, "a": 40, "r": r}, 5, after)


@pytest.mark.parametrize(
    "v, a, a_decay, a_step, a_next, fired",
    [
        # strictly greater than the threshold and what is left of the adaptation
        (110, 10, 4096, 5, 10, False),
        (111, 10, 4096, 5, 15, True),
        (110, 10, 4095, 5, 14, True),
        (109, 10, 4095, 5, 9, False),
        (101, 1, 4095, 0, 0, True),
        # more than a membrane can reach
        (32767, 32767, 4096, 5, 32767, False),
        (32767, 32666, 4096, 5, 32671, True),
        (32767, 32666, 4096, 102, 32767, True),
        (32767, 32666, 4096, 101, 32767, True),
        (32767, 32666, 4096, 32767, 32767, True),
        (101, 0, 0, 32767, 32767, True),
    ],
)
def test_an_adaptive_threshold(v, a, a_decay, a_step, a_next, fired) -> None:
    fields = {"threshold": 100, "a_decay": a_decay, "a_step": a_step, "reset": Reset.HARD}
    after = {"v": 0 if fired else v, "a": a_next, "fired": fired}
    check(fields, {"v": v, "a": a}, 0, after)


def test_the_silent_period_has_as_many_bits_as_it_needs() -> None:
    assert 255 < 1 << REFRACTORY_WIDTH
