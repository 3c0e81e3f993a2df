"""Address tables: a walk meets exactly the synapses that a projection implies."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubel.hdl.image import sparse_rows, weight_rows
from hubel.hdl.params import CoreParams, WalkKind
from hubel.hdl.program import Conv2d, Dense, Program, Shape, Sparse, projection_entries
from hubel.hdl.tables import Tables, tables_of

from ..programs import KINDS, random_program

# The same examples in every run.
fixed = settings(derandomize=True, deadline=None)
seeds = st.integers(0, 2**32 - 1)
any_lanes = st.sampled_from([2, 4, 8, 16])


def walk(tables: Tables, source: Shape, neuron: int) -> Iterator[tuple[int, int]]:
    """State word (within the target) and weight word (within the projection) of each step that a
    spike of ``neuron`` takes, as a walker adds them up."""
    channel, y, x = (int(i) for i in np.unravel_index(neuron, source.sizes))
    if tables.by_code:
        channel, y, x = int(source.codes()[neuron]), 0, 0
    parts = (tables.c, channel), (tables.y, y), (tables.x, x)
    address = sum(int(table.address[at]) for table, at in parts)
    row = sum(int(table.row[at]) for table, at in parts)
    steps = tables.steps
    for j in range(int(tables.y.count[y])):
        for i in range(int(tables.x.count[x])):
            for word in range(int(tables.c.count[channel])):
                yield (
                    row + j * steps.y_row + i * steps.x_row + word,
                    address + j * steps.y_address + i * steps.x_address + word,
                )


def implied(
    program: Program, number: int, params: CoreParams, neuron: int
) -> list[tuple[int, int]]:
    """What :func:`walk` should give for a dense or convolutional projection, from its
    definition: {channel, kernel element, word of the group} or {axon, word}, by brute force."""
    projection, lanes = program.projections[number], params.lanes
    assert not isinstance(projection, Sparse)
    source = program.shape_of(projection.source)
    target = program.shape_of(projection.target)
    channel, y, x = (int(i) for i in np.unravel_index(neuron, source.sizes))
    y, x = y // projection.pool[0], x // projection.pool[1]
    pooled = projection.axons(source)
    if y >= pooled.height or x >= pooled.width:
        return []
    if isinstance(projection, Dense):
        axon = (channel * pooled.height + y) * pooled.width + x
        if params.projections[number].kind is WalkKind.GATHER:
            return [(0, axon)]
        words = target.words(lanes)
        return [(word, axon * words + word) for word in range(words)]
    targets, group_sources, rows, columns = projection.weights.shape
    size = targets // projection.groups

    def words_of(group: int) -> list[int]:
        return sorted({c // lanes for c in range(group * size, (group + 1) * size)})

    words = words_of(channel // group_sources)
    most = max(len(words_of(group)) for group in range(projection.groups))
    place_words = max(words_of(projection.groups - 1)) + 1
    met = []
    for out_y in range(target.height):
        for out_x in range(target.width):
            for ky in range(rows):
                for kx in range(columns):
                    at = (
                        out_y * projection.stride[0] + ky * projection.dilation[0],
                        out_x * projection.stride[1] + kx * projection.dilation[1],
                    )
                    if at != (y + projection.padding[0], x + projection.padding[1]):
                        continue
                    element = (channel * rows + ky) * columns + kx
                    place = out_y * target.width + out_x
                    met += [
                        (place * place_words + word, element * most + word - words[0])
                        for word in words
                    ]
    return met


@fixed
@given(seed=seeds, lanes=any_lanes, kind=st.sampled_from(["dense", "conv"]))
def test_a_walk_meets_what_the_projection_implies(seed: int, lanes: int, kind: str) -> None:
    program = random_program(np.random.default_rng(seed), lanes=lanes, kinds=(kind,))
    params = program.params(lanes=lanes)
    for number, tables in enumerate(tables_of(params, program)):
        projection = program.projections[number]
        source = program.shape_of(projection.source)
        words, synapses = tables.of(source)
        for neuron in range(source.neurons):
            walked = list(walk(tables, source, neuron))
            expected = implied(program, number, params, neuron)
            assert len(set(walked)) == len(walked)
            assert sorted(walked) == sorted(expected)
            rows = program.params(lanes=lanes).words[params.projections[number].target]
            assert all(0 <= row < rows for row, _ in walked)
            assert all(0 <= at < params.projections[number].weight_words for _, at in walked)
            assert words[neuron] == len(expected)
        if params.projections[number].kind is WalkKind.CONV:
            target = program.shape_of(projection.target)
            places = target.height * target.width
            for neuron in range(source.neurons):
                met = {row for row, _ in walk(tables, source, neuron)}
                if isinstance(projection, Dense):
                    expected = target.neurons if met else 0
                else:
                    channel_words = target.words(lanes) // places
                    group_targets = target.channels // projection.groups
                    expected = len({row // channel_words for row in met}) * group_targets
                assert synapses[neuron] == expected


@fixed
@given(seed=seeds, lanes=any_lanes)
def test_the_walk_of_a_sparse_projection(seed: int, lanes: int) -> None:
    program = random_program(np.random.default_rng(seed), lanes=lanes, kinds=("sparse",))
    params = program.params(lanes=lanes)
    pairs = zip(program.projections, params.projections, tables_of(params, program), strict=True)
    for projection, sizes, tables in pairs:
        assert isinstance(projection, Sparse)
        source = program.shape_of(projection.source)
        target = program.shape_of(projection.target)
        entries = projection_entries(projection, target, lanes)
        place = target.height * target.width
        walked = [[at for _, at in walk(tables, source, n)] for n in range(source.neurons)]
        # Lists lie one after the other, in the order of the neurons, and fill the region.
        assert [at for mine in walked for at in mine] == list(range(sizes.weight_words))
        words, synapses = tables.of(source)
        for neuron in range(source.neurons):
            mine = projection.targets[projection.first[neuron] : projection.first[neuron + 1]]
            lane_of = (mine // place % lanes).tolist()
            fullest = max((lane_of.count(lane) for lane in lane_of), default=0)
            assert entries[neuron] == words[neuron] == len(walked[neuron]) == fullest
            assert synapses[neuron] == len(mine)


def lanes_of(row: int, width: int, lanes: int, *, sign: bool) -> list[int]:
    """The numbers in the lanes of a memory row."""
    fields = [row >> (width * lane) & ((1 << width) - 1) for lane in range(lanes)]
    return [f - (f >> (width - 1) << width) if sign and width else f for f in fields]


@fixed
@given(seed=seeds, lanes=any_lanes)
def test_walks_through_the_memory_image_add_up_the_weights(seed: int, lanes: int) -> None:
    """Each spike alone, through the tables and the rows of the memories, is the row of the matrix
    that the projection stands for."""
    program = random_program(np.random.default_rng(seed), lanes=lanes)
    params = program.params(lanes=lanes)
    weights, targets = weight_rows(params, program), sparse_rows(params, program)
    row_width = (params.current_words - 1).bit_length() if params.current_words else 0
    for number, tables in enumerate(tables_of(params, program)):
        projection, sizes = program.projections[number], params.projections[number]
        source = program.shape_of(projection.source)
        target = program.shape_of(projection.target)
        matrix = dense_matrix(program, number)
        order = target.lane_order(lanes)
        first = params.first_weight[number]
        for neuron in range(source.neurons):
            total = np.zeros((target.words(lanes), lanes), dtype=np.int64)
            for row, at in walk(tables, source, neuron):
                if sizes.kind is WalkKind.GATHER:
                    axons = projection.weights.shape[0]
                    for word in range(len(total)):
                        read = weights[first + word * axons + at]
                        total[word] += lanes_of(read, params.weight_width, lanes, sign=True)
                    continue
                read = lanes_of(weights[first + at], params.weight_width, lanes, sign=True)
                rows = [row] * lanes
                if sizes.kind is WalkKind.SPARSE:
                    rows = lanes_of(targets[first + at], row_width, lanes, sign=False)
                total[rows, np.arange(lanes)] += read
            np.testing.assert_array_equal(total[order < 0], 0)
            got = np.zeros(target.neurons, dtype=np.int64)
            got[order[order >= 0]] = total[order >= 0]
            np.testing.assert_array_equal(got, matrix[neuron])


def dense_matrix(program: Program, number: int) -> np.ndarray:
    """The weights between all pairs, shape (source neurons, target neurons)."""
    projection = program.projections[number]
    source = program.shape_of(projection.source)
    target = program.shape_of(projection.target)
    matrix = np.zeros((source.neurons, target.neurons), dtype=np.int64)
    if isinstance(projection, Sparse):
        neurons = np.repeat(np.arange(source.neurons), np.diff(projection.first))
        matrix[neurons, projection.targets] = projection.weights
        return matrix
    pooled = projection.axons(source)
    for neuron in range(source.neurons):
        c, y, x = (int(i) for i in np.unravel_index(neuron, source.sizes))
        y, x = y // projection.pool[0], x // projection.pool[1]
        if y >= pooled.height or x >= pooled.width:
            continue
        if isinstance(projection, Dense):
            matrix[neuron] = projection.weights[(c * pooled.height + y) * pooled.width + x]
            continue
        targets, group_sources, rows, columns = projection.weights.shape
        group = c // group_sources
        size = targets // projection.groups
        for ky in range(rows):
            for kx in range(columns):
                out_y, left_y = divmod(
                    y + projection.padding[0] - ky * projection.dilation[0], projection.stride[0]
                )
                out_x, left_x = divmod(
                    x + projection.padding[1] - kx * projection.dilation[1], projection.stride[1]
                )
                if left_y or left_x:
                    continue
                if 0 <= out_y < target.height and 0 <= out_x < target.width:
                    for channel in range(group * size, (group + 1) * size):
                        place = (channel * target.height + out_y) * target.width + out_x
                        matrix[neuron, place] = projection.weights[
                            channel, c % group_sources, ky, kx
                        ]
    return matrix


@pytest.mark.parametrize("kind", KINDS)
def test_the_random_geometries_reach_the_corners(kind: str) -> None:
    seen: set[str] = set()
    for seed in range(100):
        program = random_program(np.random.default_rng(seed), lanes=4, kinds=(kind,))
        params = program.params(lanes=4)
        pairs = zip(
            program.projections, params.projections, tables_of(params, program), strict=True
        )
        for projection, sizes, tables in pairs:
            source = program.shape_of(projection.source)
            words, _ = tables.of(source)
            seen |= {sizes.kind.value} | ({"nothing met"} if (words == 0).any() else set())
            if not isinstance(projection, Sparse) and projection.pool != (1, 1):
                seen.add("pool")
                left = source.height % projection.pool[0] + source.width % projection.pool[1]
                seen |= {"pool leaves some out"} if left else set()
            if isinstance(projection, Conv2d):
                seen |= {
                    f"stride over dilation {s // d}"
                    for s, d in zip(projection.stride, projection.dilation, strict=True)
                }
                seen |= {"gcd"} if sizes.stride[0] == sizes.dilation[0] > 1 else set()
                seen |= {"not square"} if sizes.kernel[0] != sizes.kernel[1] else set()
                seen |= {"several places"} if (tables.x.count > 1).any() else set()
                seen |= {"depthwise"} if 1 < sizes.groups == source.channels else set()
                seen |= {"groups"} if 1 < sizes.groups < source.channels else set()
                # A group that begins inside a word, and one that spans two.
                seen |= (
                    {"groups across words"}
                    if (sizes.groups > 1 and len(set(tables.c.count.tolist())) > 1)
                    else set()
                )
    expected = {
        "dense": {"gather", "conv", "pool", "pool leaves some out", "nothing met"},
        "sparse": {"sparse", "nothing met"},
        "conv": {
            "conv",
            "pool",
            "pool leaves some out",
            "nothing met",
            "gcd",
            "not square",
            "several places",
            "depthwise",
            "groups",
            "groups across words",
            *(f"stride over dilation {i}" for i in range(4)),
        },
    }
    assert seen == expected[kind]
