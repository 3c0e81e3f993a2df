"""From counters to joules."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from hubel.boards import board
from hubel.boards.report import Usage
from hubel.hdl.params import CoreParams, NeuronParams, ProjectionParams, WalkKind
from hubel.hdl.shape import Shape
from hubel.sw.energy import estimate
from hubel.sw.inference import inference_energy, ram_accesses

PARAMS = CoreParams(
    inputs=(Shape(64),),
    populations=(Shape(16),),
    projections=(
        ProjectionParams(
            source=0, target=0, kind=WalkKind.GATHER, delay=0, fan_in=64, weight_words=128
        ),
    ),
    outputs=(0,),
    clocks=(0,),
    neuron=NeuronParams(varied=frozenset({"bias"})),
    lanes=8,
)
COUNTERS = {"events": 10, "weight_reads": 20, "updates": 6}


def report(device: str, **used: int) -> Any:
    return SimpleNamespace(
        device=device, utilisation={name: Usage(count, 9999) for name, count in used.items()}
    )


@pytest.mark.parametrize(
    "width, accesses",
    [
        # 64 bits of weights and 128 of states: 4 and 8 blocks of 16, 2 and 4 of 36 bits
        (16, 20 * (4 + 1) + 6 * 3 * 8 + 10),
        (36, 20 * (2 + 1) + 6 * 3 * 4 + 10),
    ],
)
def test_ram_accesses(width, accesses):
    assert ram_accesses(PARAMS, COUNTERS, width) == accesses


@pytest.mark.parametrize(
    "kind, accesses",
    [
        # 8 sums of 14 bits are read and written, in one row or each on its own, and the targets
        # of 8 lanes read.
        (WalkKind.CONV, 20 * (4 + 2 * 7 + 1) + 6 * 3 * 8 + 10),
        (WalkKind.SPARSE, 20 * (4 + 2 * 8 + 1 + 1) + 6 * 3 * 8 + 10),
    ],
)
def test_ram_accesses_of_sums_in_memory(kind, accesses):
    params = replace(PARAMS, projections=(replace(PARAMS.projections[0], kind=kind),))
    assert params.accumulator_width == 14
    assert ram_accesses(params, COUNTERS, 16) == accesses


def test_a_synaptic_current_is_a_state_more():
    current = replace(PARAMS, neuron=NeuronParams(current=True))
    # No parameter differs between neurons, so that a state word is read and written only.
    assert ram_accesses(current, COUNTERS, 16) == 20 * (4 + 1) + 6 * 2 * 16 + 10
    build = report("iCE40UP5K-SG48", logic=3000)
    terms = [
        inference_energy(board("icebreaker"), build, params, COUNTERS, 4000, images=1)
        for params in (PARAMS, current)
    ]
    one, two = ({f.name: f.value or 0 for f in figures if "DSP" in f.name} for figures in terms)
    assert one and {name: 2 * value for name, value in one.items()} == pytest.approx(two)


def test_terms_are_those_of_the_estimate():
    build = report("iCE40UP5K-SG48", logic=3000)
    figures = inference_energy(board("icebreaker"), build, PARAMS, COUNTERS, 4000, images=1)
    expected = estimate(
        "iCE40UP5K",
        4000,
        board("icebreaker").clock_hz,
        logic_cells=3000,
        dsp_ops=6 * 8,
        ram_accesses=ram_accesses(PARAMS, COUNTERS, 16),
    )
    assert figures == [replace(figure) for figure in expected]
    assert sum(figure.value or 0 for figure in figures) > 0
    assert {figure.kind for figure in figures} == {"estimated", "assumed"}


def test_joules_are_an_inference_s():
    build = report("LFE5U-85F-BG381", logic=2000, ff=2000)
    one, four = (
        inference_energy(board("ulx3s"), build, PARAMS, COUNTERS, 4000, images=images)
        for images in (1, 4)
    )
    assert [f.value for f in four] == pytest.approx([(f.value or 0) / 4 for f in one])


def test_unknown_device():
    with pytest.raises(ValueError, match=r"^no coefficients for device 'GW1N-9'; there are "):
        inference_energy(
            board("ulx3s"), report("GW1N-9", logic=1), PARAMS, COUNTERS, 4000, images=1
        )
