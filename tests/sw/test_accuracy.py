"""Accuracy against steps, and the project's accuracy target."""

import re

import numpy as np
import pytest

from hubel.hdl.program import Dense, Population, Program, Shape, Source
from hubel.sim import golden
from hubel.sw.accuracy import accuracy_curve, prefix_accuracy
from hubel.sw.convert import convert, decide
from hubel.sw.digits import FULL_SCALE, Digits
from hubel.sw.encode import encode
from hubel.sw.quantise import quantise
from hubel.sw.ranges import ranges
from hubel.sw.train import Mlp


@pytest.mark.parametrize(
    "weight_width, points", [(8, {8: 0.5, 16: 0.5, 32: 0.5}), (4, {16: 1.0, 32: 1.0})]
)
def test_target(mlp: Mlp, digits: Digits, weight_width: int, points: dict[int, float]) -> None:
    """At most so many percentage points below the network that was converted, on all 360 images;
    the target is 1.0 with 8 bits after at most 32 steps."""
    network = convert(mlp, digits.train_images / FULL_SCALE)
    program = quantise(network, weight_width=weight_width)
    spikes = encode(digits.test_images, 32, FULL_SCALE)
    curve = accuracy_curve(program, spikes, digits.test_labels)
    assert curve.shape == (32,)
    for steps, lost in points.items():
        assert 100 * (mlp.accuracy - curve[steps - 1]) <= lost, steps


def test_saturation_does_not_change_a_decision(mlp: Mlp, digits: Digits) -> None:
    """With 16 bits and 32 steps, membranes of classes that lose reach the least value, and no
    others do; 24 bits hold them all, and decide the same."""
    network = convert(mlp, digits.train_images / FULL_SCALE)
    spikes = encode(digits.test_images, 32, FULL_SCALE)
    narrow, wide = (quantise(network, state_width=width) for width in (16, 24))
    traces = [golden.run(program, spikes) for program in (narrow, wide)]
    hidden, classes = ranges(narrow, traces[0])
    assert hidden.saturations == 0
    assert classes.saturations > 0
    assert classes.membrane[1] < 32_767
    assert all(r.saturations == 0 for r in ranges(wide, traces[1]))
    for steps in (16, 32):
        labels = []
        for trace in traces:
            assert trace.membrane is not None
            labels.append(decide(trace.spikes[-1], trace.membrane[-1], steps))
        np.testing.assert_array_equal(*labels)


def test_prefixes_equal_shorter_runs(mlp: Mlp, digits: Digits) -> None:
    program = quantise(convert(mlp, digits.train_images / FULL_SCALE))
    spikes = encode(digits.test_images, 12, FULL_SCALE)
    labels = digits.test_labels
    curve = accuracy_curve(program, spikes, labels)
    assert len(set(curve.tolist())) > 2
    for steps in range(1, 13):
        trace = golden.run(program, spikes[:, :steps])
        assert trace.membrane is not None
        labelled = decide(trace.spikes[-1], trace.membrane[-1][:, -1])
        assert curve[steps - 1] == np.mean(labelled == labels)


def test_counts() -> None:
    spikes = np.array([[[0, 0], [1, 0]], [[0, 1], [0, 0]], [[0, 1], [1, 0]]], dtype=np.bool_)
    membrane = np.array([[[1, 2], [0, 0]], [[0, 0], [0, 0]], [[0, 0], [0, 9]]])
    curve = prefix_accuracy(spikes, membrane, [0, 1, 0])
    np.testing.assert_allclose(curve, [1 / 3, 2 / 3])


@pytest.mark.parametrize("labels", [[0], [[0, 1, 0]], []])
def test_refused_labels(labels: list) -> None:
    message = f"labels must have shape (3,) and at least 1 sample, not {np.shape(labels)}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        prefix_accuracy(np.zeros((3, 2, 2), dtype=np.bool_), np.zeros((3, 2, 2)), labels)


def test_no_samples() -> None:
    with pytest.raises(
        ValueError, match=r"^labels must have shape \(0,\) and at least 1 sample, not \(0,\)$"
    ):
        prefix_accuracy(np.zeros((0, 2, 2), dtype=np.bool_), np.zeros((0, 2, 2)), [])


def with_outputs(*outputs: str) -> Program:
    """Two populations of which either can be the answer: "yes" fires, "no" never does."""
    ends = {"yes": 0, "no": 1000}
    return Program(
        inputs=(Source("i", Shape(2)),),
        populations=tuple(
            Population(name=name, shape=Shape(2), threshold=threshold)
            for name, threshold in ends.items()
        ),
        projections=tuple(
            Dense(
                name=f"to {name}",
                source="i",
                target=name,
                weights=np.array([[1, -1], [-1, 1]]) * (1 if name == "yes" else -1),
            )
            for name in ends
        ),
        outputs=outputs,
    )


@pytest.mark.parametrize("output, accuracy", [("yes", 1.0), ("no", 0.0)])
def test_the_output_decides(output: str, accuracy: float) -> None:
    spikes = np.array([[[1, 0]], [[0, 1]]])
    assert accuracy_curve(with_outputs(output), spikes, [0, 1]).tolist() == [accuracy]


def test_two_outputs_decide_nothing() -> None:
    with pytest.raises(ValueError, match=r"^a decision needs one output, not 2: no, yes$"):
        accuracy_curve(with_outputs("no", "yes"), np.ones((1, 1, 2)), [0])
