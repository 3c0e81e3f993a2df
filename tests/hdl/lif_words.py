"""Words for the neuron update: random ones at the corners, and what ``lif_step`` says of them."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from hubel.hdl.image import ParameterLayout, StateLayout
from hubel.hdl.params import CoreParams
from hubel.hdl.pipeline import Pipeline
from hubel.hdl.program import Dense, Population, Program, Reset, Shape, Source
from hubel.sim.lif import State, decay, lif_step

from .vectors import Clocks, Expected, corners, packed

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
