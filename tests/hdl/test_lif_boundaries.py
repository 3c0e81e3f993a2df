"""The neuron update at its boundaries: a table of each part, the golden model and the gateware."""

from dataclasses import replace

import numpy as np
import pytest

from hubel.hdl.lif import LifUpdate
from hubel.hdl.program import Population, Reset, Shape
from hubel.sim.lif import State, lif_step

from .lif_words import FEATURES, VARIED, Values, Word, program_of, random_members, vectors
from .vectors import compare


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
