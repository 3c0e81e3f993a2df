"""Payloads as ints; the sources and sinks are tested on simulators in ``test_simulator.py``."""

import pytest
from amaranth import signed
from amaranth.lib import data

from hubel.sim.streams import Packing


def test_packing():
    packing = Packing(data.StructLayout({"kind": 2, "index": 5, "weight": signed(4)}))
    payload = packing.pack(kind=2, index=9, weight=-3)
    assert payload == 2 | 9 << 2 | 0b1101 << 7
    assert packing.unpack(payload) == {"kind": 2, "index": 9, "weight": -3}
    with pytest.raises(ValueError, match=r"weight must be in -8..7, not 8"):
        packing.pack(weight=8)
    with pytest.raises(ValueError, match=r"index must be in 0..31, not -1"):
        packing.pack(index=-1)
