"""Coefficients from a user's meter: synthetic boards, and the public rows of the iCE40UP5K."""

import json
import re

import numpy as np
import pytest

from hubel.sw.calibrate import COLUMNS, calibrate, fit, load_table
from hubel.sw.cli import main
from hubel.sw.energy import coefficients, estimate
from hubel.sw.figure import CORE_RAIL, USB_BOARD, total

MEASURED = coefficients()["iCE40UP5K"]["measured"]


def up5k_rows():
    watts = MEASURED["volts"] * 1e-6
    rows = [{"clock_mhz": 0.0, "watts": MEASURED["blank"] * watts}]
    for cells, current in MEASURED["external_12_mhz_by_logic_cells"].items():
        rows.append({"clock_mhz": 12.0, "logic_cells": float(cells), "watts": current * watts})
    for mhz, current in MEASURED["oscillator_28_logic_cells_by_mhz"].items():
        rows.append({"clock_mhz": float(mhz), "logic_cells": 28.0, "oscillator": 1.0,
                     "watts": current * watts})  # fmt: skip
    return rows


def write(path, rows):
    columns = list(dict.fromkeys(key for row in rows for key in row))
    lines = [",".join(str(row.get(c, "")) for c in columns) for row in rows]
    path.write_text("\n".join([",".join(columns), *lines]) + "\n")
    return path


def test_all_public_rows_at_once():
    """One model for external clock and oscillator: the terms of the table, within its error."""
    found = fit(up5k_rows())
    joules = dict(zip(found.terms, found.joules, strict=True))
    shipped = {n: t["joules"] for n, t in coefficients()["iCE40UP5K"]["terms"].items()}
    assert joules["clock"] == pytest.approx(shipped["clock"], rel=0.02)
    assert joules["static"] == pytest.approx(shipped["static"], rel=0.05)
    assert joules["logic cells"] == pytest.approx(shipped["logic cells"], rel=0.25)
    assert np.abs(found.errors).max() < 0.02
    assert np.abs(found.loo_errors).max() < 0.16  # the blank row alone tells the static power
    assert np.abs(found.loo_errors).max() > np.abs(found.errors).max()


def test_a_board_whose_coefficients_are_known(tmp_path):
    true = {"static": 0.2, "clock": 8e-11, "logic cells": 2e-14, "RAM accesses": 1.2e-11}
    rng, rows = np.random.default_rng(3), []
    for _ in range(40):
        mhz, cells, ram = rng.uniform(10, 100), rng.uniform(0, 5000), rng.uniform(0, 30)
        cycle = true["clock"] + true["logic cells"] * cells + true["RAM accesses"] * ram
        watts = (true["static"] + mhz * 1e6 * cycle) * (1 + 0.002 * rng.standard_normal())
        rows.append({"clock_mhz": mhz, "logic_cells": cells, "ram_per_cycle": ram, "watts": watts})
    out = tmp_path / "table.json"
    found = calibrate(write(tmp_path / "rows.csv", rows), out, device="mine", boundary=USB_BOARD)
    for name, value, half in zip(found.terms, found.joules, found.half_widths, strict=True):
        # 3 sigma of a 95 % interval, for four terms of one seed.
        assert abs(value - true[name]) < 1.5 * half
        assert half < 0.1 * true[name] or name == "clock"
    assert 0.002 < np.abs(found.loo_errors).max() < 0.01
    table = load_table(out)
    parts = estimate("mine", 1_000_000, 50e6, 100, ram_accesses=5, table=table)
    assert total(parts, "sum").value == pytest.approx(0.02 * 0.2 + 1e6 * (8e-11 + 2e-12), rel=0.01)
    assert {part.kind for part in parts} == {"estimated"}
    assert {part.boundary for part in parts} == {USB_BOARD}
    assert "calibrated from rows.csv, 40 rows; fit error" in parts[0].source
    rail = estimate("iCE40UP5K", 1, 12e6)
    with pytest.raises(ValueError, match="'FPGA core rail' is inside 'board at USB 5 V'"):
        total([*parts, *rail], "both")


def test_rows_from_logs(tmp_path):
    rows = []
    for index, (mhz, cells) in enumerate([(10, 0), (20, 0), (40, 1000), (10, 1000), (20, 500)]):
        watts = 0.1 + mhz * 1e6 * (5e-11 + 2e-13 * cells)
        lines = [f"{t / 100},{watts if 20 <= t < 80 else 0.1},{int(20 <= t < 80)}"
                 for t in range(100)]  # fmt: skip
        (tmp_path / f"{index}.csv").write_text("\n".join(["time_s,power_w,busy", *lines]))
        rows.append({"clock_mhz": mhz, "logic_cells": cells, "log": f"{index}.csv"})
    found = calibrate(
        write(tmp_path / "rows.csv", rows), tmp_path / "t.json", device="d", boundary=CORE_RAIL
    )
    # Half a sample at each edge of a window is between idle and busy.
    assert found.joules == pytest.approx([0.1, 5e-11, 2e-13], rel=0.02)


@pytest.mark.parametrize(
    "rows, message",
    [
        ([{"clock_mhz": 1, "watts": 1}] * 2, "2 rows for 2 terms (static, clock); more rows are"
         " needed"),
        ([{"clock_mhz": 5, "watts": 1}] * 3, "'clock' cannot be told from static: vary it alone"),
        ([{"clock_mhz": x, "watts": x - 1} for x in (1, 2, 3)], "row 1: watts must be above 0"),
    ],
)  # fmt: skip
def test_cannot_be_fitted(rows, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        fit(rows)


def test_refuses(tmp_path):
    path = tmp_path / "rows.csv"
    for text, message in (
        ("watts\n1\n", "needs the columns clock_mhz, and watts or log"),
        ("clock_mhz,watts,lut\n1,1,1\n", f"column 'lut' is not known; {', '.join(COLUMNS)}"),
        ("clock_mhz,watts\n1,x\n", "row 1: could not convert string to float: 'x'"),
        ("clock_mhz,watts\n-1,1\n", "row 1: a value is below 0 or not finite"),
    ):
        path.write_text(text)
        with pytest.raises(ValueError, match=re.escape(message)):
            calibrate(path, tmp_path / "out.json", device="d", boundary=CORE_RAIL)
    with pytest.raises(ValueError, match="boundary must be 'FPGA core rail' or 'board at USB 5 V'"):
        calibrate(path, tmp_path / "out.json", device="d", boundary="chip")
    assert not (tmp_path / "out.json").exists()
    path.write_text('{"version": 1}')
    with pytest.raises(ValueError, match="not a table of coefficients: version 1, not 2"):
        load_table(path)


def test_commands(tmp_path, capsys):
    rows, out = write(tmp_path / "rows.csv", up5k_rows()), tmp_path / "table.json"
    options = ["energy", "calibrate", str(rows), "--device", "mine", "--out", str(out)]
    assert main([*options, "--boundary", "rail"]) == 0
    assert "largest error of a row that the fit did not see" in capsys.readouterr().out
    run = ["energy", "estimate", "--clock-mhz", "12", "--cycles", "12000000", "--logic-cells", "28"]
    assert main([*run, "--device", "mine", "--table", str(out), "--json"]) == 0
    mine = json.loads(capsys.readouterr().out)["joules"]
    assert main([*run, "--json"]) == 0
    shipped = json.loads(capsys.readouterr().out)["joules"]
    assert mine == pytest.approx(shipped, rel=0.02)
    assert main([*run, "--device", "other"]) == 2
    assert main([*run[:4]]) == 2
    assert "give --cycles, or --activity" in capsys.readouterr().err
    log = tmp_path / "log.csv"
    lines = [f"{t / 100},{0.3 if 20 <= t < 80 else 0.1},{int(20 <= t < 80)}" for t in range(100)]
    log.write_text("\n".join(["time_s,power_w,busy", *lines]))
    measure = ["energy", "log", str(log), "--boundary", "board", "--operations", "1000000"]
    assert main([*measure, "--json"]) == 0
    values = [f["value"] for f in json.loads(capsys.readouterr().out)]
    assert values == pytest.approx([0.18, 0.12, 0.18e-6, 0.12e-6], rel=0.02)
    assert main(measure) == 0
    assert "board at USB 5 V" in " ".join(capsys.readouterr().out.split())
