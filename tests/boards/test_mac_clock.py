"""The part of a MAC core that skips zeros, alone on an iCE40UP5K: all that follows from which
activations are left happens in one clock, and was the longest path of the core."""

from typing import Any

import pytest
from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import memory, wiring

from hubel.boards import board
from hubel.boards.build import SerialTop, build_design
from hubel.hdl.mac_jobs import MacJobs
from hubel.hdl.mac_params import GROUP, MacParams
from hubel.hdl.mac_slots import MacSlots
from hubel.hdl.mac_walker import MacWalker
from hubel.hdl.serial_soc import SerialSoc

from ..mac_programs import chain


class SkippingZeros(SerialSoc):
    """Jobs, walker, slots and the memory of zeros; what comes from elsewhere is in registers."""

    def __init__(self, params: MacParams):
        self.params = params
        super().__init__(divisor=4)

    def elaborate(self, platform):
        m = Module()
        params = self.params
        jobs: Any = MacJobs(params)
        m.submodules.jobs = jobs
        walker: Any = MacWalker(params)
        m.submodules.walker = walker
        slots: Any = MacSlots(params)
        m.submodules.slots = slots
        groups = params.activations // GROUP
        m.submodules.zeros = zeros = memory.Memory(shape=GROUP, depth=groups, init=[])
        wiring.connect(m, jobs.jobs, walker.jobs)
        wiring.connect(m, walker.chunks, slots.chunks)
        look, note = zeros.read_port(), zeros.write_port()
        slot, bits = Signal.like(slots.slot.as_value()), Signal(24)
        m.d.sync += [
            bits.eq(Cat(self.rx, bits)),
            slot.eq(slots.slot.as_value()),
            self.tx.eq(slot.xor()),
        ]
        m.d.comb += [
            look.addr.eq(slots.group),
            look.en.eq(slots.look),
            slots.nonzero.eq(look.data),
            Cat(note.addr, note.data, note.en, slots.hold, walker.may_start).eq(bits),
        ]
        return m


@pytest.mark.long
def test_skipping_zeros_meets_the_clock_of_the_icebreaker(tmp_path):
    """`pytest -s` prints what was reached, and from where to where the longest path is."""
    icebreaker = board("icebreaker")
    soc = SkippingZeros(chain(1, 64, 128, 10).params(skip_zeros=True))
    reached = {}
    for seed in (1, 2):
        report = build_design(icebreaker, SerialTop(icebreaker, soc), tmp_path, seed=seed, seeds=1)
        reached[seed] = report.fmax_mhz
        print(f"seed {seed}: {report.fmax_mhz:.1f} MHz, {report.critical_path}")
    assert report.utilisation["block_ram"].used == 1
    # In a whole core routing takes longer.
    assert max(reached.values()) > 1.05 * icebreaker.clock_hz / 1e6
