"""Wires with a resistance: against Kirchhoff's equations written out, published numbers, symmetry.

The reference numbers are those of badcrossbar's README, and of badcrossbar and CrossSim on
uniform tiles, rounded there to four digits.
"""

import numpy as np
import pytest
import scipy.sparse as sparse
import scipy.sparse.linalg
from hypothesis import given, settings
from hypothesis import strategies as st

from hubel.sim.memristor.ir_drop import (
    column_currents,
    device_voltages,
    effective_conductances,
)

RESISTANCES = np.array(
    [[345, 903, 755, 257, 646], [652, 401, 508, 166, 454], [442, 874, 190, 244, 635]]
)
G = 1e6 / RESISTANCES


def nodal(g: np.ndarray, voltages: np.ndarray, word: float, bit: float) -> np.ndarray:
    """Column currents in uA by one sparse solve of all nodes; wires above 0 ohm only."""
    rows, columns = g.shape
    nodes = np.arange(2 * rows * columns).reshape(2, rows, columns)
    matrix = np.zeros((nodes.size, nodes.size))
    source = np.zeros(nodes.size)

    def branch(a: int, b: int | None, conductance: float) -> None:
        matrix[a, a] += conductance
        if b is not None:
            matrix[b, b] += conductance
            matrix[a, b] -= conductance
            matrix[b, a] -= conductance

    for i in range(rows):
        for j in range(columns):
            w, b = nodes[:, i, j]
            branch(w, b, g[i, j])
            if j:
                branch(w, nodes[0, i, j - 1], 1e6 / word)
            else:
                branch(w, None, 1e6 / word)
                source[w] += voltages[i] * 1e6 / word
            branch(b, nodes[1, i + 1, j] if i + 1 < rows else None, 1e6 / bit)
    solved = np.asarray(scipy.sparse.linalg.spsolve(sparse.csc_array(matrix), source))
    return solved[nodes[1, -1]] * 1e6 / bit


def test_readme_example_of_badcrossbar() -> None:
    currents = column_currents(G, [1.5, 2.3, 1.7], 0.5)
    # The reference prints eight decimals of an ampere.
    expected = [0.01158503, 0.00919064, 0.01511568, 0.02583321, 0.00981179]
    np.testing.assert_allclose(currents * 1e-6, expected, rtol=0, atol=0.5e-8)


def test_device_current_of_badcrossbar() -> None:
    across = device_voltages(G, [[1.5, 2.3, 1.7], [2.6, 1.1, 3.3]], 0.5)
    assert across.shape == (2, 3, 5)
    current = across[1, 0, 3] / RESISTANCES[0, 3]
    assert current == pytest.approx(0.009856197822795886, rel=1e-12)
    np.testing.assert_allclose(
        np.einsum("pij,ij->pj", across, G),
        column_currents(G, [[1.5, 2.3, 1.7], [2.6, 1.1, 3.3]], 0.5),
        rtol=1e-12,
    )


@pytest.mark.parametrize(
    "kilo_ohm, wire, size, mean, first, last",
    [
        (10, 1, 16, 0.9817, 0.9892, 0.9775),
        (10, 1, 32, 0.9337, 0.9628, 0.9185),
        (10, 1, 64, 0.7855, 0.8757, 0.7401),
        (10, 2.93, 32, 0.8292, None, None),
        (10, 2.93, 64, 0.5632, None, 0.4881),
        (100, 2.93, 64, 0.9248, None, None),
    ],
)
def test_uniform_tiles(kilo_ohm, wire, size, mean, first, last) -> None:
    siemens = 1e3 / kilo_ohm
    share = column_currents(np.full((size, size), siemens), np.ones(size), wire) / (size * siemens)
    # Half a digit of the reference; its 32 columns at 1 ohm are 0.93366, printed 0.9337.
    assert share.mean() == pytest.approx(mean, abs=0.51e-4)
    for column, expected in ((0, first), (-1, last)):
        if expected is not None:
            assert share[column] == pytest.approx(expected, abs=0.51e-4)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    rows=st.integers(1, 9),
    columns=st.integers(1, 9),
    wires=st.tuples(*[st.floats(0.01, 100)] * 2),
    seed=st.integers(0, 1000),
)
def test_equals_kirchhoff(rows, columns, wires, seed) -> None:
    rng = np.random.default_rng(seed)
    g = 10 ** rng.uniform(0, 4, (rows, columns)) * (rng.random((rows, columns)) < 0.9) + 0.1
    voltages = rng.uniform(-1, 1, rows)
    word, bit = wires
    got = column_currents(g, voltages, word, bit_resistance=bit)
    expected = nodal(g, voltages, word, bit)
    # 1e-12 of the largest current, times the loss of digits of the reference: wires are up to
    # 1e9 times better conductors than the weakest device.
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-11 * np.abs(g).sum())


@settings(max_examples=25, deadline=None, derandomize=True)
@given(rows=st.integers(1, 12), columns=st.integers(1, 12), seed=st.integers(0, 1000))
def test_wires_only_take_away(rows, columns, seed) -> None:
    g = np.random.default_rng(seed).uniform(0.5, 100, (rows, columns))
    np.testing.assert_array_equal(effective_conductances(g, 0.0), g)
    little, much = effective_conductances(g, 1.0), effective_conductances(g, 10.0)
    ones = np.ones(rows)
    assert (ones @ little < ones @ g).all() and (ones @ much < ones @ little).all()
    assert (little >= 0).all() and (little <= g).all()
    # What one input loses to the wires does not depend on the others: superposition.
    np.testing.assert_allclose(column_currents(g, np.eye(rows), 1.0), little, rtol=1e-12)
    # Reciprocity: drivers and grounds exchanged.
    turned = effective_conductances(g.T[::-1, ::-1], 1.0)
    np.testing.assert_allclose(turned[::-1, ::-1].T, little, rtol=1e-12)


def test_nothing_cancels_with_almost_ideal_wires() -> None:
    """The first-order loss in r is exact; a solver of all nodes has no digits left for it."""
    g = np.array([[100.0, 50.0]])
    wire = 1e-9
    loss = 1 - effective_conductances(g, wire)[0, 0] / g[0, 0]
    # r (g0 + g1) in the shared segment, and r g0 in the bit line.
    assert loss == pytest.approx(wire * 1e-6 * (150 + 100), rel=1e-2)


@pytest.mark.parametrize(
    "conductances, voltages, wire, text",
    [
        ([[1e-5, 2e-5]], [1.0], 1, "the largest conductance is 2e-05 uS.*not siemens"),
        ([[1e7]], [1.0], 1, r"must be in 0..1e\+06 uS, not 1e\+07..1e\+07; give microsiemens"),
        ([[-1.0]], [1.0], 1, "must be in 0"),
        ([[np.nan, 1]], [1.0], 1, "conductances: 1 of 2 values are NaN or infinite"),
        ([1.0, 2.0], [1.0], 1, r"must have shape \(rows, columns\), not \(2,\)"),
        (np.zeros((0, 3)), [], 1, r"must have shape \(rows, columns\), not \(0, 3\)"),
        ([["a"]], [1.0], 1, "conductances must be real numbers"),
        (G, [1.0, 2.0], 1, r"voltages must have shape \(..., 3\), not \(2,\)"),
        (G, [1.0, np.inf, 2.0], 1, "voltages: 1 of 3 values"),
        (G, [1.0, 2.0, 3.0], -1, "wire_resistance must be in 0"),
        (G, [1.0, 2.0, 3.0], np.nan, "wire_resistance: 1 of 1 values"),
        (G, [1.0, 2.0, 3.0], [1, 2], "wire_resistance must be one number"),
    ],
)
def test_bad_input(conductances, voltages, wire, text) -> None:
    with pytest.raises(ValueError, match=text):
        column_currents(conductances, voltages, wire)
