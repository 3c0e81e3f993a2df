"""The driver and the virtual board: everything as golden has it, or a clear error."""

import os
import re
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hubel.hdl.link_protocol import Command
from hubel.hdl.program import Program
from hubel.sim import golden
from hubel.sim.frames import FrameReader, encode_request
from hubel.sim.virtual import VirtualBoard, build_virtual, run_bytes
from hubel.sw import Board
from hubel.sw.board_run import BoardRun
from hubel.sw.cli import main
from hubel.sw.link_client import LinkError
from hubel.sw.program_file import save_program

from .board_program import board_program, board_spikes
from .faulty_line import FaultyLine

LANES = 4
PROGRAM, OTHER = board_program(1), board_program(2)
SPIKES = board_spikes(3)
DOCS = Path(__file__).parents[2] / "docs" / "protocol.md"


@pytest.fixture(scope="module")
def executable(cache_dir: Path) -> Path:
    return build_virtual(PROGRAM, lanes=LANES, cache_dir=cache_dir)


@pytest.fixture
def virtual(executable: Path):
    with VirtualBoard(executable) as board:
        yield board


def equals_golden(program: Program, spikes: np.ndarray, run: BoardRun) -> None:
    trace = golden.run(program, spikes, lanes=LANES)
    for population, expected in zip(program.populations, trace.spikes, strict=True):
        assert expected.any() and not expected.all()
        np.testing.assert_array_equal(run.spikes[population.name], expected)
    assert run.counters == trace.counters.total()
    if run.states is not None:
        assert trace.membrane is not None and trace.current is not None
        for p, membrane in enumerate(trace.membrane):
            np.testing.assert_array_equal(run.states["v"][p], membrane)
        np.testing.assert_array_equal(run.states["u"][1], trace.current[1])


def test_runs_as_golden_does(virtual: VirtualBoard):
    done: list[tuple[int, int]] = []
    with Board(virtual.port) as board:
        assert board.identity.text.startswith("2x4x3-9-3x3x2-10, 4 lanes")
        assert board.program(PROGRAM) is False
        equals_golden(PROGRAM, SPIKES, board.run(SPIKES, states=True))
        equals_golden(PROGRAM, SPIKES, board.run(SPIKES, on_progress=lambda *n: done.append(n)))
        assert done[-1] == (8, 8)
        [state, before] = [board.read_state(), board.counters()]
        trace = golden.run(PROGRAM, SPIKES, lanes=LANES)
        assert trace.membrane is not None
        np.testing.assert_array_equal(state["v"][0], trace.membrane[0][-1, -1])
        assert before["updates"] == 2 * trace.counters.total()["updates"]
        assert board.status() == {"bad": 0, "stale": 0, "lost": 0}
        assert board.link.resent == 0


def test_takes_another_program_of_the_same_sizes(virtual: VirtualBoard):
    done: list[tuple[int, int]] = []
    with Board(virtual.port) as board:
        assert board.program(OTHER, on_progress=lambda *n: done.append(n)) is True
        assert done[-1][0] == done[-1][1] > 300
        equals_golden(OTHER, SPIKES, board.run(SPIKES, states=True))
    # It stays when the host leaves.
    with Board(virtual.port) as board:
        assert board.program(OTHER) is False
        equals_golden(OTHER, SPIKES, board.run(SPIKES))
        assert board.program(PROGRAM) is True
        equals_golden(PROGRAM, SPIKES, board.run(SPIKES))


def test_refuses_a_program_for_another_bitstream(virtual: VirtualBoard):
    larger = replace(PROGRAM, state_width=24)
    fewer = replace(PROGRAM, outputs=("out",))
    with Board(virtual.port) as board:
        with pytest.raises(ValueError) as refused:
            board.program(larger)
        here = "2x4x3-9-3x3x2-10, 4 lanes, 8 bit weights, "
        assert str(refused.value).startswith(
            f"{virtual.port}: the board has a core of {here}16 bit states ("
        )
        assert f"the Program needs {here}24 bit states (" in str(refused.value)
        with pytest.raises(ValueError, match="with other projections, outputs or neuron models"):
            board.program(fewer)
        with pytest.raises(ValueError, match=r"call board\.program\(program\) first"):
            board.run(SPIKES)
        with pytest.raises(ValueError, match=r"call board\.program\(program\) first"):
            board.read_state()
        board.program(PROGRAM)
        with pytest.raises(ValueError, match="spikes have 5 inputs, the Program has 33"):
            board.run(SPIKES[:, :, :5])


def test_a_host_that_leaves_in_the_middle_leaves_nothing_behind(virtual: VirtualBoard):
    """Half a step waits in the core, and half a Program in its memories."""
    with Board(virtual.port) as board:
        board.program(PROGRAM)
        # START and spikes of one input, and no END.
        board.link.request(Command.EVENTS, bytes([2, 0, 0, 0]))
    with Board(virtual.port) as board:
        board.program(PROGRAM)
        equals_golden(PROGRAM, SPIKES, board.run(SPIKES))

    class Gone(Exception):
        pass

    def leave(done: int, total: int) -> None:
        if done > total // 2:
            raise Gone

    board = Board(virtual.port)
    with pytest.raises(Gone):
        board.program(OTHER, on_progress=leave)
    board.close()
    for program in (PROGRAM, OTHER):
        with Board(virtual.port) as board:
            assert board.program(program) is True
            equals_golden(program, SPIKES, board.run(SPIKES))


def test_a_board_that_starts_anew_in_the_middle_is_programmed_anew(executable, tmp_path):
    port = tmp_path / "port"
    first = VirtualBoard(executable, link=port)
    boards = [first]
    seen: list[int] = []

    def restart(done: int, total: int) -> None:
        seen.append(done)
        if len(boards) == 1 and done > total // 2:
            os.kill(first.process.pid, signal.SIGKILL)
            first.process.wait()
            boards.append(VirtualBoard(executable, link=port))

    with Board(port, timeout=0.3) as board:
        assert board.program(OTHER, on_progress=restart) is True
        assert len(boards) == 2 and seen[-1] == max(seen) and seen != sorted(seen)
        equals_golden(OTHER, SPIKES, board.run(SPIKES))
        # And in the middle of a run; the next board comes with PROGRAM, and is given OTHER.
        boards[-1].close()
        boards.append(VirtualBoard(executable, link=port))
        equals_golden(OTHER, SPIKES, board.run(SPIKES, states=True))
    for each in boards:
        each.close()
    assert not port.exists()


def test_a_board_that_does_not_come_back_is_an_error(virtual: VirtualBoard):
    board = Board(virtual.port, timeout=0.1, reconnect_s=0.5)
    board.program(PROGRAM)
    virtual.close()
    with pytest.raises(LinkError, match=f"^{virtual.port}: "):
        board.run(SPIKES)
    board.close()


@pytest.mark.parametrize("seed", [1, 2])
def test_a_line_that_spoils_bytes(virtual: VirtualBoard, seed: int):
    """At 1e-3 for each of four kinds of faults: everything as without them, or a clear error."""
    with FaultyLine(virtual.port, rate=1e-3, seed=seed) as line:
        with Board(line.port, timeout=0.3) as board:
            board.program(OTHER, force=True)
            equals_golden(OTHER, SPIKES, board.run(SPIKES, states=True))
            equals_golden(OTHER, SPIKES, board.run(SPIKES))
            assert board.link.resent >= 3
        assert sum(line.faults.values()) >= 5
        print(f"seed {seed}: {dict(line.faults)}, {board.link.resent} requests sent again")


def test_the_client_of_the_protocol(virtual: VirtualBoard, capsys):
    [code] = re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.S)
    assert "/dev/ttyUSB1" in code
    scope: dict = {}
    exec(code.replace("/dev/ttyUSB1", virtual.port), scope)
    scope["port"].close()
    assert "hubel" in capsys.readouterr().out


def test_garbage_before_a_request(executable: Path):
    rng = np.random.default_rng(5)
    garbage = rng.integers(0, 256, 20_000).astype(np.uint8).tobytes()
    last = encode_request(Command.IDENTIFY, 7, b"last")
    out, speed = run_bytes(executable, garbage + last)
    frames = FrameReader().feed(out)
    assert frames[-1][:2] == (0x80, 7) and frames[-1][2].startswith(b"lasthubel")
    assert speed.clocks > 20_000 * 40


def test_command_line(virtual: VirtualBoard, executable, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HUBEL_CACHE", str(executable.parent))
    save_program("p.npz", PROGRAM)
    np.savez("s.npz", spikes=SPIKES)
    run = ["run", "p.npz", "--inputs", "s.npz", "--lanes", str(LANES)]
    assert main([*run, "--out", "golden.npz"]) == 0
    assert main([*run, "--out", "port.npz", "--backend", virtual.port, "--states"]) == 0
    assert main([*run, "--out", "virtual.npz", "--backend", "virtual"]) == 0
    assert main([*run, "--out", "plain.npz", "--backend", virtual.port]) == 0
    for name in ("port.npz", "virtual.npz", "plain.npz"):
        capsys.readouterr()
        assert main(["diff", "golden.npz", name]) == 0
        assert capsys.readouterr().out == "equal\n"
    assert "membrane.out" in np.load("port.npz") and "membrane.out" not in np.load("plain.npz")
    assert main([*run, "--backend", "/dev/nothing"]) == 2
    assert capsys.readouterr().err == (
        "hubel: /dev/nothing: cannot be opened (No such file or directory); is the board plugged "
        "in? `python -m serial.tools.list_ports` shows what is there\n"
    )
    assert main([*run, "--backend", "virtual", "--waves", "w.fst"]) == 2
    assert main(["sim", "p.npz", "--inputs", "s.npz", "--lanes", "4", "--backend", "virtual"]) == 0
    assert ": equal" in capsys.readouterr().out


def test_hubel_virtual(tmp_path, monkeypatch, capsys, executable: Path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HUBEL_CACHE", str(executable.parent))
    save_program("p.npz", PROGRAM)
    found: list[str] = []

    def talk() -> None:
        while not Path("port").exists():
            time.sleep(0.05)
        with Board("port") as board:
            found.append(board.identity.text)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=talk)
    thread.start()
    assert main(["virtual", "p.npz", "--lanes", "4", "--link", "port"]) == 0
    thread.join()
    assert found[0].startswith("2x4x3-9") and capsys.readouterr().out == "port\n"
