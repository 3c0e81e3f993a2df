"""An SPI flash as far as a boot needs it, for Amaranth's simulator."""

from typing import Any


class FlashModel:
    """Answers READ (03) in mode 0. After power-up it sleeps, as a flash does that has just
    configured an iCE40, until RELEASE (AB) and ``wake_clocks`` more.

    Parameters
    ----------
    spi : the bus of a controller
    contents : dict of int to bytes
        By address; everything else is erased.
    wake_clocks : int

    Attributes
    ----------
    reads : list of int
        Addresses that were read from.
    ignored : int
        Commands that came while it slept.
    """

    def __init__(self, spi: Any, contents: dict[int, bytes], *, wake_clocks: int = 108):
        self._spi, self._contents, self._wake_clocks = spi, contents, wake_clocks
        self.reads: list[int] = []
        self.ignored = 0

    def byte(self, address: int) -> int:
        for first, data in self._contents.items():
            if first <= address < first + len(data):
                return data[address - first]
        return 0xFF

    async def run(self, ctx: Any) -> None:
        """To be a background testbench."""
        spi, clock, awake = self._spi, 0, None
        bits, count, address, was_high = 0, 0, 0, False
        while True:
            await ctx.tick()
            # As they are from this edge on: the flash answers within the cycle.
            cs_n, high, copi = (ctx.get(pin) for pin in (spi.cs_n, spi.clk, spi.copi))
            clock += 1
            if cs_n:
                if count:
                    if awake is None and count == 8 and bits == 0xAB:
                        awake = clock + self._wake_clocks
                    elif awake is None or clock < awake:
                        self.ignored += 1
                bits = count = 0
                was_high = False
                continue
            if high and not was_high:
                # Rising edge: take a bit.
                if count < 32:
                    bits = bits << 1 | copi
                count += 1
                if count == 32 and bits >> 24 == 0x03 and awake is not None and clock >= awake:
                    address = bits & 0xFFFFFF
                    self.reads.append(address)
            if was_high and not high and count >= 32 and self.reads:
                # Falling edge: give a bit.
                place = count - 32
                ctx.set(spi.cipo, self.byte(address + place // 8) >> (7 - place % 8) & 1)
            was_high = bool(high)
