"""The figures of the fabric: what is measured, and what must be reached."""

import pytest

from hubel.hdl.router import HOP_CLOCKS
from hubel.hdl.router_port import Port
from hubel.sw import fabric_chart
from hubel.sw.bench_fabric import ROWS, bench_fabric, hop_clocks, router_row
from hubel.sw.mesh_load import LoadCurve, load_curves
from hubel.sw.svg import picture


@pytest.mark.parametrize("port", Port)
def test_a_hop(port: Port) -> None:
    assert hop_clocks(port) == HOP_CLOCKS


def test_only_figures_that_there_are(tmp_path) -> None:
    with pytest.raises(
        ValueError,
        match="no figure of the fabric is called 'size': router, latency, mesh",
    ):
        bench_fabric(names=["size"], out_dir=tmp_path / "out")
    assert not (tmp_path / "out").exists()
    [row] = bench_fabric(names=["latency"], out_dir=tmp_path / "out")
    assert row.to_json()["data"]["clocks"] == {p.name.lower(): HOP_CLOCKS for p in Port}
    assert list(ROWS)[:3] == ["router", "latency", "mesh"]


def test_picture() -> None:
    """Both kinds of traffic, at both widths."""
    curves = [
        LoadCurve(
            traffic=name, offered=(0.1, 0.5, 1.0), arrived=(0.1, 0.5, 0.6),
            latency=(14.0, 20.0, 900.0), saturation=0.5, most=0.6, bound=0.9,
        )
        for name in ("to one node", "to four nodes")
    ]  # fmt: skip
    text = picture(lambda width: fabric_chart.mesh_load(curves, width), name="mesh")
    assert "to one node" in text and "to four nodes" in text
    assert fabric_chart.mesh_load(curves, 350) is not None


@pytest.mark.long
def test_router_meets_what_is_wanted(tmp_path) -> None:
    """At least 120 MHz and at most 1,200 LUT4 on an ECP5-85F of speed grade 6, place and route."""
    row = router_row(print, tmp_path)
    print(row.figures)
    assert row.data["fmax_mhz"] >= 120
    assert row.data["lut4_total"] <= 1200
    assert row.data["logic"] <= 1200
    assert row.data["block_ram"] == 5


@pytest.mark.long
def test_a_small_mesh_carries_its_load(cache_dir, monkeypatch) -> None:
    """2 x 2 nodes: nothing is lost below saturation, and nothing exceeds the bound."""
    monkeypatch.setenv("HUBEL_CACHE", str(cache_dir))
    one, four = load_curves(2, 2, loads=[0.2, 0.6, 1.0], clocks=4000)
    assert one.bound == 1.0
    for curve in (one, four):
        print(curve)
        assert curve.saturation >= 0.59
        assert all(
            a <= min(o, curve.bound) + 0.01
            for o, a in zip(curve.offered, curve.arrived, strict=True)
        )
        assert list(curve.latency) == sorted(curve.latency)
