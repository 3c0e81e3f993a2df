"""What a core of the mesh has room for, and what a Program takes of it."""

from dataclasses import dataclass, fields

from hubel.hdl.event_list import list_rows
from hubel.hdl.program import Program

#: Resources, for people.
RESOURCES = {
    "weight_words": "weight words",
    "neurons": "places for neurons",
    "list_rows": "rows of event lists",
    "populations": "populations",
}


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What the populations of a core take.

    ``weight_words``: rows of the weight memory. ``neurons``: places for neurons, lanes that no
    neuron has included. ``list_rows``: rows of the event lists, two lists for each source that is
    read. ``populations``: of the core, parts of one included.
    """

    weight_words: int = 0
    neurons: int = 0
    list_rows: int = 0
    populations: int = 0


@dataclass(frozen=True, kw_only=True)
class CoreLimits:
    """The most that a core of the mesh may take, as in :class:`Usage`.

    The defaults are for four nodes of 8 lanes and 8-bit weights on an ECP5-85F, whose 208 block
    RAMs of 18 kbit are 52 for each node. A core does not fill all of its memories as a rule; one
    that does takes 56 to 64.

    Parameters
    ----------
    weight_words : int
        8,192 words of 8 x 8 bits are 32 block RAMs.
    neurons : int
        Lanes that no neuron has included. 4,096 of 8 lanes are 512 state words of two rows each,
        1,024 rows of 128 bits with a membrane alone: 8 block RAMs; three rows each, and 16, where
        parameters differ between neurons.
    list_rows : int
        16,384 rows of at most 16 bits are 16 block RAMs; 8 with codes of 8 bits or less.
    populations : int
        Each is a case in the multiplexers of the walker and the schedule, which are as slow as they
        are wide.

    Raises
    ------
    ValueError
        If one is less than 1.
    """

    weight_words: int = 8192
    neurons: int = 4096
    list_rows: int = 16384
    populations: int = 16

    def __post_init__(self) -> None:
        for field in fields(self):
            if getattr(self, field.name) < 1:
                raise ValueError(
                    f"a core has 1 or more {RESOURCES[field.name]}, not {getattr(self, field.name)}"
                )

    @classmethod
    def for_nodes(cls, nodes: int) -> "CoreLimits":
        """The defaults for a mesh of ``nodes`` nodes: fewer than four share the same chip."""
        share = max(1, 4 // nodes)
        return cls(
            weight_words=cls.weight_words * share,
            neurons=cls.neurons * share,
            list_rows=cls.list_rows * share,
        )

    def short(self, usage: Usage) -> str | None:
        """Name of the resource of which ``usage`` takes too much, or None: the one that it exceeds
        by the largest factor."""
        shares = {f.name: getattr(usage, f.name) / getattr(self, f.name) for f in fields(self)}
        worst = max(shares, key=lambda name: shares[name])
        return worst if shares[worst] > 1 else None


def usage_of(program: Program, lanes: int) -> Usage:
    """What the core for ``program`` takes."""
    params = program.params(lanes=lanes)
    return Usage(
        weight_words=params.weight_words,
        neurons=sum(params.words) * lanes,
        list_rows=sum(list_rows(params)),
        populations=len(params.populations),
    )
