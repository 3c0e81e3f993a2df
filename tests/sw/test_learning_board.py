"""The driver of learning cores: a layer learns on a board as in golden."""

import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hubel.hdl.learning_packets import NEURONS, learning_sizes
from hubel.hdl.stdp_params import LearningParams, LearningRates, Rule
from hubel.sim.device import Device
from hubel.sim.learning import Layer, run
from hubel.sim.learning_device import LearningTwin, learning_device
from hubel.sw.cli import main
from hubel.sw.learn.layer_file import load_layer
from hubel.sw.learn.on_board import Diverged, _check
from hubel.sw.learning_board import LearningBoard
from hubel.sw.link_client import LinkError, SessionLost

from .twin_port import TwinPort

PARAMS = LearningParams(inputs=16, neurons=12, lanes=4)
RATES = LearningRates(threshold=500, a_plus=9000, a_minus=9000, a_step=20, inhibition=300)


class LearningTwinPort(TwinPort):
    """A port with the twin of a learning core behind it."""

    def __init__(self, **options):
        super().__init__(learning_sizes(PARAMS), **options)

    def _device(self) -> Device:
        self.learner = LearningTwin(PARAMS)
        return learning_device(self.learner)


def board_at(port: TwinPort) -> LearningBoard:
    return LearningBoard("twin", opener=port.open, timeout=0.02, reconnect_s=0.2)


def a_layer(seed: int = 0, params: LearningParams = PARAMS) -> Layer:
    draw = np.random.default_rng(seed)
    layer = Layer(params, RATES, draw.integers(50, 200, (params.inputs, params.neurons)))
    layer.a[:] = draw.integers(0, 50, params.neurons)
    return layer


def samples(seed: int, count: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).random((count, 5, PARAMS.inputs)) < 0.4


def drops_and_flips(seed: int):
    draw = random.Random(seed)

    def spoil(data: bytes) -> bytes:
        kept = [byte ^ 8 if draw.random() < 0.004 else byte for byte in data]
        return bytes(byte for byte in kept if draw.random() >= 0.004)

    return spoil


@pytest.mark.parametrize("spoilt", [False, True])
def test_learns_as_golden_does(spoilt: bool) -> None:
    """Also on a line that loses and damages bytes: nothing is done twice, and nothing left out."""
    options = {"spoil": drops_and_flips(1)} if spoilt else {}
    port, layer = LearningTwinPort(**options), a_layer()
    done: list[tuple[int, int]] = []
    with board_at(port) as board:
        board.load(layer, on_progress=lambda *n: done.append(n))
        assert done[-1][0] == done[-1][1] > PARAMS.inputs * PARAMS.neurons
        fired = board.run(samples(1))
        np.testing.assert_array_equal(fired, run(layer, samples(1)))
        assert fired.any()
        layer.rates = LearningRates(
            rule=Rule.PAIR, wait=True, threshold=500, a_plus=3000, a_minus=2000, y_step=30000
        )
        board.set_rates(layer.rates)
        for sign in (1, -1, 0):
            np.testing.assert_array_equal(board.run(samples(2, 1)), run(layer, samples(2, 1)))
            before = layer.weights.copy()
            board.reward(sign)
            layer.reward(sign)
            assert bool(sign) == bool((layer.weights != before).any())
            np.testing.assert_array_equal(board.weights(), layer.weights)
        board.learn(3)
        layer.learn(3)
        np.testing.assert_array_equal(board.traces(), layer.x)
        found = board.layer()
        for name in ("weights", "v", "a", "y"):
            np.testing.assert_array_equal(getattr(found, name), getattr(layer, name))
        assert (found.rates, found.lfsr) == (layer.rates, layer.lfsr)
        assert board.counters() == layer.counters
        assert (board.link.resent > 0) == spoilt


def test_refuses_a_layer_of_other_sizes() -> None:
    other = LearningParams(inputs=16, neurons=16, lanes=4)
    text = (
        r"^twin: the board has a core of 16-12, learning, 4 lanes, 8 bit weights \(.*\), and the "
    )
    with (
        board_at(LearningTwinPort()) as board,
        pytest.raises(ValueError, match=text + "layer needs 16-16, learning"),
    ):
        board.load(a_layer(params=other))


def test_what_does_not_suit_the_layer_is_refused() -> None:
    with board_at(LearningTwinPort()) as board:
        with pytest.raises(ValueError, match=r"^twin: no layer was given; call board.load"):
            board.run(samples(0))
        board.load(a_layer())
        with pytest.raises(
            ValueError, match=r"^spikes must have shape \(samples, steps, 16\), not "
        ):
            board.run(samples(0)[:, :, :8])
        with pytest.raises(
            ValueError, match=r"^a_plus = 1.52588e-05 changes a weight of 8 bits by 0.0"
        ):
            board.set_rates(replace(RATES, a_plus=1, nearest=True))
        with pytest.raises(ValueError, match=r"^neuron must be in 0..11, not 12$"):
            board.learn(12)


def test_a_board_that_starts_anew_says_that_it_forgot() -> None:
    """It is no use to go on: what it had learned is gone. A layer can be loaded again."""
    port = LearningTwinPort()
    with board_at(port) as board:
        board.load(a_layer())
        port.start()
        with pytest.raises(SessionLost, match=r"^twin: the device started anew and has forgotten"):
            board.run(samples(1))
        board.load(a_layer())
        assert board.run(samples(1)).any()


def test_answers_that_make_no_sense_are_errors() -> None:
    port = LearningTwinPort()
    with board_at(port) as board:
        board.load(a_layer())
        # A neuron that is not there.
        port.learner.outputs = lambda most: [NEURONS << 2 | 13 << 4]  # type: ignore[method-assign]
        with pytest.raises(LinkError, match=r"^twin: "):
            board.run(samples(1))


def test_the_first_difference_is_named() -> None:
    expected = np.zeros((2, 3), dtype=int)
    found = expected.copy()
    found[1, 2] = 7
    with pytest.raises(Diverged, match=r"^weight, \(1, 2\): 7 on the board, 0 in golden \(1 diff"):
        _check("weight", found, expected)
    _check("weight", expected, expected)


def test_the_command_learns_on_a_virtual_board(
    tmp_path: Path, cache_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """Gateware, link and driver: compared by the command, which fails if anything differs."""
    monkeypatch.setenv("HUBEL_CACHE", str(cache_dir))
    options = ["--backend", "virtual", "--neurons", "16", "--images", "5", "--out", str(tmp_path)]
    assert main(["learn", "digits", "--json", *options]) == 0
    [found] = json.loads(capsys.readouterr().out)["runs"]
    assert found["images"] == 20 and found["spikes"] >= 20 and found["changed"] > 0.1
    assert found["test_images"] == 24 and found["test_spikes"] >= 24
    assert load_layer(found["file"]).params.neurons == 16
    assert Path(found["picture"]).read_bytes().startswith(b"\x89PNG")
