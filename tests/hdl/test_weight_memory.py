# amaranth: UnusedElaboratable=no
"""The weight memory against the weights of a Program."""

import numpy as np
import pytest
from amaranth_boards.ulx3s import ULX3S_85F_Platform

from hubel.hdl.params import CoreParams
from hubel.hdl.program import Program
from hubel.hdl.weight_memory import WeightMemory

from .programs import random_program
from .vectors import Clocks, compare, packed, pysim


def program(lanes: int, weight_width: int, seed: int) -> Program:
    rng = np.random.default_rng(seed)
    return random_program(rng, lanes=lanes, sizes=(5, 9, 2, 17), weight_width=weight_width)


def rows(params: CoreParams, program: Program) -> list[int]:
    """Every weight word; population after population, state word after state word, axon after
    axon."""
    words = []
    for population in program.populations:
        for first in range(0, population.neurons, params.lanes):
            for axon in range(population.inputs):
                lanes = population.weights[axon, first : first + params.lanes]
                words.append(packed(lanes, params.weight_width))
    return words


def vectors(params: CoreParams, program: Program, seed: int) -> tuple[Clocks, Clocks]:
    """Every word once, then random reads; a clock without a read keeps the word."""
    rng = np.random.default_rng(seed)
    words = rows(params, program)
    assert len(words) == params.weight_words
    reads = [(address, 1) for address in range(len(words))]
    reads += [(int(rng.integers(len(words))), int(rng.integers(2))) for _ in range(300)]
    inputs = [{"address": address, "enable": enable} for address, enable in reads]
    expected: Clocks = [{}]
    for address, enable in reads[:-1]:
        expected.append({"word": words[address]} if enable else expected[-1])
    return inputs, expected


@pytest.mark.parametrize("platform", [None, ULX3S_85F_Platform], ids=["any", "ecp5"])
@pytest.mark.parametrize("lanes, weight_width", [(2, 8), (4, 4), (8, 2), (32, 8)])
def test_random_reads(lanes: int, weight_width: int, platform) -> None:
    contents = program(lanes, weight_width, seed=lanes)
    params = contents.params(lanes=lanes)
    chip = platform and platform()
    memory = WeightMemory(params, contents)
    compare(
        memory,
        *vectors(params, contents, seed=lanes),
        play=lambda *arguments: pysim(*arguments, platform=chip),
    )


def test_random_reads_in_simulators(play) -> None:
    contents = program(8, 8, seed=1)
    params = contents.params(lanes=8)
    compare(WeightMemory(params, contents), *vectors(params, contents, seed=1), play)


def test_refuses_a_program_of_another_size() -> None:
    contents = program(8, 8, seed=1)
    with pytest.raises(ValueError, match=r"^the Program needs a core with CoreParams"):
        WeightMemory(CoreParams(inputs=(2,), neurons=(2,)), contents)
