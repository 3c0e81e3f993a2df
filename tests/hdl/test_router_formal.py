# amaranth: UnusedElaboratable=no
"""Proofs of the router, for all time: it holds in the first clocks after the reset, and by
induction after any clocks in which it holds. No sequence of inputs makes the router lose, double,
misroute or reorder a packet, break a rule of a stream, or overflow; and no input of an output is
overtaken twice."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import hubel.hdl.router
import hubel.hdl.router_input
import hubel.hdl.router_output
from hubel.hdl.router_port import TURNS, Port

from . import router_parts
from .prover import prove
from .router_parts import OpenMemory, OutputHarness, RouterHarness

pytestmark = pytest.mark.long

#: Clocks of the proof from the reset on; a packet takes four.
FIRST = 8


@pytest.fixture(autouse=True)
def opened_memories(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows of the inputs' memories can be seen."""
    memory = SimpleNamespace(Memory=OpenMemory)
    monkeypatch.setattr("hubel.hdl.router_input.memory", memory)


def failure(make: Callable[[], Any], folder: Path, *, steps: int = 2) -> str:
    """What does not hold of a harness, at first or by induction."""
    first = make()
    found = prove(first, first.free, folder, depth=FIRST)
    if found:
        return found
    step = make()
    return prove(step, step.free, folder, depth=steps, induction=True)


@pytest.mark.parametrize("output", Port, ids=[port.name for port in Port])
@pytest.mark.parametrize("port", Port, ids=[port.name for port in Port])
def test_router(port: Port, output: Port, tmp_path: Path) -> None:
    """Each input and output; where there is no turn, nothing may come out."""
    assert failure(lambda: RouterHarness(port, output), tmp_path) == ""


@pytest.mark.parametrize("inputs", [2, 3, 4, 5])
def test_output(inputs: int, tmp_path: Path) -> None:
    assert failure(lambda: OutputHarness(inputs=inputs), tmp_path, steps=6) == ""


def wrong(module: ModuleType, right: str, mutant: str) -> dict[str, Any]:
    """What ``module`` defines, with ``mutant`` in the place of the code ``right``."""
    source = Path(str(module.__file__)).read_text()
    assert source.count(right) == 1, right
    found: dict[str, Any] = {"__name__": module.__name__, "__package__": module.__package__}
    exec(compile(source.replace(right, mutant), "wrong.py", "exec"), found)
    if "memory" in found:
        found["memory"] = SimpleNamespace(Memory=OpenMemory)
    return found


INPUT_MUTANTS = [
    (" & ~(self.owed & ~self.taken).any()", ""),
    ("self.owed & ~self.taken)),", "self.owed)),"),
    ("(filled != emptied) & ", ""),
    ("(reserved_next != (emptied ^ params.depth)) & ~self.pause", "~self.pause"),
    ("reserved_next != (emptied", "reserved != (emptied"),
    (" & ~self.pause", ""),
    ("filled.eq(reserved)", "filled.eq(reserved_next)"),
    ("store.en.eq(looked_up)", "store.en.eq(looked_up & (waiting.payload != 5))"),
    ("write.data.eq(Cat(self.row.mask[port]", "write.data.eq(Cat(self.row.mask[port - 1]"),
    ("lookup.addr.eq(i.payload.key)", "lookup.addr.eq(waiting.key)"),
]

OUTPUT_MUTANTS = [
    ("free.eq(~o.valid | o.ready)", "free.eq(1)"),
    ("free & wanted & (choice == n)", "wanted & (choice == n)"),
    ("free & wanted & (choice == n)", "free & wanted"),
    ("o.payload.eq(self.packets[choice])", "o.payload.eq(self.packets[choice ^ 1])"),
]


@pytest.mark.parametrize("mutant", INPUT_MUTANTS, ids=range(len(INPUT_MUTANTS)))
def test_the_proof_finds_a_wrong_input(
    mutant: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A packet that is fetched too early, a buffer that overflows, a mask that is stale ..."""
    found = wrong(hubel.hdl.router_input, *mutant)
    monkeypatch.setattr(hubel.hdl.router, "RouterInput", found["RouterInput"])
    pair = Port.WEST, Port.NORTH
    assert failure(lambda: RouterHarness(*pair), tmp_path) != ""


@pytest.mark.parametrize("mutant", OUTPUT_MUTANTS, ids=range(len(OUTPUT_MUTANTS)))
def test_the_proof_finds_a_wrong_output(
    mutant: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = wrong(hubel.hdl.router_output, *mutant)
    monkeypatch.setattr(hubel.hdl.router, "RouterOutput", found["RouterOutput"])
    pair = Port.WEST, Port.NORTH
    assert failure(lambda: RouterHarness(*pair), tmp_path) != ""


def test_the_proof_finds_an_unfair_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that always begins with the first input."""
    found = wrong(hubel.hdl.router_output, "last.eq(choice)", "last.eq(0)")
    monkeypatch.setattr(router_parts, "RouterOutput", found["RouterOutput"])
    assert failure(OutputHarness, tmp_path) != ""


def test_the_proof_finds_a_turn_that_there_must_not_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a column back into a row, in the gateware alone."""
    turns = dict(TURNS) | {Port.NORTH: (Port.EAST, Port.SOUTH, Port.LOCAL)}
    monkeypatch.setattr("hubel.hdl.router_port.TURNS", turns)
    pair = Port.NORTH, Port.EAST
    found = failure(lambda: RouterHarness(*pair), tmp_path)
    assert "none_comes_from_nowhere" in found or "none_is_lost" in found
