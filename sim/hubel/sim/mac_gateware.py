"""The MAC core as a back end: its Verilog in a simulator, with golden's question."""

import tempfile
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hubel.hdl.mac_core import InputLayout, MacCore
from hubel.hdl.mac_counters import MacCounters
from hubel.hdl.mac_drain import LogitLayout
from hubel.hdl.mac_params import MacParams
from hubel.hdl.mac_program import MacProgram
from hubel.hdl.verilog import to_verilog

from . import simulator
from .mac import MacTrace, checked_values
from .streams import Packing
from .toolchain import Name

TOP = "hubel_mac"


def mac_verilog(program: MacProgram, *, lanes: int = 8, skip_zeros: bool = False) -> str:
    """Verilog of the MAC core that runs ``program``, module :data:`TOP`."""
    params = program.params(lanes=lanes, skip_zeros=skip_zeros)
    return to_verilog(MacCore(params, program), name=TOP)


def input_payloads(
    program: MacProgram, params: MacParams, values: npt.NDArray[np.int64]
) -> list[int]:
    """What to send for ``values``, shape (samples, inputs in C order)."""
    packing = Packing(InputLayout(params))
    laid_out = values.reshape(-1, *program.inputs.sizes).transpose(0, 2, 3, 1)
    return [
        packing.pack(value=value, start=int(i == 0))
        for sample in laid_out.reshape(len(values), -1).tolist()
        for i, value in enumerate(sample)
    ]


def run(
    program: MacProgram,
    values: npt.ArrayLike,
    *,
    backend: Name = "verilator",
    lanes: int = 8,
    skip_zeros: bool = False,
    gap: float = 0.0,
    stall: float = 0.0,
    seed: int = 0,
    cache_dir: str | PathLike | None = None,
    timeout_s: float = 3600.0,
    on_stage: Callable[[str], None] = lambda _: None,
    verilog: str | None = None,
) -> MacTrace:
    """Run ``program`` on the gateware, in a simulator; the contract of :func:`hubel.sim.mac.run`.

    Parameters are those of :func:`hubel.sim.gateware.run`; ``verilog`` is simulated instead of
    :func:`mac_verilog`.

    Raises
    ------
    ValueError
        If ``values`` do not suit the program.
    ToolMissing, BuildFailed, BenchFailed
        From :mod:`hubel.sim.simulator`.
    """
    wanted = checked_values(program, values)
    params = program.params(lanes=lanes, skip_zeros=skip_zeros)
    tool = simulator.find_simulator(backend)
    on_stage(f"building for {backend}")
    text = verilog or mac_verilog(program, lanes=lanes, skip_zeros=skip_zeros)
    build = simulator.build(text, TOP, tool, cache_dir=cache_dir)
    on_stage(f"simulating with {backend}")
    with tempfile.TemporaryDirectory() as folder:
        payloads = Path(folder, "payloads.npy")
        np.save(payloads, np.array(input_payloads(program, params, wanted), dtype=np.int64))
        answer = simulator.run(
            build,
            "hubel.sim.bench_mac",
            parameters={
                "payloads": str(payloads),
                "logits": len(wanted) * params.classes,
                "gap": gap,
                "stall": stall,
                "seed": seed,
            },
            seed=seed,
            timeout_s=timeout_s,
        )
    return unpacked(program, params, len(wanted), answer)


def unpacked(
    program: MacProgram, params: MacParams, samples: int, answer: dict[str, Any]
) -> MacTrace:
    """What a bench saw, as golden would say it; AssertionError where it makes no sense."""
    packing = Packing(LogitLayout(params))
    fields = [packing.unpack(logit) for logit in answer["logits"]]
    assert len(fields) == samples * params.classes, f"{len(fields)} logits"
    table = np.array([[f["value"], f["best"], f["last"]] for f in fields]).reshape(
        samples, params.classes, 3
    )
    last = np.zeros((samples, params.classes))
    last[:, -1] = 1
    assert np.array_equal(table[..., 2], last), "the last logit is marked, and no other"
    values = table[..., 0]
    best = [[int(np.argmax(row[: i + 1])) for i in range(len(row))] for row in values]
    assert np.array_equal(table[..., 1], best), "best is the number of the largest so far"
    sizes = [layer.output for layer in program.layers[:-1]]
    updates = np.array(answer["updates"], dtype=np.int64)
    assert len(updates) == samples * sum(shape.neurons for shape in sizes), f"{len(updates)} writes"
    parts = np.split(
        updates.reshape(samples, -1), np.cumsum([shape.neurons for shape in sizes])[:-1], axis=1
    )
    activations = [
        part.reshape(samples, shape.height, shape.width, shape.channels)
        .transpose(0, 3, 1, 2)
        .reshape(samples, -1)
        for part, shape in zip(parts if sizes else [], sizes, strict=True)
    ]
    return MacTrace(
        activations=tuple(activations),
        logits=values,
        labels=table[:, -1, 1],
        counters=MacCounters(**{n: np.array([v]) for n, v in answer["counters"].items()}),
        cycles=answer["cycles"],
    )
