# pyright: reportAttributeAccessIssue=false, reportWildcardImportFromLibrary=false
# (amaranth-stubs do not know lib.cdc)
"""Clock generators: parameters of the families' PLLs, and the clock domain that they drive."""

from dataclasses import dataclass
from typing import Any, Protocol

from amaranth import *
from amaranth.hdl import IOPort
from amaranth.lib import cdc

__all__ = ["Ecp5Pll", "GowinPll", "Ice40Pll", "Pll", "PllClock"]


# Both families need it after configuration: an iCE40 block RAM reads zeros for 3 us.
_RESET_SECONDS = 15e-6


class Pll(Protocol):
    """A PLL with its parameters: ``input_hz`` to ``output_hz``."""
    @property
    def input_hz(self) -> int:
        """Frequency of the input."""
        ...

    @property
    def output_hz(self) -> float:
        """Frequency of the output."""
        ...

    def at(self, output_hz: float) -> "Pll":
        """The same PLL with another output, to 0.1 %; ValueError if there is no setting for it."""
        ...

    def instance(self, pin: IOPort, clock: Signal, locked: Signal) -> Any:
        """The primitive: from ``pin`` to ``clock`` and ``locked``."""
        ...


def _best(candidates, input_hz: int, target_hz: float):
    """Of the valid ``candidates`` within 0.1 % of the target the one with the fastest detector,
    then the one with its oscillator in the middle of the range; ValueError if there is none."""
    fitting = [pll for pll in candidates
               if pll.valid and abs(pll.output_hz - target_hz) <= 1e-3 * target_hz]
    if not fitting:
        raise ValueError(f"no PLL setting makes {target_hz / 1e6:g} MHz "
                         f"from {input_hz / 1e6:g} MHz")
    return min(fitting, key=lambda pll: (-pll.detector_hz, abs(pll.vco_hz - sum(pll.VCO_HZ) / 2)))


@dataclass(frozen=True, kw_only=True)
class Ice40Pll:
    """``SB_PLL40_PAD``, or ``SB_PLL40_CORE`` where the clock's ``pad`` is not the PLL's own, with
    simple feedback: ``input_hz * (divf + 1) / (divr + 1) / 2**divq``. Ranges: iCE40 sysCLOCK guide
    (TN-02052)."""
    VCO_HZ = (533e6, 1066e6)

    input_hz: int
    divr: int
    divf: int
    divq: int
    pad: bool = True

    @classmethod
    def search(cls, input_hz: int, target_hz: float, *, pad: bool = True) -> "Ice40Pll":
        """Setting for ``target_hz``, to 0.1 %; ValueError if there is none."""
        return _best((
            cls(input_hz=input_hz, divr=divr, divq=divq, pad=pad,
                divf=round(target_hz * 2**divq * (divr + 1) / input_hz) - 1)
            for divr in range(16) for divq in range(1, 7)), input_hz, target_hz)

    def at(self, output_hz: float) -> "Ice40Pll":
        """The same PLL with another output, to 0.1 %; ValueError if there is no setting for it."""
        return self.search(self.input_hz, output_hz, pad=self.pad)

    @property
    def detector_hz(self) -> float:
        """Frequency of the phase detector."""
        return self.input_hz / (self.divr + 1)

    @property
    def vco_hz(self) -> float:
        """Frequency of the oscillator."""
        return self.detector_hz * (self.divf + 1)

    @property
    def output_hz(self) -> float:
        """Frequency of the output."""
        return self.vco_hz / 2**self.divq

    @property
    def valid(self) -> bool:
        """Everything is in the vendor's ranges."""
        return (10e6 <= self.input_hz <= 133e6 and 10e6 <= self.detector_hz <= 133e6
                and self.VCO_HZ[0] <= self.vco_hz <= self.VCO_HZ[1]
                and 16e6 <= self.output_hz <= 275e6 and 0 <= self.divf < 128)

    @property
    def filter_range(self) -> int:
        """Loop filter setting that suits the phase detector."""
        return 1 + sum(self.detector_hz >= limit for limit in (17e6, 26e6, 44e6, 66e6, 101e6))

    def instance(self, pin: IOPort, clock: Signal, locked: Signal) -> Instance:
        """The primitive: from ``pin`` to ``clock``, ``locked``."""
        return Instance("SB_PLL40_PAD" if self.pad else "SB_PLL40_CORE",
            p_FEEDBACK_PATH="SIMPLE",
            p_DIVR=Const(self.divr, 4),
            p_DIVF=Const(self.divf, 7),
            p_DIVQ=Const(self.divq, 3),
            p_FILTER_RANGE=Const(self.filter_range, 3),
            **{"i_PACKAGEPIN" if self.pad else "i_REFERENCECLK": pin},
            i_RESETB=Const(1),
            i_BYPASS=Const(0),
            o_PLLOUTGLOBAL=clock,
            o_LOCK=locked,
        )


@dataclass(frozen=True, kw_only=True)
class Ecp5Pll:
    """``EHXPLLL`` with feedback from its first output: ``input_hz * clkfb_div / clki_div``.
    Ranges: ECP5 data sheet (FPGA-DS-02012), table of the sysCLOCK PLL."""
    VCO_HZ = (400e6, 800e6)

    input_hz: int
    clki_div: int
    clkfb_div: int
    clkop_div: int

    @classmethod
    def search(cls, input_hz: int, target_hz: float) -> "Ecp5Pll":
        """Setting for ``target_hz``, to 0.1 %; ValueError if there is none."""
        return _best((
            cls(input_hz=input_hz, clki_div=clki, clkop_div=clkop,
                clkfb_div=round(target_hz * clki / input_hz))
            for clki in range(1, 129) for clkop in range(1, 129)), input_hz, target_hz)

    def at(self, output_hz: float) -> "Ecp5Pll":
        """The same PLL with another output, to 0.1 %; ValueError if there is no setting for it."""
        return self.search(self.input_hz, output_hz)

    @property
    def detector_hz(self) -> float:
        """Frequency of the phase detector."""
        return self.input_hz / self.clki_div

    @property
    def output_hz(self) -> float:
        """Frequency of the output."""
        return self.detector_hz * self.clkfb_div

    @property
    def vco_hz(self) -> float:
        """Frequency of the oscillator."""
        return self.output_hz * self.clkop_div

    @property
    def valid(self) -> bool:
        """Everything is in the vendor's ranges."""
        return (8e6 <= self.input_hz <= 400e6 and 10e6 <= self.detector_hz <= 400e6
                and self.VCO_HZ[0] <= self.vco_hz <= self.VCO_HZ[1]
                and 3.125e6 <= self.output_hz <= 400e6 and 1 <= self.clkfb_div <= 128)

    def instance(self, pin: IOPort, clock: Signal, locked: Signal) -> Instance:
        """The primitive: from ``pin`` to ``clock`` and ``locked``."""
        return Instance("EHXPLLL",
            a_FREQUENCY_PIN_CLKI=f"{self.input_hz / 1e6:g}",
            a_FREQUENCY_PIN_CLKOP=f"{self.output_hz / 1e6:g}",
            a_ICP_CURRENT="12",
            a_LPF_RESISTOR="8",
            a_MFG_ENABLE_FILTEROPAMP="1",
            a_MFG_GMCREF_SEL="2",
            p_OUTDIVIDER_MUXA="DIVA",
            p_CLKI_DIV=self.clki_div,
            p_CLKFB_DIV=self.clkfb_div,
            p_CLKOP_DIV=self.clkop_div,
            p_CLKOP_CPHASE=self.clkop_div // 2,
            p_CLKOP_ENABLE="ENABLED",
            p_FEEDBK_PATH="CLKOP",
            i_CLKI=pin,
            i_CLKFB=clock,
            i_RST=Const(0),
            i_STDBY=Const(0),
            i_ENCLKOP=Const(0),
            i_PHASESEL0=Const(0),
            i_PHASESEL1=Const(0),
            i_PHASEDIR=Const(1),
            i_PHASESTEP=Const(1),
            i_PHASELOADREG=Const(1),
            i_PLLWAKESYNC=Const(0),
            o_CLKOP=clock,
            o_LOCK=locked,
        )


@dataclass(frozen=True, kw_only=True)
class GowinPll:
    """``rPLL`` with internal feedback: ``input_hz * fbdiv / idiv``. Ranges: GW1NR data sheet
    (DS117), speed grade C6/I5."""
    VCO_HZ = (400e6, 1200e6)

    input_hz: int
    idiv: int
    fbdiv: int
    odiv: int
    device: str

    @classmethod
    def search(cls, input_hz: int, target_hz: float, *, device: str) -> "GowinPll":
        """Setting for ``target_hz``, to 0.1 %; ValueError if there is none."""
        return _best((
            cls(input_hz=input_hz, idiv=idiv, odiv=odiv, device=device,
                fbdiv=round(target_hz * idiv / input_hz))
            for idiv in range(1, 65)
            for odiv in (2, 4, 8, 16, 32, 48, 64, 80, 96, 112, 128)), input_hz, target_hz)

    def at(self, output_hz: float) -> "GowinPll":
        """The same PLL with another output, to 0.1 %; ValueError if there is no setting for it."""
        return self.search(self.input_hz, output_hz, device=self.device)

    @property
    def detector_hz(self) -> float:
        """Frequency of the phase detector."""
        return self.input_hz / self.idiv

    @property
    def output_hz(self) -> float:
        """Frequency of the output."""
        return self.detector_hz * self.fbdiv

    @property
    def vco_hz(self) -> float:
        """Frequency of the oscillator."""
        return self.output_hz * self.odiv

    @property
    def valid(self) -> bool:
        """Everything is in the vendor's ranges."""
        return (3e6 <= self.input_hz <= 400e6 and 3e6 <= self.detector_hz <= 400e6
                and self.VCO_HZ[0] <= self.vco_hz <= self.VCO_HZ[1]
                and 3.125e6 <= self.output_hz <= 600e6 and 1 <= self.fbdiv <= 64)

    def instance(self, pin: IOPort, clock: Signal, locked: Signal) -> Instance:
        """The primitive: from ``pin`` to ``clock`` and ``locked``."""
        return Instance("rPLL",
            p_DEVICE=self.device,
            p_FCLKIN=f"{self.input_hz / 1e6:g}",
            p_IDIV_SEL=self.idiv - 1,
            p_FBDIV_SEL=self.fbdiv - 1,
            p_ODIV_SEL=self.odiv,
            p_DYN_IDIV_SEL="false",
            p_DYN_FBDIV_SEL="false",
            p_DYN_ODIV_SEL="false",
            p_PSDA_SEL="0000",
            p_DUTYDA_SEL="1000",
            p_CLKFB_SEL="internal",
            i_CLKIN=pin,
            i_CLKFB=Const(0),
            i_RESET=Const(0),
            i_RESET_P=Const(0),
            i_FBDSEL=Const(0, 6),
            i_IDSEL=Const(0, 6),
            i_ODSEL=Const(0, 6),
            i_PSDA=Const(0, 4),
            i_DUTYDA=Const(0, 4),
            i_FDLY=Const(0, 4),
            o_CLKOUT=clock,
            o_LOCK=locked,
        )


class PllClock(Elaboratable):
    """Drives domain ``sync`` of its parent from the platform's default clock through ``pll``; in
    reset until 15 us after the PLL locked."""
    def __init__(self, pll: Pll):
        self._pll = pll

    def elaborate(self, platform):
        m = Module()
        pin = platform.request(platform.default_clk, dir="-").io
        pll_clock = Signal()
        locked = Signal()
        locked_sync = Signal()
        m.submodules.pll = self._pll.instance(pin, pll_clock, locked)
        # nextpnr knows the frequency of ``pll_clock`` from that of the pin and the parameters.

        cycles = int(_RESET_SECONDS * self._pll.output_hz)
        timer = Signal(range(cycles + 1))
        reset = Signal(init=1)
        m.domains.por = ClockDomain(reset_less=True, local=True)
        m.submodules.locked_sync = cdc.FFSynchronizer(locked, locked_sync, o_domain="por")
        m.d.comb += [
            ClockSignal("sync").eq(pll_clock),
            ResetSignal("sync").eq(reset),
            ClockSignal("por").eq(pll_clock),
        ]
        m.d.por += reset.eq(timer != cycles)
        with m.If(~locked_sync):
            m.d.por += timer.eq(0)
        with m.Elif(timer != cycles):
            m.d.por += timer.eq(timer + 1)
        return m
