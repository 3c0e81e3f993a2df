"""Bench instruments: Joulescope and Power Profiler Kit II, each through its own optional package.

``joulescope`` is under Apache-2.0, ``ppk2-api`` under GPLv2; hubel depends on neither.
"""

import time
from typing import Any

from .figure import CORE_RAIL, Figure
from .sensors import MeterSensor, measured

#: Relative half widths of the 95 % interval, declared from the data sheets.
JOULESCOPE_GAIN, PPK2_GAIN = 0.01, 0.10


class JoulescopeSensor:
    """The energy accumulator of a Joulescope, which it sends about twice a second.

    Parameters
    ----------
    boundary : str
        The rail or lead that the instrument is in.
    device : optional
        Otherwise the only one that is plugged in.

    Raises
    ------
    ImportError, OSError
        If the package is not installed, or there is not exactly one instrument.
    """

    polled = True

    def __init__(self, boundary: str = CORE_RAIL, device: Any = None):
        if device is None:
            try:
                import joulescope  # type: ignore[import-not-found]
            except ImportError as error:
                raise ImportError("needs the package: pip install joulescope") from error
            try:
                device = joulescope.scan_require_one(config="auto")
            except RuntimeError as error:
                raise OSError(f"Joulescope: {error}") from error
            device.open()
        self._device = device
        self._joules: float | None = None
        device.statistics_callback_register(self._heard, "sensor")
        self._meter = MeterSensor(
            "Joulescope",
            self._read,
            counter=True,
            boundary=boundary,
            source="Joulescope, energy accumulator",
            gain=JOULESCOPE_GAIN,
        )

    def _heard(self, statistics: dict[str, Any]) -> None:
        self._joules = float(statistics["accumulators"]["energy"]["value"])

    def _read(self) -> float:
        if self._joules is None:
            raise OSError("no statistics arrived")
        return self._joules

    def start(self) -> None:
        """Begin a window, once the instrument has spoken (2 s at most)."""
        limit = time.monotonic() + 2.0
        while self._joules is None and time.monotonic() < limit:
            time.sleep(0.01)
        self._meter.start()

    def update(self) -> None:
        """Take a reading."""
        self._meter.update()

    def energy(self, seconds: float) -> Figure:
        """Energy in J."""
        return self._meter.energy(seconds)


class Ppk2Sensor:
    """The samples of a Power Profiler Kit II, 100,000 a second, at its own supply voltage.

    Parameters
    ----------
    port : str
        Serial port.
    millivolts : int
        What it supplies, 800 to 5000.
    boundary : str
        The rail that it supplies.
    kit : optional
        Otherwise the one at ``port``.

    Raises
    ------
    ValueError, ImportError
        If the voltage is out of range, or the package is not installed.
    """

    polled = True
    RATE = 100_000

    def __init__(
        self, port: str, *, millivolts: int = 1200, boundary: str = CORE_RAIL, kit: Any = None
    ):
        if not 800 <= millivolts <= 5000:
            raise ValueError(f"PPK2 supplies 800 to 5000 mV, not {millivolts}")
        if kit is None:
            try:
                from ppk2_api.ppk2_api import PPK2_API  # type: ignore[import-not-found]
            except ImportError as error:
                raise ImportError("needs the package (GPLv2): pip install ppk2-api") from error
            kit = PPK2_API(port)
            kit.get_modifiers()
        kit.use_source_meter()
        kit.set_source_voltage(millivolts)
        kit.toggle_DUT_power("ON")
        kit.start_measuring()
        self._kit, self._volts, self._boundary = kit, millivolts / 1000, boundary
        self._joules, self._samples, self._gap = 0.0, 0, ""

    def start(self) -> None:
        """Begin a window: what was sampled before is dropped."""
        self._kit.get_data()
        self._joules, self._samples, self._gap = 0.0, 0, ""

    def update(self) -> None:
        """Take all samples that have arrived."""
        try:
            data = self._kit.get_data()
            microamperes = self._kit.get_samples(data)[0] if data else []
        except OSError as error:
            self._gap = f"gap: PPK2 unreadable: {error}"
            return
        self._samples += len(microamperes)
        self._joules += sum(microamperes) * 1e-6 * self._volts / self.RATE

    def energy(self, seconds: float) -> Figure:
        """Energy in J; unknown where more than 2 % (and 20 ms) of the samples did not arrive."""
        lost = seconds - self._samples / self.RATE
        gap = self._gap
        if not gap and lost > max(0.02 * seconds, 0.02):
            gap = f"gap of {lost:.3g} s: PPK2 samples did not arrive"
        joules = None if gap else self._joules
        return measured(joules, "PPK2", self._boundary, PPK2_GAIN, "PPK2 samples", gap)
