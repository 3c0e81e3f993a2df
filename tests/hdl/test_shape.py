"""Shapes: codes of neurons and their places in state words."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubel.hdl.shape import Shape

# The same examples in every run.
fixed = settings(derandomize=True, deadline=None)

shapes = st.builds(Shape, st.integers(1, 40), st.integers(1, 12), st.integers(1, 12))


@fixed
@given(shape=shapes)
def test_codes_are_fields_side_by_side(shape: Shape) -> None:
    channel_width, x_width, y_width = shape.field_widths
    codes = shape.codes().tolist()
    assert len(set(codes)) == shape.neurons == len(codes)
    assert max(codes) < 1 << shape.code_width
    for neuron, code in enumerate(codes):
        channel = code % (1 << channel_width)
        x = (code >> channel_width) % (1 << x_width)
        y = code >> (channel_width + x_width)
        assert y < 1 << y_width
        assert (channel * shape.height + y) * shape.width + x == neuron


@pytest.mark.parametrize(
    "sizes, widths",
    [
        ((1,), (0, 0, 0)),
        ((2,), (1, 0, 0)),
        ((10,), (4, 0, 0)),
        ((65_536,), (16, 0, 0)),
        ((2, 34, 34), (1, 6, 6)),
        ((3, 5, 8), (2, 3, 3)),
    ],
)
def test_field_widths(sizes: tuple[int, ...], widths: tuple[int, int, int]) -> None:
    shape = Shape(*sizes)
    assert shape.field_widths == widths
    assert shape.code_width == sum(widths)


def test_the_code_of_a_plain_population_is_the_number() -> None:
    np.testing.assert_array_equal(Shape(10).codes(), np.arange(10))
    assert Shape(10).plain and not Shape(10, 1, 2).plain and not Shape(10, 2, 1).plain


@fixed
@given(shape=shapes, lanes=st.sampled_from([2, 4, 8, 16, 32]))
def test_lane_order_has_each_neuron_once(shape: Shape, lanes: int) -> None:
    order = shape.lane_order(lanes)
    assert order.shape == (shape.words(lanes), lanes)
    there = order[order >= 0]
    assert sorted(there.tolist()) == list(range(shape.neurons))
    assert (order[order < 0] == -1).all()
    # Words go by y, then x, then channel; a word holds channels of one place, in order.
    channel, y, x = np.unravel_index(there, shape.sizes)
    assert list(zip(y, x, channel, strict=True)) == sorted(zip(y, x, channel, strict=True))
    for word in order:
        inside = word[word >= 0]
        assert len(inside) and (word[: len(inside)] == inside).all()
        assert len(set((inside % (shape.height * shape.width)).tolist())) == 1


def test_text() -> None:
    assert str(Shape(10)) == "10"
    assert str(Shape(2, 34, 33)) == "2x34x33"


@pytest.mark.parametrize(
    "sizes", [(0,), (3, 0, 1), (3, 1, -1), (65_537,), (2, 257, 256), (3, 200, 129)]
)
def test_refused(sizes: tuple[int, ...]) -> None:
    with pytest.raises(ValueError) as refused:
        Shape(*sizes)
    text = str(refused.value)
    prefix = "a shape needs 1 or more channels, rows and columns and at most 65536 codes, not "
    assert text == prefix + (str(sizes[0]) if len(sizes) == 1 else "x".join(map(str, sizes)))
