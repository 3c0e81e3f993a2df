"""Projections: shapes that go together, and how many spikes can meet."""

from typing import Any

import numpy as np
import pytest

from hubel.hdl.projection import Conv2d, Dense, Projection, Sparse
from hubel.hdl.shape import Shape

ENDS: dict[str, Any] = {"name": "ab", "source": "a", "target": "b"}
PLANES = Shape(4, 6, 5)
#: Sizes of a convolution that are too small.
WRONG: list[dict[str, Any]] = [
    {"stride": (0, 1)},
    {"dilation": (1, 0)},
    {"pool": (0, 1)},
    {"groups": 0},
    {"padding": (0, -1)},
]


def dense(shape: tuple[int, ...], **changes: Any) -> Dense:
    return Dense(**ENDS, weights=np.ones(shape, dtype=np.int64), **changes)


def conv(shape: tuple[int, ...] = (2, 4, 3, 3), **changes: Any) -> Conv2d:
    return Conv2d(**ENDS, weights=np.ones(shape, dtype=np.int64), **changes)


def sparse(first: list[int], targets: list[int], weights: int | None = None) -> Sparse:
    count = len(targets) if weights is None else weights
    return Sparse(
        **ENDS,
        weights=np.ones(count, dtype=np.int64),
        first=np.array(first),
        targets=np.array(targets, dtype=np.int64),
    )


@pytest.mark.parametrize(
    "projection, source, target, message",
    [
        (
            dense((3, 2)),
            Shape(4),
            Shape(2),
            "weights must have shape (axons, neurons) = (4, 2), not (3, 2)",
        ),
        (
            dense((24, 2), pool=(2, 2)),
            Shape(4, 5, 5),
            Shape(2),
            "weights must have shape (axons, neurons) = (16, 2), not (24, 2)",
        ),
        (
            dense((4, 2), pool=(2, 6)),
            PLANES,
            Shape(2),
            "a pool of (2, 6) does not fit a source of 4x6x5",
        ),
        (
            dense((4, 2), pool=(0, 1)),
            PLANES,
            Shape(2),
            "a pool of (0, 1) does not fit a source of 4x6x5",
        ),
        *(
            (
                conv(**changes),
                PLANES,
                Shape(2, 4, 3),
                "stride, dilation, pool and groups must be 1 or more, padding 0 or more",
            )
            for changes in WRONG
        ),
        (
            conv(pool=(7, 1)),
            PLANES,
            Shape(2, 4, 3),
            "a pool of (7, 1) does not fit a source of 4x6x5",
        ),
        (
            conv((2, 1, 3, 3), groups=4),
            PLANES,
            Shape(2, 4, 3),
            "4 groups do not divide 4 and 2 channels",
        ),
        *(
            (
                conv(shape),
                PLANES,
                Shape(2, 4, 3),
                f"weights must have shape (2, 4, rows, columns), not {shape}",
            )
            for shape in ((2, 4, 3), (2, 4, 0, 3), (2, 2, 3, 3), (3, 4, 3, 3))
        ),
        (conv(), PLANES, Shape(2, 8, 3), "6 rows cannot make 8"),
        (conv(stride=(1, 2)), PLANES, Shape(2, 4, 4), "5 columns cannot make 4"),
        (conv(pool=(2, 1)), PLANES, Shape(2, 5, 3), "3 rows cannot make 5"),
        (sparse([0, 1], [0]), Shape(2), Shape(3), "first must have shape (3,), not (2,)"),
        (
            sparse([0, 1, 2], [0, 1], weights=3),
            Shape(2),
            Shape(3),
            "(3,) weights do not go with (2,) targets",
        ),
        *(
            (sparse(first, [0, 1]), Shape(2), Shape(3), "first must rise from 0 to 2 synapses")
            for first in ([1, 1, 2], [0, 1, 1], [0, 3, 2])
        ),
        (sparse([0, 1, 2], [0, 3]), Shape(2), Shape(3), "targets must be in 0..2, not 0..3"),
        (sparse([0, 1, 2], [-1, 0]), Shape(2), Shape(3), "targets must be in 0..2, not -1..0"),
        *(
            (
                sparse([0, 1, 3], targets),
                Shape(2),
                Shape(3),
                "the targets of each source neuron must ascend",
            )
            for targets in ([0, 2, 1], [0, 1, 1])
        ),
    ],
)
def test_refused(projection: Projection, source: Shape, target: Shape, message: str) -> None:
    with pytest.raises(ValueError) as refused:
        projection.check(source, target)
    assert str(refused.value) == f"projection 'ab' from 'a' to 'b': {message}"


@pytest.mark.parametrize(
    "projection, source, target",
    [
        (dense((120, 6)), PLANES, Shape(2, 3, 1)),
        (dense((4 * 3 * 2, 2), pool=(2, 2)), PLANES, Shape(2)),
        # Without padding, with as much on the far side as on the near one, and with a whole kernel.
        (conv(), PLANES, Shape(2, 4, 3)),
        (conv(padding=(1, 1)), PLANES, Shape(2, 6, 5)),
        (conv(padding=(4, 4)), PLANES, Shape(2, 12, 11)),
        (conv(), PLANES, Shape(2, 7, 6)),
        (conv(stride=(2, 3)), PLANES, Shape(2, 1, 1)),
        (conv((4, 1, 1, 1), groups=4), PLANES, Shape(4, 6, 5)),
        (sparse([0, 0, 2, 2], [0, 2]), Shape(3), Shape(3)),
        (sparse([0, 0], []), Shape(1), Shape(3)),
        (sparse([0, 2, 4], [1, 2, 0, 1]), Shape(1, 1, 2), Shape(3)),
    ],
)
def test_accepted(projection: Projection, source: Shape, target: Shape) -> None:
    projection.check(source, target)


@pytest.mark.parametrize(
    "projection, source, fan_in",
    [
        (dense((120, 6)), PLANES, 120),
        (dense((24, 2), pool=(2, 2)), PLANES, 120),
        (conv(), PLANES, 36),
        (conv((2, 2, 3, 1), groups=2), PLANES, 6),
        (conv((2, 4, 3, 3), pool=(1, 2)), PLANES, 72),
        (conv((2, 4, 9, 9)), PLANES, 120),
        (sparse([0, 1, 2, 3], [1, 1, 0]), Shape(3), 2),
        (sparse([0, 0], []), Shape(1), 1),
    ],
)
def test_fan_in(projection: Projection, source: Shape, fan_in: int) -> None:
    assert projection.fan_in(source) == fan_in


def test_other_weights() -> None:
    projection = conv(stride=(2, 1))
    other = projection.with_weights(2 * projection.weights)
    assert (other.weights == 2).all() and other.stride == (2, 1) and other.name == "ab"
