"""The JSON schema of a figure says what the class says."""

import json
from importlib import resources
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from hubel.sw.carbon import countries
from hubel.sw.energy import estimate
from hubel.sw.figure import DISTRIBUTIONS, KINDS, Figure
from hubel.sw.probes import DEFAULT_POWER
from hubel.sw.site import DESK_PUE, GRID_LOSS, UNKNOWN_PUE

SCHEMA = json.loads(
    resources.files("hubel.sw").joinpath("data/figure.schema.json").read_text("utf-8")
)
VALIDATOR = Draft202012Validator(SCHEMA)
GOOD: dict[str, Any] = DEFAULT_POWER.to_json() | {"interval": [10.0, 65.0]}


def test_the_schema_is_one():
    Draft202012Validator.check_schema(SCHEMA)


def test_every_shipped_figure_is_valid():
    shipped = [*countries().values(), *estimate("iCE40UP5K", 10, 12e6), DEFAULT_POWER, DESK_PUE,
               UNKNOWN_PUE, *GRID_LOSS.values()]  # fmt: skip
    for figure in shipped:
        VALIDATOR.validate(json.loads(json.dumps(figure.to_json())))


words = st.sampled_from(["", "x"])
records = st.fixed_dictionaries(
    {
        "name": words,
        "value": st.sampled_from([None, 1.0]),
        "unit": words,
        "kind": st.sampled_from([*KINDS, "guessed", ""]),
        "subkind": st.sampled_from([s for subs in KINDS.values() for s in subs] + [""]),
        "boundary": words,
        "source": words,
        "interval": st.sampled_from([None, [0.5, 2.0]]),
        "distribution": st.sampled_from([*DISTRIBUTIONS, "cauchy"]),
        "group": st.sampled_from([None, "g"]),
    }
)
nearly_good = st.tuples(records, st.sets(st.sampled_from(list(GOOD)), max_size=3)).map(
    lambda pair: GOOD | {"value": 1.0, "interval": [0.5, 2.0]} | {k: pair[0][k] for k in pair[1]}
)


@settings(deadline=None, max_examples=400)
@given(nearly_good)
def test_schema_and_class_agree(record):
    try:
        Figure.from_json(record)
        built = True
    except ValueError:
        built = False
    assert built == VALIDATOR.is_valid(record)


@pytest.mark.parametrize("field", ["name", "value", "unit", "kind", "source", "boundary"])
def test_what_is_missing_is_refused_by_both(field):
    record = {key: value for key, value in GOOD.items() if key != field}
    assert VALIDATOR.is_valid(GOOD) and not VALIDATOR.is_valid(record)
    with pytest.raises(ValueError):
        Figure.from_json(record)
