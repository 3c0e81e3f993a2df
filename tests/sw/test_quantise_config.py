"""The editable configuration of quantisation."""

import json
import re
from typing import Any

import numpy as np
import pytest

from hubel.hdl.program import Dense, Program, Reset, Shape, Source
from hubel.sw.network import Network, Neurons
from hubel.sw.quantise import quantise
from hubel.sw.quantise_config import auto_config


def network(**changes: Any) -> Network:
    """ "a" leaks and has a threshold for each neuron, "b" is a readout with a current."""
    rng = np.random.default_rng(0)
    return Network(
        inputs=(Source("i", Shape(4)),),
        populations=(
            Neurons(
                name="a",
                shape=Shape(3),
                threshold=np.array([2.0, np.inf, 3.0]),
                decay=0.875,
                v_reset=1.5,
                bias=0.25,
            ),
            Neurons(name="b", shape=Shape(2), threshold=np.inf, decay=0.5, u_decay=0.75),
        ),
        projections=(
            Dense(name="v", source="i", target="a", weights=rng.normal(size=(4, 3))),
            Dense(name="w", source="a", target="b", weights=rng.normal(size=(3, 2)), delay=3),
        ),
        outputs=("b",),
        **changes,
    )


def plain(program: Program) -> Any:
    """All of a Program, to compare."""
    layers = [
        {name: np.asarray(value).tolist() for name, value in vars(layer).items()}
        for layer in (*program.populations, *program.projections)
    ]
    return program.weight_width, program.state_width, program.outputs, layers


def test_it_says_what_is_chosen_in_plain_json() -> None:
    config = auto_config(network())
    assert json.loads(json.dumps(config, allow_nan=False)) == config
    assert (config["weight_width"], config["state_width"]) == (8, 16)
    a, b = config["populations"]["a"], config["populations"]["b"]
    assert (a["threshold"], a["v_reset"], a["decay"]) == ([2.0, None, 3.0], 1.5, 0.875)
    assert (b["threshold"], b["u_decay"]) == (None, 0.75)
    assert set(config["populations"]) == {"a", "b"}
    assert set(a) == {"scale", "fraction_bits", "threshold", "v_reset", "decay"}
    program = quantise(network())
    shifts = {p.name: p.shift for p in program.populations}
    assert (a["fraction_bits"], b["fraction_bits"]) == (shifts["a"], shifts["b"])
    assert a["fraction_bits"] > 0 and b["fraction_bits"] > 0
    weights = program.projections[-2].weights
    np.testing.assert_allclose(
        weights * a["scale"], network().projections[0].weights, atol=a["scale"] / 2
    )


@pytest.mark.parametrize("widths", [{}, {"weight_width": 4, "state_width": 24}])
def test_unedited_it_changes_nothing(widths: dict[str, Any]) -> None:
    config = json.loads(json.dumps(auto_config(network(), **widths)))
    got = quantise(network(), config=config)
    assert plain(got) == plain(quantise(network(), **widths))
    assert got.weight_width == widths.get("weight_width", 8)


def test_unedited_it_keeps_integers() -> None:
    weights = np.array([[128.0], [-640.0]])
    net = Network(
        inputs=(Source("i", Shape(2)),),
        populations=(Neurons(name="a", shape=Shape(1), threshold=77.0, reset=Reset.HARD),),
        projections=(Dense(name="w", source="i", target="a", weights=weights),),
        outputs=("a",),
        profile="loihi",
    )
    config = auto_config(net, state_width=24)
    assert config["populations"]["a"]["scale"] == 128.0
    assert config["populations"]["a"]["fraction_bits"] == 7
    program = quantise(net, config=config)
    assert plain(program) == plain(quantise(net, state_width=24))
    assert program.projections[0].weights.tolist() == [[1], [-5]]
    assert program.populations[0].threshold == 77


def test_what_is_edited_is_used() -> None:
    config = {
        "populations": {
            "a": {"scale": 0.125, "fraction_bits": 3, "threshold": [1.0, 2.0, None]},
            "b": {"decay": 0.25, "threshold": 4},
        }
    }
    program = quantise(network(), config=config)
    a, b = (next(p for p in program.populations if p.name == name) for name in "ab")
    assert (a.shift, np.asarray(a.threshold).tolist(), a.v_reset) == (3, [64, 128, 32767], 96)
    assert b.decay == 1024
    lsb = auto_config(network())["populations"]["b"]["scale"] / (1 << b.shift)
    assert b.threshold == round(4 / lsb)
    expected = np.rint(network().projections[0].weights / 0.125)
    np.testing.assert_array_equal(program.projections[-2].weights, expected)


def test_the_config_comes_before_the_fraction_bits_of_all() -> None:
    config = {"populations": {"a": {"fraction_bits": 1}}}
    program = quantise(network(), fraction_bits=2, config=config)
    assert {p.name: p.shift for p in program.populations} == {
        "a": 1,
        "a+1": 2,
        "a+2": 2,
        "b": 2,
    }


@pytest.mark.parametrize(
    "config, message",
    [
        (
            {"weights": 4},
            "config: there is no setting 'weights'; there are weight_width, state_width and "
            "populations",
        ),
        ({"weight_width": 5}, "weight_width must be one of (2, 4, 8), not 5"),
        ({"populations": []}, "config: populations must be a table of settings by name"),
        (
            {"populations": {"c": {}}},
            "config: there is no population 'c'; there are a, a+1, a+2, b",
        ),
        ({"populations": {"a": 3}}, "config: population 'a' must be a table of settings"),
        (
            {"populations": {"a": {"u_decay": 0.5}}},
            "config: population 'a' has no setting 'u_decay'; it has scale, fraction_bits, "
            "threshold, v_reset, decay",
        ),
        (
            {"populations": {"a": {"scale": 0}}},
            "config: population 'a': scale must be a number above 0, not 0",
        ),
        (
            {"populations": {"a": {"scale": "0.5"}}},
            "config: population 'a': scale must be a number above 0, not '0.5'",
        ),
        (
            {"populations": {"a": {"scale": float("inf")}}},
            "config: population 'a': scale must be a number above 0, not inf",
        ),
        (
            {"populations": {"a": {"fraction_bits": 1.5}}},
            "config: population 'a': fraction_bits must be a whole number in 0..14, not 1.5",
        ),
        (
            {"populations": {"a": {"threshold": "high"}}},
            "config: population 'a': threshold must be a number or a list of numbers, not 'high'",
        ),
        (
            {"populations": {"a": {"decay": None}}},
            "config: population 'a': decay must be a number or a list of numbers, not None",
        ),
        (
            {"populations": {"a": {"threshold": [1.0, True, 2.0]}}},
            "config: population 'a': threshold must be a number or a list of numbers, not True",
        ),
        (
            {"populations": {"a": {"threshold": [1.0, 2.0]}}},
            "population 'a': threshold must have shape (3,), not (2,)",
        ),
        ({"populations": {"b": {"decay": 2}}}, "population 'b': decay must be in 0..1, not 2"),
    ],
)
def test_refused(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        quantise(network(), config=config)


def test_widths_that_contradict_each_other() -> None:
    config = auto_config(network(), weight_width=4)
    assert quantise(network(), config=config, weight_width=4).weight_width == 4
    with pytest.raises(ValueError, match=r"^weight_width is 4 in the config, but 8 is asked for$"):
        quantise(network(), config=config, weight_width=8)
