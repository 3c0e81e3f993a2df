"""Sensors of a computer besides RAPL: hwmon power monitors and NVML."""

from pathlib import Path
from typing import Any

from .sensors import MeterSensor

HWMON = Path("/sys/class/hwmon")
#: Relative half widths of the 95 % interval, declared from the data sheets: INA2xx (gain 0.5 %
#: and a shunt of 1 %), NVML (NVIDIA: +-5 %).
INA_GAIN, NVML_GAIN = 0.015, 0.05


def ina_sensors(root: Path | str = HWMON, boundary: str | None = None) -> list[MeterSensor]:
    """Every INA2xx power monitor under ``root``: its energy counter where it has one (INA228,
    INA238), else its power, else volts times amperes.

    The boundary is the rail that the kernel's label names, unless it is declared.
    """
    found = []
    for path in sorted(Path(root).glob("hwmon*")):
        try:
            chip = (path / "name").read_text().strip()
        except OSError:
            continue
        if chip.startswith("ina2"):
            found.append(_ina(path, chip, boundary))
    return found


def _ina(path: Path, chip: str, boundary: str | None) -> MeterSensor:
    label = path / "in1_label"
    rail = label.read_text().strip() if label.exists() else path.name
    counters = sorted(path.glob("energy*_input"))
    power = path / "power1_input"
    if counters:
        how, read = counters[0].name, lambda: _number(counters[0]) / 1e6
    elif power.exists():
        how, read = power.name, lambda: _number(power) / 1e6
    else:
        how = "in1_input x curr1_input"
        read = lambda: _number(path / "in1_input") * _number(path / "curr1_input") / 1e6  # noqa: E731
    return MeterSensor(
        f"{chip} {rail}",
        read,
        counter=bool(counters),
        boundary=boundary or f"rail {rail}",
        source=f"{chip} {path.name} {how}",
        gain=INA_GAIN,
    )


def _number(path: Path) -> float:
    return float(path.read_text())


def nvml_sensors(nvml: Any = None) -> list[MeterSensor]:
    """The energy counter of every NVIDIA GPU (Volta and later); empty without a driver.

    Raises
    ------
    ImportError
        If the package nvidia-ml-py is missing; the message says how to install it.
    """
    if nvml is None:
        try:
            import pynvml as nvml  # pyright: ignore[reportMissingImports]
        except ImportError as error:
            raise ImportError("GPUs need nvidia-ml-py; run: pip install 'hubel[gpu]'") from error
    try:
        nvml.nvmlInit()
        count = nvml.nvmlDeviceGetCount()
    except nvml.NVMLError:
        return []
    return [_gpu(nvml, index) for index in range(count)]


def _gpu(nvml: Any, index: int) -> MeterSensor:
    handle = nvml.nvmlDeviceGetHandleByIndex(index)

    def read() -> float:
        try:
            return nvml.nvmlDeviceGetTotalEnergyConsumption(handle) / 1e3
        except nvml.NVMLError as error:
            raise OSError(str(error)) from error

    return MeterSensor(
        f"GPU {index}",
        read,
        counter=True,
        boundary=f"GPU {index} board",
        source="NVML total energy",
        gain=NVML_GAIN,
    )
