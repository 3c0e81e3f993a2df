"""Reads what a host would say from an SPI flash, so that a board starts without one."""

from typing import Any

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .uart import ByteSignature

__all__ = ["BOOT_END", "FlashBoot", "SpiSignature"]

#: What ends the bytes in the flash: frames of the link never have three zeros in a row.
BOOT_END = bytes(3)

# Commands of all SPI flashes: leave the deep power-down that an iCE40 puts its flash into when it
# is configured, and read from an address.
_WAKE, _READ = 0xAB, 0x03


class SpiSignature(wiring.Signature):
    """An SPI bus as its controller sees it."""
    def __init__(self):
        super().__init__({
            "cs_n": Out(1, init=1),  # pyright: ignore[reportCallIssue]
            "clk":  Out(1),
            "copi": Out(1),
            "cipo": In(1),
        })


class FlashBoot(wiring.Component):
    """Gives the bytes of a flash from ``address`` on, up to :data:`BOOT_END`, once after reset.

    They are frames for a :class:`~hubel.hdl.host_link.HostLink`, which begin with a zero: where
    another byte is, there is nothing to boot from. The bus runs in mode 0 at half the clock. It
    stops between two bytes for as long as ``ready`` is low.

    Parameters
    ----------
    address : int
        Of the first byte, 24 bits.
    wake_clocks : int
        From the end of the deep power-down to the read; a flash needs 3 us or more (W25Q128JV data
        sheet, tRES1).

    Members
    -------
    spi : :py:`Out(SpiSignature())`
        To the flash.
    bytes : :py:`Out(ByteSignature())`
        To the link; only while ``ready``.
    ready : :py:`In(1)`
        The link takes bytes.
    stop : :py:`In(1)`
        A host speaks: end it.
    booting : :py:`Out(1)`
        High from reset until it is over.
    """
    spi: Any
    bytes: Any
    ready: Signal
    stop: Signal
    booting: Signal

    def __init__(self, *, address: int, wake_clocks: int = 256):
        if not 0 <= address < 1 << 24:
            raise ValueError(f"address must be in 0..{(1 << 24) - 1}, not {address!r}")
        self._address = address
        self._wake_clocks = wake_clocks
        super().__init__({
            "spi":     Out(SpiSignature()),
            "bytes":   Out(ByteSignature()),
            "ready":   In(1),
            "stop":    In(1),
            "booting": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        spi, byte = self.spi, self.bytes.payload
        bits, waking = Signal(range(32)), Signal(init=1)
        timer = Signal(range(self._wake_clocks))
        zeros, first = Signal(2), Signal(init=1)
        # The commands are constants, of which ``bits`` chooses one bit: a register would be larger.
        wake, read = C(_WAKE, 32), C(_READ << 24 | self._address, 32)
        m.d.comb += [
            spi.copi.eq(Mux(waking, wake.bit_select(bits, 1), read.bit_select(bits, 1))),
            self.booting.eq(1),
        ]

        def send(width: int):
            return [spi.cs_n.eq(0), bits.eq(width - 1)]

        def exchange(then: str):
            """A bit in two cycles; ``then`` after the last one."""
            m.d.sync += spi.clk.eq(~spi.clk)
            with m.If(~spi.clk):
                m.d.sync += byte.eq(Cat(spi.cipo, byte))
            with m.Else():
                m.d.sync += bits.eq(bits - 1)
                with m.If(bits == 0):
                    m.next = then

        with m.FSM():
            with m.State("Start"):
                m.d.sync += send(8)
                m.next = "Wake"
            with m.State("Wake"):
                exchange("Wait")
            with m.State("Wait"):
                m.d.sync += [spi.cs_n.eq(1), timer.eq(timer + 1)]
                with m.If(timer == self._wake_clocks - 1):
                    m.d.sync += [*send(32), waking.eq(0)]
                    m.next = "Command"
            with m.State("Command"):
                exchange("Next")
            with m.State("Next"):
                m.d.sync += bits.eq(7)
                m.next = "Read"
            with m.State("Read"):
                exchange("Give")
            with m.State("Give"):
                with m.If(self.ready):
                    m.d.comb += self.bytes.valid.eq(1)
                    m.d.sync += [first.eq(0), zeros.eq(Mux(byte == 0, zeros + 1, 0))]
                    m.next = "Next"
                with m.If((first & (byte != 0)) | ((zeros == 2) & (byte == 0)) | self.stop):
                    m.d.comb += self.bytes.valid.eq(0)
                    m.d.sync += spi.cs_n.eq(1)
                    m.next = "Over"
            with m.State("Over"):
                m.d.comb += self.booting.eq(0)
        return m
