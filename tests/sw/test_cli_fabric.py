"""`hubel map` and `hubel sim --mesh`: what it prints and writes, and what a user gets wrong."""

import copy
import json
import shutil
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from meshes import layers

from hubel.hdl.program import Program
from hubel.sim import mesh_gateware
from hubel.sim.fabric import run
from hubel.sim.mesh_gateware import MeshTrace
from hubel.sw.cli import main
from hubel.sw.mapping.fabric_file import load_fabric
from hubel.sw.program_file import save_program


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "program.npz"
    save_program(path, layers(64, 128, 10), {"source": "test"})
    return path


def mapped(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict:
    assert main(["map", *map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_table(program: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["map", str(program), "--mesh", "2x2"]) == 0
    out = capsys.readouterr().out
    assert "4 cores" in out and "p0[0:" in out and "busiest link" in out
    assert "activity: assumed, 5% of all neurons in a step; --spikes measures it" in out


def test_file_and_picture(
    program: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, picture = tmp_path / "new" / "fabric.npz", tmp_path / "mesh.svg"
    found = mapped(capsys, program, "--mesh", "2x3", "--seed", 3, "--out", out,
                   "--picture", picture)  # fmt: skip
    fabric, metadata = load_fabric(out)
    assert (fabric.rows, fabric.columns) == (2, 3)
    assert metadata == {"source": "test", "lanes": 8, "seed": 3, "placing": "best"}
    assert run(fabric, np.ones((1, 2, 64))).totals()["spikes"] > 0
    svg = ElementTree.parse(picture).getroot()
    text = " ".join(t for t in svg.itertext() if t.strip())
    assert "0 host" in text and f"{found['placed']['hops']:,.1f} hops a step" in text
    for node in found["nodes"]:
        assert f"{node['clocks']:,.0f} clocks" in text
        assert all(name in text for name in node["populations"])
    busiest = found["placed"]["busiest"]
    assert f"{busiest:,.1f}" in text
    assert {round(link["packets"], 9) for link in found["links"]} >= {round(busiest, 9)}


def test_placements(program: Path, capsys: pytest.CaptureFixture[str]) -> None:
    best = mapped(capsys, program, "--mesh", "3x3")
    drawn = mapped(capsys, program, "--mesh", "3x3", "--place", "random")
    assert best["placed"]["hops"] < drawn["placed"]["hops"]
    assert best["random"]["hops"] == pytest.approx(drawn["random"]["hops"], rel=0.2)
    assert mapped(capsys, program, "--mesh", "3x3") == best
    few = mapped(capsys, program, "--mesh", "3x3", "--parts", "fewest", "--gateway", 4)
    assert len(few["nodes"]) == 1 and few["nodes"][0]["node"] == 4
    assert few["placed"]["hops"] == 0


def test_activity_of_spikes(
    program: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "spikes.npz"
    np.savez(path, spikes=np.zeros((2, 3, 64), dtype=bool))
    found = mapped(capsys, program, "--mesh", "2x2", "--spikes", path)
    assert not found["assumed_activity"]
    # Only the ENDs of steps and the grants are left: one packet each.
    assert all(link["packets"] == round(link["packets"]) for link in found["links"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--mesh", "2"], "a mesh is rows x columns, as in 2x3, not '2'"),
        (["--mesh", "0x3"], "a mesh is rows x columns, as in 2x3, not '0x3'"),
        (["--mesh", "2x2", "--gateway", "4"], "the gateway must be at one of the nodes 0..3"),
        (["--mesh", "2x2", "--lanes", "3"], "lanes must be one of"),
        (["--mesh", "1x1", "--weight-words", "1000"], "needs 1,024 weight words (1,280 with"),
        (["--mesh", "1x1", "--picture", "x.png"], "x.png: the picture of a mesh is an .svg file"),
        (["--mesh", "1x1", "--spikes", "none.npz"], "none.npz: there is no such file"),
    ],
)
def test_bad_use(
    program: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["map", str(program), *arguments]) == 2
    shown = capsys.readouterr()
    assert message in shown.err and len(shown.err.splitlines()) == 1
    assert not Path("x.png").exists()


def test_sizes_of_options(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "program.npz"
    whole: Program = layers(64, 128, 10)
    save_program(path, whole)
    found = mapped(capsys, path, "--mesh", "2x2", "--weight-words", 400, "--neurons", 64,
                   "--list-rows", 512, "--populations", 2)  # fmt: skip
    for node in found["nodes"]:
        usage = node["usage"]
        assert usage["weight_words"] <= 400 and usage["neurons"] <= 64
        assert usage["list_rows"] <= 512 and usage["populations"] <= 2


@pytest.fixture
def small(tmp_path: Path) -> list[str]:
    """Arguments of a simulation of two small cores."""
    save_program(tmp_path / "program.npz", layers(6, 8, 4))
    spikes = np.random.default_rng(0).random((2, 3, 6)) < 0.5
    np.savez(tmp_path / "spikes.npz", spikes=spikes)
    return ["sim", str(tmp_path / "program.npz"), "--inputs", str(tmp_path / "spikes.npz"),
            "--mesh", "1x2", "--lanes", "2"]  # fmt: skip


def test_simulation(
    small: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Equal; and where a core does something else, the first divergence and exit code 1."""
    if shutil.which("iverilog") is None:
        pytest.skip("Icarus Verilog is not installed")
    runs: list[MeshTrace] = []
    real = mesh_gateware.run

    def once(*arguments: Any, **options: Any) -> MeshTrace:
        runs.append(real(*arguments, **options))
        return runs[-1]

    monkeypatch.setattr(mesh_gateware, "run", once)
    assert main([*small, "--backend", "icarus", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["result"] == "equal" and found["cores"] == 2 and found["totals"]["spikes"] > 0
    assert 0 < found["busiest"] < found["cycles"]
    wrong = copy.deepcopy(runs[0])
    trace = wrong.nodes[1]
    assert trace is not None
    trace.spikes[0][1, 2, 0] ^= True
    monkeypatch.setattr(mesh_gateware, "run", lambda *_, **__: wrong)
    assert main([*small, "--backend", "icarus"]) == 1
    assert "node 1: sample 1, step 2, population " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--backend", "virtual"], "a mesh runs in verilator or icarus, not in 'virtual'"),
        (["--waves", "x.vcd"], "a mesh has no waves; leave out --waves, or --mesh"),
    ],
)
def test_simulation_of_what_is_not_there(
    small: list[str], arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*small, *arguments]) == 2
    assert capsys.readouterr().err == f"hubel: {message}\n"
