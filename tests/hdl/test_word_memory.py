# amaranth: UnusedElaboratable=no
"""The word memory against its contents, and those against the weights of a Program."""

import numpy as np
import pytest
from amaranth_boards.ulx3s import ULX3S_85F_Platform

from hubel.hdl.image import neuron_rows, weight_rows
from hubel.hdl.params import CoreParams
from hubel.hdl.program import Program
from hubel.hdl.word_memory import WordMemory

from ..programs import random_chain
from .sizes import chain
from .vectors import Clocks, compare, packed, pysim


def program(weight_width: int, seed: int) -> Program:
    rng = np.random.default_rng(seed)
    return random_chain(rng, 5, 9, 2, 17, weight_width=weight_width)


def rows(params: CoreParams, program: Program) -> list[int]:
    """Every weight word; population after population, state word after state word, axon after
    axon."""
    words = []
    for projection in program.projections:
        axons, neurons = projection.weights.shape
        for first in range(0, neurons, params.lanes):
            for axon in range(axons):
                lanes = projection.weights[axon, first : first + params.lanes]
                words.append(packed(lanes, params.weight_width))
    return words


def vectors(words: list[int], seed: int) -> tuple[Clocks, Clocks]:
    """Every word once, then random reads; a clock without a read keeps the word."""
    rng = np.random.default_rng(seed)
    reads = [(address, 1) for address in range(len(words))]
    reads += [(int(rng.integers(len(words))), int(rng.integers(2))) for _ in range(300)]
    inputs = [{"address": address, "enable": enable} for address, enable in reads]
    expected: Clocks = [{}]
    for address, enable in reads[:-1]:
        expected.append({"word": words[address]} if enable else expected[-1])
    return inputs, expected


@pytest.mark.parametrize("platform", [None, ULX3S_85F_Platform], ids=["any", "ecp5"])
@pytest.mark.parametrize("lanes, weight_width", [(2, 8), (4, 4), (8, 2), (32, 8)])
def test_random_reads_of_weights(lanes: int, weight_width: int, platform) -> None:
    contents = program(weight_width, seed=lanes)
    params = contents.params(lanes=lanes)
    chip = platform and platform()
    words = rows(params, contents)
    assert len(words) == params.weight_words
    memory = WordMemory(lanes * weight_width, weight_rows(params, contents))
    compare(
        memory,
        *vectors(words, seed=lanes),
        play=lambda *arguments: pysim(*arguments, platform=chip),
    )


@pytest.mark.parametrize("platform", [None, ULX3S_85F_Platform], ids=["any", "ecp5"])
@pytest.mark.parametrize("width, depth", [(1, 1), (3, 2), (70, 3), (16, 100)])
def test_random_reads_of_any_words(width: int, depth: int, platform) -> None:
    rng = np.random.default_rng(width)
    words = [packed(rng.integers(2, size=width), 1) for _ in range(depth)]
    chip = platform and platform()
    compare(
        WordMemory(width, words),
        *vectors(words, seed=depth),
        play=lambda *arguments: pysim(*arguments, platform=chip),
    )


def test_random_reads_in_simulators(play) -> None:
    contents = program(8, seed=1)
    params = contents.params(lanes=8)
    memory = WordMemory(64, weight_rows(params, contents))
    compare(memory, *vectors(rows(params, contents), seed=1), play)


@pytest.mark.parametrize("image", [weight_rows, neuron_rows])
def test_refuses_a_program_of_another_size(image) -> None:
    with pytest.raises(ValueError, match=r"^the Program needs a core with CoreParams"):
        image(chain(2, 2), program(8, seed=1))
