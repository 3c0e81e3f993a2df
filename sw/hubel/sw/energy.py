"""Energy of an FPGA from what its counters say, times coefficients fitted to measured boards."""

import json
import math
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from .figure import Figure


@cache
def coefficients() -> dict[str, dict[str, Any]]:
    """Return the coefficients of every device with the measured rows behind them."""
    text = resources.files("hubel.sw").joinpath("data/fpga_coefficients.json").read_text("utf-8")
    return {name: entry for name, entry in json.loads(text).items() if isinstance(entry, dict)}


def estimate(
    device: str,
    cycles: int,
    clock_hz: float,
    logic_cells: int = 0,
    flip_flops: int = 0,
    dsp_ops: int = 0,
    ram_accesses: int = 0,
    wall_seconds: float | None = None,
    toggles: int | None = None,
    table: Mapping[str, Any] | None = None,
) -> list[Figure]:
    """Estimate the energy of a run, term by term.

    The boundary of the result depends on the device: the core rail alone for the iCE40UP5K, a
    whole board at its USB plug for the LFE5U-85F. The two may not be added.

    Parameters
    ----------
    device : str
        ``"iCE40UP5K"`` or ``"LFE5U-85F"``.
    cycles : int
        Clock cycles with the clock running.
    clock_hz : float
        Clock frequency, above 0.
    logic_cells, flip_flops : int
        Cells of the placed design. A logic cell of the iCE40UP5K contains its flip-flop, so that
        ``flip_flops`` adds nothing there.
    dsp_ops, ram_accesses : int
        Multiplications in DSP blocks; reads and writes of block RAM, one a port and cycle.
    wall_seconds : float, optional
        Time for which the device is powered; at least, and by default, ``cycles / clock_hz``.
    toggles : int, optional
        Switching activity, see :mod:`hubel.sw.switching`: register bits that changed. Takes the
        place of the terms that assume an activity (logic cells, flip-flops).
    table : mapping, optional
        Coefficients of another calibration, as :func:`coefficients` returns them.

    Returns
    -------
    list of Figure
        In J, ``estimated`` where the device itself was measured and ``assumed`` elsewhere. Equal
        terms of two runs share one correlation group.

    Raises
    ------
    ValueError
        If the device is unknown or a number is out of range.
    """
    known = coefficients() if table is None else table
    if device not in known:
        raise ValueError(f"no coefficients for device {device!r}; there are {', '.join(known)}")
    if not (math.isfinite(clock_hz) and clock_hz > 0):
        raise ValueError(f"clock_hz must be above 0, not {clock_hz!r}")
    counts = {
        "cycles": cycles,
        "logic_cells": logic_cells,
        "flip_flops": flip_flops,
        "dsp_ops": dsp_ops,
        "ram_accesses": ram_accesses,
        "toggles": toggles or 0,
    }
    for name, count in counts.items():
        if count < 0:
            raise ValueError(f"{name} must be at least 0, not {count}")
    running = cycles / clock_hz
    seconds = running if wall_seconds is None else wall_seconds
    # A wall clock is read around the run; the cycle count may round up past it.
    if seconds < running * (1 - 1e-6):
        raise ValueError(f"{cycles} cycles at {clock_hz:g} Hz do not fit into {seconds:g} s")
    activity = {
        "second": seconds,
        "cycle": cycles,
        "logic_cell_cycle": logic_cells * cycles,
        "flip_flop_cycle": flip_flops * cycles,
        "dsp_op": dsp_ops,
        "ram_access": ram_accesses,
        "toggle": toggles or 0,
    }
    terms = known[device]["terms"]
    replaced = {name for term in terms.values() for name in term.get("instead_of", ())}
    if toggles is None:
        used = [name for name, term in terms.items() if term["per"] != "toggle"]
    elif any(term["per"] == "toggle" for term in terms.values()):
        used = [name for name in terms if name not in replaced]
    else:
        raise ValueError(f"no coefficient of a toggle for device {device!r}")
    return [
        _coefficient(known[device], device, name).times(
            activity[terms[name]["per"]], name=f"{device} {name}", unit="J"
        )
        for name in used
    ]


def _coefficient(entry: Mapping[str, Any], device: str, name: str) -> Figure:
    """Return the energy of one unit of activity."""
    term = entry["terms"][name]
    low, high = term["interval"]
    errors = [
        f"{what} {100 * term[key]:.2g} %"
        for what, key in (("fit error", "fit_error"), ("leave-one-out", "loo_error"))
        if term.get(key)
    ]
    return Figure(
        name=name,
        value=term["joules"],
        unit=f"J/{term['per']}",
        kind=term["kind"],
        subkind=term["subkind"],
        boundary=entry["boundary"],
        source="; ".join([term["source"], *errors]),
        interval=(low, high),
        distribution=term["distribution"],
        group=f"{device} {name}",
    )
