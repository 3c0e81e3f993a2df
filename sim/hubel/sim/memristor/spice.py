"""VTEAM in ngspice: an integrator that is not ours, driven by a sine.

The state is the voltage of a capacitor of 1 nF, which a current source charges; ngspice chooses
its own steps inside the given ones (gear, relative tolerance 1e-5).
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from .vteam import Vteam
from .waveform import Waveform


def installed() -> bool:
    """``ngspice`` is on the PATH."""
    return shutil.which("ngspice") is not None


def netlist(
    device: Vteam, amplitude: float, hertz: float, seconds: float, step: float, x0: float = 0.0
) -> str:
    """The circuit as SPICE text; it writes time, voltage, state and current to ``out.txt``.

    Raises
    ------
    ValueError
        If the device has a window or an exponential resistance, which this circuit leaves out.
    """
    if device.window != "none" or device.curve != "linear":
        raise ValueError("the netlist is of a device without a window, with a linear resistance")
    d = device
    up = f"(V(x)>=1 ? 0 : {d.k_off / d.thickness!r}*pow(V(p)/{d.v_off!r}-1,{d.a_off!r}))"
    down = f"(V(x)<=0 ? 0 : {d.k_on / d.thickness!r}*pow(V(p)/({d.v_on!r})-1,{d.a_on!r}))"
    rate = f"(V(p)>={d.v_off!r} ? {up} : (V(p)<={d.v_on!r} ? {down} : 0))"
    resistance = f"({d.r_on!r}+{d.r_off - d.r_on!r}*min(max(V(x),0),1))"
    return f"""VTEAM
Vp p 0 SIN(0 {amplitude!r} {hertz!r})
Cx x 0 1n IC={x0!r}
Bx 0 x I = 1n*{rate}
Bd p m I = V(p)/{resistance}
Vm m 0 0
.options reltol=1e-5 method=gear
.control
set wr_singlescale
set numdgt=14
tran {step!r} {seconds!r} 0 {step!r} uic
wrdata out.txt v(p) v(x) i(Vm)
quit
.endc
.end
"""


def run(circuit: str, *, timeout: float = 60.0) -> Waveform:
    """Simulate what :func:`netlist` made.

    Raises
    ------
    FileNotFoundError
        If ngspice is not installed; the message says how to install it.
    RuntimeError
        If ngspice fails; the message has its last lines.
    """
    if not installed():
        raise FileNotFoundError("ngspice is not installed; run: apt-get install ngspice")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "circuit.cir").write_text(circuit)
        done = subprocess.run(
            ["ngspice", "-b", "circuit.cir"],
            cwd=folder, capture_output=True, text=True, timeout=timeout,
        )  # fmt: skip
        output = Path(folder, "out.txt")
        if not output.exists():
            lines = (done.stdout + done.stderr).strip().splitlines()[-5:]
            raise RuntimeError("ngspice wrote no result: " + " | ".join(lines))
        times, voltages, states, currents = np.loadtxt(output).T
    return Waveform(times, voltages, states, currents)
