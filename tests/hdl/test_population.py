"""Populations: the ranges of their numbers."""

from typing import Any

import numpy as np
import pytest

from hubel.hdl.population import Population, Reset
from hubel.hdl.shape import Shape

HARD = {"reset": Reset.HARD}
LATE = {"reset": Reset.SOFT_LATE}


def population(**changes: Any) -> Population:
    """Three neurons; ``changes`` replace the fields."""
    return Population(**{"name": "one", "shape": Shape(3), "threshold": 5, "v_reset": 5, **changes})


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"threshold": -1}, "threshold must be in 0..32767, not -1"),
        ({"threshold": 32768}, "threshold must be in 0..32767, not 32768"),
        ({**HARD, "threshold": -32769}, "threshold must be in -32768..32767, not -32769"),
        ({"threshold": [5]}, "threshold must be an int, not [5]"),
        ({"threshold": 5.0}, "threshold must be an int, not 5.0"),
        ({"threshold": True}, "threshold must be an int, not True"),
        ({"threshold": np.array([0, -2, 7])}, "threshold must be in 0..32767, not -2..7"),
        ({"threshold": np.zeros(2, int)}, "threshold must have shape (3,), not (2,)"),
        ({"decay": 4097}, "decay must be in 0..4096, not 4097"),
        ({"decay": -1}, "decay must be in 0..4096, not -1"),
        ({"decay": 0.5}, "decay must be an int, not 0.5"),
        ({"decay": np.array([0, 1, 4097])}, "decay must be in 0..4096, not 0..4097"),
        ({"v_reset": -1}, "v_reset must be in 0..32767, not -1"),
        ({**LATE, "v_reset": -1}, "v_reset must be in 0..32767, not -1"),
        ({**HARD, "v_reset": -32769}, "v_reset must be in -32768..32767, not -32769"),
        ({"bias": 32768}, "bias must be in -32768..32767, not 32768"),
        ({"bias": np.zeros(2, int)}, "bias must have shape (3,), not (2,)"),
        ({"bias": np.array([0, 0, 32768])}, "bias must be in -32768..32767, not 0..32768"),
        ({"bias": np.zeros(3)}, "bias must be signed integers, not float64"),
        ({"bias": np.zeros(3, np.uint64)}, "bias must be signed integers, not uint64"),
        ({"v_init": np.zeros((3, 1), int)}, "v_init must have shape (3,), not (3, 1)"),
        ({"v_init": np.array([-32769, 0, 1])}, "v_init must be in -32768..32767, not -32769..1"),
        ({"v_min": 1}, "v_min must be in -32768..0, not 1"),
        ({"v_min": -32769}, "v_min must be in -32768..0, not -32769"),
        ({"v_min": -0.5}, "v_min must be an int, not -0.5"),
        ({"shift": -1}, "shift must be in 0..14, not -1"),
        ({"shift": 15}, "shift must be in 0..14, not 15"),
        ({"shift": np.zeros(3, int)}, "shift must be an int, not array([0, 0, 0])"),
        ({"refractory": -1}, "refractory must be in 0..255, not -1"),
        ({"refractory": 256}, "refractory must be in 0..255, not 256"),
        ({"u_decay": 4097}, "u_decay must be in 0..4096, not 4097"),
        ({"u_decay": np.array([1, -1, 0])}, "u_decay must be in 0..4096, not -1..1"),
        ({"u_init": -32769}, "u_init must be in -32768..32767, not -32769"),
        ({"a_decay": 4097}, "a_decay must be in 0..4096, not 4097"),
        ({"a_decay": np.zeros(3, int)}, "a_decay must be an int, not array([0, 0, 0])"),
        ({"a_step": -1}, "a_step must be in 0..32767, not -1"),
        ({"a_step": 32768}, "a_step must be in 0..32767, not 32768"),
    ],
)
def test_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as refused:
        population(**changes).check(16)
    assert str(refused.value) == f"population 'one': {message}"


@pytest.mark.parametrize("changes", [{"refractory": 1}, {"a_decay": 0}])
def test_a_late_reset_stands_alone(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError) as refused:
        population(**LATE, **changes).check(16)
    assert str(refused.value) == (
        "population 'one': a late reset goes neither with a refractory period nor with an "
        "adaptive threshold"
    )


def test_the_ranges_are_those_of_the_width() -> None:
    population(threshold=1 << 22).check(24)
    with pytest.raises(ValueError, match=r"threshold must be in 0..8388607, not 8388608$"):
        population(threshold=1 << 23).check(24)


@pytest.mark.parametrize(
    "changes",
    [
        {"bias": np.array([-32768, 32767, 0])},
        {"v_init": np.array([-32768, 32767, 0])},
        {"decay": 0},
        {"decay": np.array([0, 4096, 1])},
        {"threshold": 0, "v_reset": 0},
        {"threshold": 32767, "v_reset": 32767},
        {"threshold": -32768, "v_reset": -32768, **HARD},
        {"threshold": np.array([0, 1, 32767]), **LATE},
        {"v_min": 0},
        {"v_min": -32768},
        {"shift": 14},
        {"refractory": 255},
        {"u_decay": 0, "u_init": -32768},
        {"u_decay": 4096, "u_init": 32767, "u_wraps": True, **LATE},
        {"a_decay": 0, "a_step": 32767},
        {"a_decay": 4096, "refractory": 255},
    ],
)
def test_the_limits_are_accepted(changes: dict[str, Any]) -> None:
    population(**changes).check(16)


def test_varied() -> None:
    assert population().varied() == frozenset()
    varied = population(bias=np.zeros(3, int), v_init=np.zeros(3, int)).varied()
    assert varied == {"bias", "v_init"}
