# amaranth: UnusedElaboratable=no
"""Proofs of the router: no sequence of inputs makes it lose, double, misroute or reorder a packet,
break a rule of a stream or overflow. Its parts are proved for all time, by induction; the whole in
the first clocks after the reset."""

import pytest

from .prover import prove
from .router_parts import InputHarness, OutputHarness, RouterHarness

pytestmark = pytest.mark.long


def test_input(tmp_path) -> None:
    """Nothing overflows, ever: it holds at first, and by induction from then on."""
    harness = InputHarness()
    assert prove(harness, harness.free, tmp_path, depth=12) == ""
    harness = InputHarness()
    assert prove(harness, harness.free, tmp_path, depth=3, induction=True) == ""


def test_output(tmp_path) -> None:
    harness = OutputHarness()
    assert prove(harness, harness.free, tmp_path, depth=12) == ""
    harness = OutputHarness()
    assert prove(harness, harness.free, tmp_path, depth=6, induction=True) == ""


def test_router(tmp_path) -> None:
    """22 clocks: a packet takes four, and five are in its way at most."""
    harness = RouterHarness()
    assert prove(harness, harness.free, tmp_path, depth=22) == ""
