"""The Program of one core: the parts of populations that it has, and what they read and send."""

from collections.abc import Sequence

from hubel.hdl.program import Program, Source

from .demand import Demands
from .parts import Part, cut_population


def readers_of(demands: Demands, cores: Sequence[tuple[Part, ...]]) -> dict[str, list[int]]:
    """Cores that read each source from elsewhere, by its name.

    A core that has the whole of a population reads it from itself. One that has a part reads the
    whole through the mesh, its own part included.
    """
    program = demands.program
    found: dict[str, list[int]] = {source.name: [] for source in program.sources}
    for number, parts in enumerate(cores):
        for name in elsewhere(demands, parts):
            found[name].append(number)
    return found


def elsewhere(demands: Demands, parts: tuple[Part, ...]) -> list[str]:
    """Names of what ``parts`` read that is not as a whole on their core, in the Program's order."""
    program = demands.program
    own = {part.name(program) for part in parts if part.is_whole(program)}
    heard = frozenset[str]().union(*(demands.reads(part.population) for part in parts))
    return [s.name for s in program.sources if s.name in heard - own]


def sent_parts(
    demands: Demands, parts: tuple[Part, ...], readers: dict[str, list[int]]
) -> list[Part]:
    """Those of ``parts`` whose spikes are read elsewhere or are an output of the network; the last
    one where there is none, as a Program has an output. Nobody reads that one."""
    program = demands.program
    names = {part: program.populations[part.population].name for part in parts}
    sent = [part for part in parts if readers[names[part]] or names[part] in program.outputs]
    return sent or [parts[-1]]


def node_program(
    demands: Demands, parts: tuple[Part, ...], readers: dict[str, list[int]]
) -> Program:
    """The Program of a core with ``parts``, which are in ascending order.

    Its inputs are what it reads from elsewhere, inputs of the network first; its outputs are what
    is read elsewhere or is an output of the network. Names are those of the whole Program; a part
    of a population has one of its own (:mod:`hubel.hdl.fabric_parts`).
    """
    program = demands.program
    projections = []
    for part in parts:
        name = program.populations[part.population].name
        projections += [
            (program.projections.index(projection), demands.cut(projection, part))
            for projection in program.into(name)
        ]
    # In the order of the whole Program.
    projections.sort(key=lambda pair: pair[0])
    return Program(
        inputs=tuple(Source(name, program.shape_of(name)) for name in elsewhere(demands, parts)),
        populations=tuple(cut_population(program, part) for part in parts),
        projections=tuple(projection for _, projection in projections),
        outputs=tuple(part.name(program) for part in sent_parts(demands, parts, readers)),
        weight_width=program.weight_width,
        state_width=program.state_width,
    )
