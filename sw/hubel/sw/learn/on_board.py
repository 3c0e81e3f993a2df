"""Digits learned by a virtual board through its driver, beside golden; what was learned is read
back, saved, and loaded into a board that started anew."""

from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hubel.hdl.learning_soc import LearningSoc
from hubel.sim.learning import Layer, run
from hubel.sim.virtual import DIVISOR, VirtualBoard, build_virtual_soc

from ..digits import load_digits
from ..learning_board import LearningBoard
from .digits import DigitsSettings, first_layer, shown_images, to_spikes
from .layer_file import load_layer, save_layer


class Diverged(AssertionError):
    """The board is not as the golden layer; the message has the first difference."""


@dataclass(frozen=True, kw_only=True, eq=False)
class OnBoardResult:
    """What a board did.

    Attributes
    ----------
    seed : int
    images, spikes : int
        Images that it learned from, and spikes meanwhile.
    changed : float
        The part of all weights that are not what they were.
    test_images, test_spikes : int
        Shown afterwards, to a board that loaded the file.
    clocks : int
        Clocks that were simulated while it learned.
    before : array of int, shape (inputs, neurons)
        The first weights.
    layer : Layer
        As it was read back.
    """

    seed: int
    images: int
    spikes: int
    changed: float
    test_images: int
    test_spikes: int
    clocks: int
    before: npt.NDArray[np.int64]
    layer: Layer

    def to_json(self) -> dict:
        """Plain JSON, without the weights."""
        names = "seed", "images", "spikes", "changed", "test_images", "test_spikes", "clocks"
        return {name: getattr(self, name) for name in names}


def learn_on_board(
    settings: DigitsSettings,
    path: str | PathLike[str],
    *,
    seed: int = 0,
    images: int = 6,
    test_images: int = 24,
    cache_dir: Path | None = None,
    on_stage: Callable[[str], None] = lambda _: None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> OnBoardResult:
    """Learn as :func:`~hubel.sw.learn.digits.learn_digits` does, on a virtual board; every spike
    and every weight is compared with golden after every image.

    Parameters
    ----------
    settings : DigitsSettings
    path : path
        File for what was learned.
    seed, images, progress
        As for :func:`~hubel.sw.learn.digits.learn_digits`.
    test_images : int
        Shown to the board that loaded the file.
    cache_dir : path
        As for :func:`hubel.sim.simulator.build`.
    on_stage : callable
        Is told what is done now.

    Raises
    ------
    Diverged
        If the board is not as golden.
    ToolMissing, VirtualBoardFailed, LinkError
        If there is no virtual board, or it does not answer.
    """
    on_stage("building the virtual board")
    soc = LearningSoc(settings.params, divisor=DIVISOR)
    executable = build_virtual_soc(soc, cache_dir=cache_dir)
    data, draw = load_digits(seed=seed), np.random.default_rng(seed)
    train = to_spikes(data.train_images, settings.steps)
    layer = first_layer(settings, draw)
    first, spikes, done = layer.weights.copy(), 0, 0
    order = list(shown_images(settings, draw, len(train), images))
    with VirtualBoard(executable) as virtual, LearningBoard(virtual.port) as board:
        on_stage("loading the first weights")
        board.load(layer)
        for epoch, sample in order:
            rates = settings.rates(epoch)
            if rates != layer.rates:
                layer.rates = rates
                board.set_rates(rates)
            shown = train[sample : sample + 1]
            expected = run(layer, shown)
            _check(f"spike after image {done}", board.run(shown), expected)
            _check(f"weight after image {done}", board.weights(), layer.weights)
            spikes += int(expected.sum())
            done += 1
            progress(done, len(order))
        on_stage("reading what was learned")
        learned = board.layer()
        _compare(learned, layer)
        counters = board.counters()
        if counters != layer.counters:
            raise Diverged(f"the board counts {counters}, and golden {layer.counters}")
    assert virtual.speed is not None
    save_layer(path, learned)
    again = load_layer(path)
    on_stage("loading it into a board that started anew")
    test = to_spikes(data.test_images[:test_images], settings.steps)
    with VirtualBoard(executable) as virtual_2, LearningBoard(virtual_2.port) as board:
        board.load(again)
        answers, expected = board.run(test), run(layer, test)
        _check("spike of a test image", answers, expected)
        _compare(board.layer(), layer)
    return OnBoardResult(
        seed=seed, images=len(order), spikes=spikes,
        changed=float((learned.weights != first).mean()), test_images=len(test),
        test_spikes=int(expected.sum()), clocks=virtual.speed.clocks, before=first, layer=learned,
    )  # fmt: skip


def _compare(found: Layer, expected: Layer) -> None:
    """All that does not end with a sample."""
    for name in ("weights", "a"):
        _check(name, getattr(found, name), getattr(expected, name))
    for name in ("lfsr", "rates"):
        mine, theirs = getattr(found, name), getattr(expected, name)
        if mine != theirs:
            raise Diverged(f"{name} on the board is {mine}, and in golden {theirs}")


def _check(what: str, found: np.ndarray, expected: np.ndarray) -> None:
    differ = np.argwhere(found != expected)
    if len(differ):
        at = tuple(int(n) for n in differ[0])
        raise Diverged(f"{what}, {at}: {int(found[at])} on the board, {int(expected[at])} in golden"
                       f" ({len(differ)} differ)")  # fmt: skip
