"""The simulator runner and the stream helpers, on a buffer small enough to break at will."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from amaranth import Module, Signal
from amaranth.back import verilog
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hubel.sim.simulator import BenchFailed, BuildFailed, ToolMissing, build, find_simulator, lint
from hubel.sim.simulator import run as run_bench

BENCH = "sim.cocotb_fifo"
SMOOTH = {"gap": 0.0, "stall": 0.0, "seed": 1, "count": 200}
ROUGH = {"gap": 0.4, "stall": 0.6, "seed": 2, "count": 200}


class Skid(wiring.Component):
    """Stream buffer of one or two payloads; ``fault`` makes it break a rule."""

    i: stream.Interface
    o: stream.Interface

    def __init__(self, fault: str = ""):
        self.fault = fault
        super().__init__({"i": In(stream.Signature(8)), "o": Out(stream.Signature(8))})

    def elaborate(self, platform):
        m = Module()
        spare = Signal(8)
        full = Signal()
        m.d.comb += self.i.ready.eq(~full)
        free = ~self.o.valid | self.o.ready
        with m.If(free):
            m.d.sync += [
                self.o.valid.eq(full | self.i.valid),
                self.o.payload.eq(full.replicate(8) & spare | ~full.replicate(8) & self.i.payload),
                full.eq(0),
            ]
        with m.Elif(self.i.valid & ~full):
            m.d.sync += [full.eq(1), spare.eq(self.i.payload)]
            if self.fault == "changes the payload":
                m.d.sync += self.o.payload.eq(self.i.payload)
        if self.fault == "drops valid":
            with m.If(self.o.valid & ~self.o.ready & full):
                m.d.sync += self.o.valid.eq(0)
        return m


def skid(fault: str = "") -> str:
    return verilog.convert(Skid(fault), name="skid", emit_src=False)


@pytest.fixture
def icarus():
    try:
        return find_simulator("icarus")
    except ToolMissing as missing:
        pytest.skip(str(missing))


@pytest.mark.parametrize("parameters", [SMOOTH, ROUGH], ids=["smooth", "rough"])
def test_bench_passes_and_returns_its_result(simulator, cache_dir, parameters):
    built = build(skid(), "skid", simulator, cache_dir=cache_dir)
    first, again, other = (
        run_bench(built, BENCH, parameters=parameters, testcase="passes_all_through", seed=seed)
        for seed in (7, 7, 8)
    )
    assert len(first) == 200
    assert first == again
    assert first != other


def test_verilator_draws_what_has_no_initial_value_from_the_seed(cache_dir):
    text = "module noise(output reg [31:0] o, input clk); always @(posedge clk) o <= o; endmodule"
    built = build(text, "noise", find_simulator("verilator"), cache_dir=cache_dir)
    first, again, other = (run_bench(built, BENCH, testcase="peeks", seed=s) for s in (7, 7, 8))
    assert first == again
    assert first != other


def test_failing_bench_gives_its_own_text(simulator, cache_dir):
    built = build(skid(), "skid", simulator, cache_dir=cache_dir)
    with pytest.raises(BenchFailed) as failed:
        run_bench(built, BENCH, testcase="diverges")
    text, log = str(failed.value).splitlines()
    assert text == "step 3, population hidden, neuron 5: expected 1, got 0"
    assert log.startswith("(log: ") and Path(log[6:-1]).stat().st_size > 0
    shutil.rmtree(Path(log[6:-1]).parent)


@pytest.mark.parametrize(
    "fault, text",
    [
        ("drops valid", "stream o: valid fell before the transfer"),
        ("changes the payload", "stream o: payload changed before the transfer, from "),
    ],
)
def test_sink_watches_the_rules(simulator, tmp_path, cache_dir, fault, text):
    built = build(skid(fault), "skid", simulator, cache_dir=cache_dir)
    with pytest.raises(BenchFailed, match=text):
        run_bench(built, BENCH, parameters=ROUGH, testcase="passes_all_through", timeout_s=60)


def test_unknown_ready_fails(icarus, cache_dir):
    text, changes = re.subn("assign i__ready = .*;", "assign i__ready = 1'hx;", skid())
    assert changes == 1
    built = build(text, "skid", icarus, cache_dir=cache_dir)
    with pytest.raises(BenchFailed, match=r"^i__ready is X\n"):
        run_bench(built, BENCH, parameters=SMOOTH, testcase="passes_all_through", timeout_s=60)


@pytest.mark.parametrize(
    "bench, testcase, text",
    [
        (BENCH, "absent", "^no test ran\n"),
        ("sim.cocotb_absent", None, "No module named 'sim.cocotb_absent'"),
    ],
)
def test_a_run_without_a_test_fails(icarus, cache_dir, bench, testcase, text):
    built = build(skid(), "skid", icarus, cache_dir=cache_dir)
    with pytest.raises(BenchFailed, match=text):
        run_bench(built, bench, testcase=testcase)


def test_time_limit_ends_the_simulator(simulator, cache_dir, tmp_path):
    built = build(skid(), "skid", simulator, cache_dir=cache_dir)
    pid_file = tmp_path / "pid"
    with pytest.raises(BenchFailed, match=rf"{BENCH} did not end in 3 s"):
        run_bench(
            built,
            BENCH,
            parameters={"pid_file": str(pid_file)},
            testcase="never_ends",
            timeout_s=3,
        )
    assert not alive(int(pid_file.read_text()))


@pytest.mark.parametrize("waves", ["fst", "vcd"])
def test_waves_on_request(simulator, cache_dir, tmp_path, waves):
    target = tmp_path / "new" / f"skid.{waves}"
    try:
        built = build(skid(), "skid", simulator, waves=waves, cache_dir=cache_dir)
    except ToolMissing as missing:
        assert (simulator.name, waves) == ("verilator", "fst")
        pytest.skip(str(missing))
    run_bench(built, BENCH, parameters=SMOOTH, testcase="passes_all_through", waves=target)
    content = target.read_bytes()
    assert b"o__payload" in content if waves == "vcd" else content[0] == 0
    other = target.with_suffix(".lxt")
    with pytest.raises(ValueError, match="needs a build with waves='lxt'"):
        run_bench(built, BENCH, waves=other)


def test_second_build_runs_nothing(simulator, cache_dir, monkeypatch):
    first = build(skid(), "skid", simulator, cache_dir=cache_dir)

    def refuse(*arguments):
        raise AssertionError("built again")

    monkeypatch.setattr("hubel.sim.simulator.run_cocotb", refuse)
    monkeypatch.setenv("HUBEL_CACHE", str(cache_dir))
    assert build(skid(), "skid", simulator) == first
    with pytest.raises(AssertionError, match="built again"):
        build(skid() + "// another text\n", "skid", simulator)


def test_refused_verilog_names_the_first_error(simulator, tmp_path):
    with pytest.raises(BuildFailed, match=r"skid\.v:1:.*error") as failed:
        build("module skid(input a) oops\nendmodule\n", "skid", simulator, cache_dir=tmp_path)
    log = Path(str(failed.value).splitlines()[1][len("(log: ") : -1])
    assert "skid.v:1:" in log.read_text()
    assert list(tmp_path.iterdir()) == [log]


def test_make_refuses_a_folder_with_a_space(tmp_path):
    with pytest.raises(BuildFailed, match="Make cannot build in directories containing spaces"):
        build(skid(), "skid", find_simulator("verilator"), cache_dir=tmp_path / "my work")


IMPORT = "from hubel.sim.simulator import build, find_simulator, run"
BUILD = "built = build(open(argv[1]).read(), 'skid', find_simulator(argv[2]), cache_dir=argv[3])"
RUN = "; run(built, argv[4], testcase='never_ends', parameters={'pid_file': argv[5]})"


def script(body: str, *arguments: object) -> subprocess.Popen:
    """A Python process that runs ``body``, with the tests on its path."""
    text = f"import sys; from sys import argv; sys.path = {sys.path!r}; {IMPORT}; {body}"
    return subprocess.Popen(
        [sys.executable, "-c", text, *map(str, arguments)],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_two_builders_at_once(icarus, tmp_path):
    source, cache = tmp_path / "skid.v", tmp_path / "cache"
    source.write_text(skid())
    builders = [script(BUILD, source, "icarus", cache) for _ in range(3)]
    assert [b.communicate()[1] for b in builders] == ["", "", ""]
    assert [p.suffix for p in cache.iterdir()] == [""]


def alive(pid: int) -> bool:
    """Whether process ``pid`` runs; one that ended and waits to be collected does not."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


def processes_in(folder: Path) -> list[str]:
    """Processes that work in ``folder`` or below."""
    found = []
    for link in Path("/proc").glob("[0-9]*/cwd"):
        try:
            found += [str(link)] if Path(os.readlink(link)).is_relative_to(folder) else []
        except OSError:
            pass
    return found


def wait_for(condition) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks processes up in /proc")
def test_interrupted_build_leaves_nothing(tmp_path):
    source, cache = tmp_path / "skid.v", tmp_path / "cache"
    source.write_text(skid())
    builder = script(BUILD, source, "verilator", cache)
    wait_for(lambda: any(cache.glob("*/*/Vtop.mk")))
    builder.send_signal(signal.SIGINT)
    assert "KeyboardInterrupt" in builder.communicate()[1]
    assert list(cache.iterdir()) == []
    assert processes_in(tmp_path) == []


def test_killed_build_is_not_trusted(icarus, tmp_path, monkeypatch):
    def killed(simulator, action, arguments, log, environment):
        (Path(arguments["build_dir"]) / "sim.vvp").write_text("half")
        (tmp_path / "kept").mkdir()
        shutil.copytree(log.parent.parent, tmp_path / "kept" / log.parent.parent.name)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("hubel.sim.simulator.run_cocotb", killed)
        with pytest.raises(KeyboardInterrupt):
            build(skid(), "skid", icarus, cache_dir=tmp_path / "cache")
    shutil.copytree(tmp_path / "kept", tmp_path / "cache", dirs_exist_ok=True)
    built = build(skid(), "skid", icarus, cache_dir=tmp_path / "cache")
    assert run_bench(built, BENCH, parameters=SMOOTH, testcase="passes_all_through")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks processes up in /proc")
def test_interrupted_run_leaves_nothing(icarus, tmp_path):
    source, cache, pid_file = tmp_path / "skid.v", tmp_path / "cache", tmp_path / "pid"
    source.write_text(skid())
    runner = script(BUILD + RUN, source, "icarus", cache, BENCH, pid_file)
    wait_for(lambda: pid_file.exists() and pid_file.read_text())
    runner.send_signal(signal.SIGINT)
    assert "KeyboardInterrupt" in runner.communicate()[1]
    assert not alive(int(pid_file.read_text()))
    assert list((cache / "runs").iterdir()) == []
    assert processes_in(tmp_path) == []


def test_lint_is_clean_on_a_clean_design():
    assert lint(skid(), "skid") == []


@pytest.mark.parametrize(
    "fault, warning",
    [
        ("reg a; always @* if (i__valid) a = 1;", "%Warning-LATCH"),
        ("always @(negedge clk) full <= 0;", "%Warning-MULTIDRIVEN"),
        ("wire undriven; wire b = undriven;", "%Warning-UNDRIVEN"),
        ("oops", "%Error: skid.v"),
    ],
)
def test_lint_reports_a_fault(fault, warning):
    report = lint(skid().replace("endmodule", f"{fault}\nendmodule"), "skid")
    assert any(line.startswith(warning) for line in report), report
