"""What Yosys makes of the link with its serial port: one block RAM, and few cells."""

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hubel.hdl.host_link import HostLink
from hubel.hdl.identity import Identity
from hubel.hdl.params import CoreParams
from hubel.hdl.uart import UartReceiver, UartTransmitter

from ..programs import random_chain
from .yosys import synthesise

PORTS = ("events", "spikes", "counters", "access")


class LinkAndUart(wiring.Component):
    """All of a SoC but the core."""

    def __init__(self, params: CoreParams):
        self.link = HostLink(params, Identity.of(params))
        members = {name: self.link.signature.members[name] for name in PORTS}
        super().__init__({**members, "rx": In(1), "tx": Out(1), "active": In(1), "reset": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.link = link = self.link
        m.submodules.receiver = receiver = UartReceiver(divisor=36)
        m.submodules.transmitter = transmitter = UartTransmitter(divisor=36)
        wiring.connect(m, receiver.bytes, link.i_bytes)
        wiring.connect(m, link.o_bytes, transmitter.bytes)
        for name in PORTS:
            wiring.connect(m, wiring.flipped(getattr(self, name)), getattr(link, name))
        m.d.comb += [
            receiver.rx.eq(self.rx),
            self.tx.eq(transmitter.tx),
            link.bad_byte.eq(receiver.framing_error),
            link.active.eq(self.active),
            self.reset.eq(link.reset),
        ]
        return m


@pytest.mark.parametrize("family, lut4, ff", [("ice40", 740, 310), ("ecp5", 700, 310)])
def test_cells(family: str, lut4: int, ff: int) -> None:
    """Measured: 699 LUT4 and 299 flip-flops on iCE40, 657 and 299 on ECP5. On an iCE40 carries and
    flip-flops that find no LUT of their own add to that."""
    params = random_chain(np.random.default_rng(1), 64, 128, 10).params(lanes=8)
    cells, _ = synthesise(LinkAndUart(params), f"synth_{family}")
    print(family, cells)
    assert cells["block_ram"] == 1 and "lut_ram" not in cells and "dsp" not in cells
    assert cells["lut4"] <= lut4 and cells["ff"] <= ff
