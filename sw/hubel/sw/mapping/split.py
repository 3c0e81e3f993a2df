"""Which core has which parts of which populations."""

from collections.abc import Sequence
from typing import Literal

from .demand import Demands
from .limits import RESOURCES, Usage
from .parts import Part

#: Spread: as even a load on all cores as there can be. Fewest: as few cores as there can be.
Spreading = Literal["spread", "fewest"]

#: Halvings of the interval of the largest load.
_HALVINGS = 30

Cores = list[tuple[Part, ...]]


def split(demands: Demands, cores: int, parts: Spreading = "spread") -> Cores:
    """The parts of each core that has any, at most ``cores`` of them.

    Populations are taken in order and go, a state word of channels (``lanes``) at a time, to the
    first core that has room: populations larger than a core are cut, small ones share. A state word
    is cut only where a core has no room for one of every place. ``spread`` looks for the smallest
    load, in clocks a step, that no core needs to exceed; ``fewest`` asks for room only.

    Raises
    ------
    ValueError
        If there is no room; the message names the population, the resource, the numbers, and what
        would mend it.
    """
    if parts not in ("spread", "fewest"):
        raise ValueError(f"parts must be 'spread' or 'fewest', not {parts!r}")
    program = demands.program
    grains = [_grain(demands, p) for p in range(len(program.populations))]
    natural = list(range(len(grains)))
    large_first = sorted(natural, key=lambda p: -demands.weight_words(demands.whole(p)))
    found, order = None, natural
    for order in (natural, large_first):
        found = _fill(demands, grains, order, cores, float("inf"))
        if found is not None:
            break
    if found is None:
        raise _refusal(demands, grains, cores)
    loads = [demands.clocks(demands.whole(p)) for p in natural]
    if parts == "spread" and cores > 1:
        low, high = sum(loads) / cores, sum(loads)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            attempt = _fill(demands, grains, order, cores, middle)
            if attempt is None:
                low = middle
            else:
                found, high = attempt, middle
    return [tuple(sorted(core)) for core in found if core]


def _grain(demands: Demands, population: int) -> int:
    """Channels of ``population`` that are not parted: a state word of them, or less if a core has
    no room for that."""
    shape = demands.program.populations[population].shape
    grain = min(demands.lanes, shape.channels)
    while True:
        usage = demands.usage((Part(population, 0, grain),))
        short = demands.limits.short(usage)
        if short is None:
            return grain
        if grain == 1 or short == "list_rows":
            raise _too_large(demands, population, short, usage, grain)
        grain = (grain + 1) // 2


def _too_large(
    demands: Demands, population: int, short: str, usage: Usage, channels: int
) -> ValueError:
    name = demands.program.populations[population].name
    need, room = getattr(usage, short), getattr(demands.limits, short)
    which = "its sources need" if short == "list_rows" else f"{_count(channels)} of it needs"
    lanes = f" with {demands.lanes} lanes" if short == "neurons" else ""
    return ValueError(
        f"population {name!r}: {which} {need:,} {RESOURCES[short]}{lanes}, a core has {room:,}, "
        f"and more cores do not help: take larger cores, or a smaller network"
    )


def _count(channels: int) -> str:
    return "one channel" if channels == 1 else f"a state word of {channels} channels"


def _fill(
    demands: Demands, grains: Sequence[int], order: Sequence[int], cores: int, most: float
) -> list[list[Part]] | None:
    """Parts of each core with a load of at most ``most`` clocks each, or None."""
    filled: list[list[Part]] = [[] for _ in range(cores)]
    loads = [0.0] * cores
    for population in order:
        channels = demands.program.populations[population].shape.channels
        first = 0
        # A core has one range of channels of a population at most.
        for core in range(cores):
            stop = _largest(
                demands, filled[core], population, first, grains[population], most - loads[core]
            )
            if stop > first:
                part = Part(population, first, stop)
                filled[core].append(part)
                loads[core] += demands.clocks(part)
                first = stop
            if first == channels:
                break
        else:
            return None
    return filled


def _largest(
    demands: Demands, there: list[Part], population: int, first: int, grain: int, clocks: float
) -> int:
    """Where the largest part that begins with channel ``first`` ends, ``first`` if none fits."""
    channels = demands.program.populations[population].shape.channels

    def fits(stop: int) -> bool:
        part = Part(population, first, stop)
        # The sums of fractions of a load are not exact.
        if demands.clocks(part) > clocks * (1 + 1e-9) + 1e-9:
            return False
        return demands.limits.short(demands.usage((*there, part))) is None

    stops = [*range(first, channels, grain), channels]
    low, high = 0, len(stops) - 1
    if fits(channels):
        return channels
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(stops[middle]) else (low, middle)
    return stops[low]


def _refusal(demands: Demands, grains: Sequence[int], cores: int) -> ValueError:
    """Why the populations do not fit ``cores`` cores."""
    program = demands.program
    numbers = range(len(program.populations))
    needs = [demands.usage((demands.whole(p),)) for p in numbers]

    def total(resource: str) -> int:
        return sum(getattr(need, resource) for need in needs)

    # What ran out is what, if there were any amount of it, would let them fit; or else what they
    # need most of.
    mending = [
        name
        for name in RESOURCES
        if _fill(demands.without(name), grains, numbers, cores, float("inf")) is not None
    ]
    shares = {name: total(name) / getattr(demands.limits, name) for name in mending or RESOURCES}
    short = max(shares, key=lambda name: shares[name])
    room, what = getattr(demands.limits, short), RESOURCES[short]
    largest = max(numbers, key=lambda p: getattr(needs[p], short))
    name, need = program.populations[largest].name, getattr(needs[largest], short)
    if short == "populations":
        first = f"the network has {total(short):,} populations"
    else:
        first = f"population {name!r} needs {need:,} {what}"
        first += f" ({total(short):,} with the others)" if total(short) > need else ""
    has = f"a core has {room:,}" + (f", and there are {cores}" if cores > 1 else "")
    enough = max(-(-total(short) // room), cores + 1)
    return ValueError(
        f"{first}, {has}: take more cores (rows x "
        f"columns), {enough} at least, larger ones, or a smaller network"
    )
