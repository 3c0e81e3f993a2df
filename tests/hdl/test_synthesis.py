# pyright: reportAttributeAccessIssue=false
# (amaranth-stubs do not know back.rtlil)
"""What Yosys makes of a core: block RAM and multipliers where they are meant to be, and no memory
of flip-flops."""

import json
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from amaranth.back import rtlil

from hubel.boards.build import RELAX_COLLISIONS
from hubel.boards.icebreaker import BOARD as ICEBREAKER
from hubel.boards.report import cell_counts
from hubel.boards.toolchain import ToolMissing, find_tool
from hubel.boards.ulx3s import BOARD as ULX3S
from hubel.hdl.core import Core
from hubel.hdl.program import Conv2d, Dense, Population, Program, Shape, Source, Sparse

from ..programs import random_chain

SCRIPTS = {ICEBREAKER.name: "synth_ice40 -dsp -top core", ULX3S.name: "synth_ecp5 -top core"}


def program(name: str) -> Program:
    """A core of 8 lanes: "dense", 64-128-10; "conv", 16 x 16 places with 8 channels of 5 x 5
    weights, pooled into 10 neurons; "sparse", 128 neurons with 16 synapses of each of them."""
    rng = np.random.default_rng(1)
    if name == "dense":
        return random_chain(rng, 64, 128, 10)

    def weights(*shape: int) -> np.ndarray:
        return rng.integers(-128, 128, shape)

    if name == "conv":
        source = Source("i0", Shape(2, 16, 16))
        hidden = Population(name="p0", shape=Shape(8, 16, 16), threshold=500, v_reset=500)
        out = Population(name="p1", shape=Shape(10), threshold=500, v_reset=500)
        conv = Conv2d(
            name="conv", source="i0", target="p0", padding=(2, 2), weights=weights(8, 2, 5, 5)
        )
        dense = Dense(
            name="out", source="p0", target="p1", pool=(4, 4), weights=weights(8 * 4 * 4, 10)
        )
        return Program(
            inputs=(source,), populations=(hidden, out), projections=(conv, dense), outputs=("p1",)
        )
    neurons, synapses = 128, 16
    return Program(
        inputs=(Source("i0", Shape(64)),),
        populations=(Population(name="p0", shape=Shape(neurons), threshold=500, v_reset=500),),
        projections=(
            Dense(name="in", source="i0", target="p0", weights=weights(64, neurons)),
            Sparse(
                name="loop",
                source="p0",
                target="p0",
                delay=1,
                first=np.arange(neurons + 1) * synapses,
                targets=np.concatenate(
                    [np.sort(rng.permutation(neurons)[:synapses]) for _ in range(neurons)]
                ),
                weights=weights(neurons * synapses),
            ),
        ),
        outputs=("p0",),
    )


@cache
def cells(board_name: str, name: str) -> dict[str, int]:
    """Cells of :func:`program`."""
    try:
        yosys = find_tool("yosys")
    except ToolMissing as missing:
        pytest.skip(str(missing))
    board = {ICEBREAKER.name: ICEBREAKER, ULX3S.name: ULX3S}[board_name]
    network = program(name)
    core = Core(network.params(lanes=8), network)
    text = rtlil.convert(core, name="core", platform=board.platform(), emit_src=False)
    with TemporaryDirectory() as folder:
        Path(folder, "core.il").write_text(text)
        script = ["read_rtlil core.il", RELAX_COLLISIONS, SCRIPTS[board_name]]
        script += ["tee -q -o stat.json stat -json"]
        Path(folder, "core.ys").write_text("\n".join(script))
        subprocess.run([*yosys.command, "-q", "core.ys"], cwd=folder, check=True)
        return cell_counts(json.loads(Path(folder, "stat.json").read_text()))


def test_ice40_block_ram_and_multipliers() -> None:
    found = cells(ICEBREAKER.name, "dense")
    # 1,280 weight words of 64 bits: 5 x 4. Neurons of 3 x 18 rows of 128 bits: 8. Events: 1.
    assert found["block_ram"] == 20 + 8 + 1
    assert found["dsp"] == 8


def test_ecp5_block_ram_and_multipliers() -> None:
    found = cells(ULX3S.name, "dense")
    assert found["block_ram"] == 13
    assert found["dsp"] == 8
