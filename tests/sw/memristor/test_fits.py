"""Whether a Program fits on a chip: the numbers, the refusal, and the command."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from hubel.hdl.program import Dense, Population, Program, Shape, Source
from hubel.sw.cli_memristor_fits import fits
from hubel.sw.memristor.fits import EXAMPLE, fit, mapping_of
from hubel.sw.program_file import save_program


def program(inputs: int = 70, neurons: int = 40) -> Program:
    return Program(
        inputs=(Source("in", Shape(inputs)),),
        populations=(
            Population(name="out", shape=Shape(neurons), threshold=100, v_reset=0, decay=4096),
        ),
        projections=(
            Dense(name="forward", source="in", target="out",
                  weights=np.ones((inputs, neurons), dtype=np.int64)),
        ),
        outputs=("out",),
    )  # fmt: skip


def test_tiles_of_a_program() -> None:
    mapping = mapping_of(program(), tile=32)
    # 70 rows are 3 tiles high, 80 device columns 3 tiles wide.
    assert mapping.tiles == 9 and mapping.cells == 9 * 32 * 32
    assert mapping.synapses == 70 * 40
    found = fit(EXAMPLE, mapping)
    assert found.broken == () and found.tiles == 9
    assert found.available == int(0.2 / (53 * 40e-6**2))
    assert json.loads(json.dumps(found.to_json()))["devices"] == 9216
    for tile in (0, 1, 33):
        with pytest.raises(ValueError, match=f"tile must be 2, 4, 6... .* not {tile}"):
            mapping_of(program(), tile=tile)


def test_what_breaks_is_named() -> None:
    small = replace(EXAMPLE, area_mm2=1e-4, g_on=400, pump_stages=0)
    asks = mapping_of(program(), tile=64, learning_share=1.0, updates_per_second=1e3)
    lines = fit(small, asks).broken
    for text in ("devices", "wires of a 64x64", "learn on board", "writes a second",
                 "0 pump stages", "are worn after"):  # fmt: skip
        assert sum(text in line for line in lines) >= 1, text
    assert len(lines) == 6


def test_command(tmp_path: Path) -> None:
    path = tmp_path / "program.npz"
    save_program(path, program(), {})
    app = typer.Typer()
    app.command()(fits)
    runner = CliRunner()
    good = runner.invoke(app, [str(path)])
    assert good.exit_code == 0 and good.output.endswith("fits\n")
    bad = runner.invoke(app, [str(path), "--learning", "0.5", "--json"])
    assert bad.exit_code == 1
    assert json.loads(bad.output)["broken"] == [
        "50.0 % of the devices learn on board, 25.0 % can be rewritten there"
    ]
    wrong = runner.invoke(app, [str(path), "--endurance", "forever"])
    assert isinstance(wrong.exception, ValueError)
    assert "endurance must be one of rram_worst" in str(wrong.exception)
