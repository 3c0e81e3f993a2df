"""What a spike of a scattered projection has to do, from the tables in Python."""

from hubel.hdl.params import CoreParams
from hubel.hdl.tables import Tables

from .test_tables import walk

#: Fields of a slot that a spike takes: no weight word (None), or its fields, ``row`` only where
#: the targets have no rows of their own.
Slot = dict[str, int] | None


def scatter_slots(
    params: CoreParams, tables: tuple[Tables, ...], projection: int, neuron: int
) -> list[Slot]:
    """The slots of a spike of ``neuron`` in their order, one without a word if it meets nothing."""
    mine = tables[projection]
    source = params.sources[params.projections[projection].source]
    steps = list(walk(mine, source, neuron))
    if not steps:
        return [None]
    place = source.height * source.width
    channel = int(source.codes()[neuron]) if mine.by_code else neuron // place
    words = int(mine.c.count[channel])
    slots: list[Slot] = []
    for number, (row, address) in enumerate(steps):
        complete = number % words == words - 1
        slots.append(
            {
                "valid": 1,
                "address": params.first_weight[projection] + address,
                "operations": int(mine.operations[channel]) if complete else 0,
            }
            | ({} if mine.by_code else {"row": row})
        )
    assert sum(slot["operations"] for slot in slots if slot) == mine.of(source)[1][neuron]
    return slots
