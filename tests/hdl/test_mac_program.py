# amaranth: UnusedElaboratable=no
"""Sizes and memory images of the MAC core."""

from itertools import pairwise

import numpy as np
import pytest

from hubel.hdl.mac_core import MacCore
from hubel.hdl.mac_image import bias_rows, mac_weight_rows
from hubel.hdl.mac_params import GROUP

from ..mac_programs import chain, random_program


def test_a_program_for_another_core_is_refused():
    program = chain(1, 8, 8, 2)
    with pytest.raises(ValueError, match="the MacProgram needs a core with"):
        MacCore(program.params(lanes=4), chain(1, 9, 8, 2))


def test_lanes_that_there_are_not():
    with pytest.raises(ValueError, match=r"lanes must be one of \(2, 4, 8, 16, 32\), not 3"):
        chain(1, 8, 8, 2).params(lanes=3)


def test_weight_rows_of_dense_layers():
    program = chain(1, 8, 12, 3)
    params = program.params(lanes=4)
    rows = mac_weight_rows(params, program)
    assert len(rows) == params.weight_words == 3 * 8 + 12
    weights = program.layers[0].projection.weights
    # The second word, the sixth activation: channels 4 to 7.
    lanes = [rows[8 + 5] >> 8 * i & 255 for i in range(4)]
    assert lanes == (weights[5, 4:8] & 255).tolist()
    # The last layer has three channels: the fourth lane is padding.
    assert all(row >> 24 == 0 for row in rows[24:])
    assert len(bias_rows(params, program)) == 15


@pytest.mark.parametrize("seed", range(6))
def test_sums_are_proved_to_fit(seed):
    """The widths hold the worst inputs, and one bit less would not."""
    program = random_program(seed)
    params = program.params()
    sums = [program.sum_range(layer) for layer in program.layers]
    least, most = min(low for low, _ in sums), max(high for _, high in sums)
    limit = 1 << (params.sum_width - 1)
    assert -limit <= least and most < limit
    assert least < -limit // 2 or most >= limit // 2
    # Random inputs stay inside.
    rng = np.random.default_rng(seed)
    layer = program.layers[-1]
    values = rng.integers(0, program.activation_max + 1, (50, layer.projection.weights.shape[0]))
    reached = values @ layer.projection.weights
    assert sums[-1][0] <= reached.min() and reached.max() <= sums[-1][1]


@pytest.mark.parametrize("seed", range(6))
def test_regions_do_not_overlap_with_what_is_still_read(seed):
    params = random_program(seed, layers=4).params()
    sizes = [params.inputs.neurons, *(layer.output.neurons for layer in params.layers[:-1])]
    places = [range(at, at + size) for at, size in zip(params.regions, sizes, strict=True)]
    assert all(at % GROUP == 0 for at in params.regions)
    for number, (read, written) in enumerate(pairwise(places)):
        assert not set(read) & set(written), number
        # The next input comes in while any layer but the first is worked on.
        assert not set(places[0]) & set(written)
    assert max(place.stop for place in places) <= params.activations
