"""Joules of devices as figures of the rest of hubel."""

import pytest

from hubel.sim.memristor.crossbar import SynapseParams, program_synapses
from hubel.sim.memristor.device_array import ArrayParams
from hubel.sim.memristor.pcm import pcm_nandakumar2019
from hubel.sim.memristor.write_verify import WriteVerify
from hubel.sw.figure import total
from hubel.sw.memristor_energy import ARRAY, PERIPHERY, figures


def test_array_and_periphery_are_two_boundaries() -> None:
    cells = ArrayParams(device=pcm_nandakumar2019(), write=WriteVerify(tolerance=2.0))
    array = program_synapses(SynapseParams(array=cells), [[100, -50], [3, 0]])
    ledger = array.ledger + array.read_ledger()
    found = figures(ledger, per=4, name="digits")
    for place, boundary in (("array", ARRAY), ("periphery", PERIPHERY)):
        part = total([f for f in found if f.boundary == boundary], boundary)
        assert part.value == pytest.approx(ledger.joules_of(place) / 4, abs=0)
    pulses = next(f for f in found if f.name == "digits SET pulses")
    assert (pulses.kind, pulses.subkind, pulses.unit) == ("estimated", "spec", "J")
    assert "Lee et al. 2009" in pulses.source and "measured" in pulses.source
    adc = next(f for f in found if f.name == "digits ADC conversions")
    assert (adc.kind, adc.subkind) == ("assumed", "published")
    assert "Yao et al. 2020" in adc.source


def test_refuses() -> None:
    with pytest.raises(ValueError, match=r"^per must be 1 or more, not 0$"):
        figures(
            program_synapses(
                SynapseParams(array=ArrayParams(device=pcm_nandakumar2019())), [[1]]
            ).ledger,
            per=0,
        )
