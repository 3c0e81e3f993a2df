"""Programs on meshes, cut anyhow: a mapping that knows nothing of what is good.

Any population goes to any node, whole or in parts; so tests reach what a sensible mapping avoids.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from hubel.hdl.fabric_program import (
    Endpoint,
    FabricProgram,
    Grant,
    NodeProgram,
    Receiver,
    Sender,
    Spikes,
)
from hubel.hdl.program import Conv2d, Dense, Population, Program, Projection, Shape, Source

#: Nodes of the parts of each population, with the channels of each.
Hosts = Mapping[str, Sequence[tuple[int, int]]]

_NORTH, _EAST, _SOUTH, _WEST, _LOCAL = (1 << port for port in range(5))


@dataclass(frozen=True)
class Part:
    """Channels ``first`` to ``first + channels - 1`` of ``population``, at ``node``."""

    population: Population
    node: int
    first: int
    channels: int

    @property
    def whole(self) -> bool:
        return self.channels == self.population.shape.channels

    @property
    def name(self) -> str:
        if self.whole:
            return self.population.name
        return f"{self.population.name}[{self.first}:{self.first + self.channels}]"

    @property
    def neurons(self) -> slice:
        place = self.population.shape.height * self.population.shape.width
        return slice(self.first * place, (self.first + self.channels) * place)

    def piece(self) -> Population:
        shape = self.population.shape
        values = {
            f.name: getattr(self.population, f.name)[self.neurons]
            for f in fields(self.population)
            if isinstance(getattr(self.population, f.name), np.ndarray)
        }
        shape = Shape(self.channels, shape.height, shape.width)
        return replace(self.population, name=self.name, shape=shape, **values)

    def synapses(self, projection: Projection, source: str) -> Projection:
        """``projection`` as far as it ends in this part, from a source of that name."""
        name = f"{projection.name} {self.name}"
        ends = {"name": name, "source": source, "target": self.name}
        if self.whole:
            return replace(projection, **ends)
        at = self.neurons
        if isinstance(projection, Dense):
            return replace(projection, **ends, weights=projection.weights[:, at])
        if isinstance(projection, Conv2d):
            assert projection.groups == 1
            rows = slice(self.first, self.first + self.channels)
            return replace(projection, **ends, weights=projection.weights[rows])
        mine = (projection.targets >= at.start) & (projection.targets < at.stop)
        before = np.concatenate([[0], np.cumsum(mine)])
        return replace(
            projection,
            **ends,
            first=before[projection.first],
            targets=projection.targets[mine] - at.start,
            weights=projection.weights[mine],
        )


def may_split(program: Program, name: str) -> bool:
    """Population ``name`` can be cut between any channels."""
    return program.shape_of(name).channels > 1 and all(
        not isinstance(p, Conv2d) or p.groups == 1 for p in program.into(name)
    )


def cut(
    program: Program, hosts: Hosts, *, rows: int, columns: int, gateway_node: int = 0,
    key_bits: int = 8, seed: int = 0,
) -> FabricProgram:  # fmt: skip
    """``program`` with its populations at ``hosts``; keys are drawn."""
    parts: dict[str, list[Part]] = {}
    for population in program.populations:
        first = 0
        for node, channels in hosts[population.name]:
            part = Part(population, node, first, channels)
            parts.setdefault(population.name, []).append(part)
            first += channels
        assert first == population.shape.channels
    programs = {
        node: _node_program(program, parts, node)
        for node in sorted({part.node for ps in parts.values() for part in ps})
    }
    fabric = _Fabric(program, parts, programs, columns, gateway_node, key_bits, seed)
    return FabricProgram(
        whole=program,
        rows=rows,
        columns=columns,
        nodes=tuple(
            NodeProgram(program=programs[node], endpoint=fabric.endpoint(node))
            if node in programs
            else None
            for node in range(rows * columns)
        ),
        gateway=fabric.endpoint(None),
        gateway_node=gateway_node,
        key_bits=key_bits,
        tables=fabric.tables(rows * columns),
    )


def _node_program(program: Program, parts: dict[str, list[Part]], node: int) -> Program:
    names = [source.name for source in program.sources]
    here = [part for ps in parts.values() for part in ps if part.node == node]
    local = {part.name for part in here if part.whole}
    read, projections = set(), []
    for part in here:
        into = program.into(part.population.name)
        projections += [part.synapses(p, p.source) for p in into]
        read |= {p.source for p in into if p.source not in local}
    external = {source.name for source in program.inputs}
    alone = any(all(p.delay for p in program.into(part.population.name)) for part in here)
    if not read or (alone and not read & external):
        # From it they learn when a sample begins.
        read.add(program.inputs[0].name)
    inputs = [Source(n, program.shape_of(n)) for n in sorted(read, key=names.index)]
    elsewhere = {
        p.source for ps in parts.values() for part in ps if part.node != node
        for p in program.into(part.population.name)
    }  # fmt: skip
    outputs = [
        part.name for part in here
        if part.population.name in elsewhere | set(program.outputs) or (
            not part.whole and part.population.name in read)
    ]  # fmt: skip
    return Program(
        inputs=tuple(inputs),
        populations=tuple(part.piece() for part in here),
        projections=tuple(projections),
        outputs=tuple(outputs or [here[-1].name]),
        weight_width=program.weight_width,
        state_width=program.state_width,
    )


class _Fabric:
    """Keys, and what they mean; None is the gateway among the nodes."""

    def __init__(self, program, parts, programs, columns, gateway_node, key_bits, seed):
        self._program, self._parts, self._programs = program, parts, programs
        self._columns, self._gateway_node = columns, gateway_node
        keys = iter(np.random.default_rng(seed).permutation(1 << key_bits).tolist())
        # Who sends each source, in parts: endpoint and key.
        self._senders: dict[str, list[tuple[int | None, int]]] = {
            source.name: [(None, next(keys))] for source in program.inputs
        }
        for name, ps in parts.items():
            self._senders[name] = [(part.node, next(keys)) for part in ps]
        # Who reads it: endpoint and grant key.
        self._readers: dict[str, list[tuple[int | None, int]]] = {}
        for node, sub in programs.items():
            for source in sub.inputs:
                self._readers.setdefault(source.name, []).append((node, next(keys)))
        for name in program.outputs:
            self._readers.setdefault(name, []).append((None, next(keys)))

    def endpoint(self, node: int | None) -> Endpoint:
        if node is None:
            mine = [(s.name, s.shape, s.shape.channels, 0) for s in self._program.inputs]
            reads: Iterable[str] = self._program.outputs
        else:
            sub = self._programs[node]
            all_parts = [p for ps in self._parts.values() for p in ps if p.node == node]
            by_name = {part.name: part for part in all_parts}
            mine = [
                (p.population.name, p.population.shape, p.channels, p.first)
                for p in (by_name[name] for name in sub.outputs)
            ]
            reads = [source.name for source in sub.inputs]
        senders, receivers, heard = [], [], {}
        for number, (name, shape, channels, first) in enumerate(mine):
            readers = self._readers.get(name, [])
            [key] = [key for where, key in self._senders[name] if where == node]
            senders.append(
                Sender(
                    key=key,
                    shape=shape,
                    channels=channels,
                    first_channel=first,
                    readers=len(readers),
                )
            )
            heard |= {grant: Grant(number) for _, grant in readers}
        for number, name in enumerate(reads):
            [grant] = [key for where, key in self._readers[name] if where == node]
            receivers.append(Receiver(parts=len(self._senders[name]), grant_key=grant))
            heard |= {key: Spikes(number) for _, key in self._senders[name]}
        return Endpoint(senders=tuple(senders), receivers=tuple(receivers), heard=heard)

    def tables(self, nodes: int) -> tuple[dict[int, int], ...]:
        tables: list[dict[int, int]] = [{} for _ in range(nodes)]
        for name, senders in self._senders.items():
            readers = self._readers.get(name, [])
            for start, key in senders:
                for end, _ in readers:
                    self._path(tables, key, start, end)
            for start, key in readers:
                for end, _ in senders:
                    self._path(tables, key, start, end)
        return tuple(tables)

    def _path(self, tables, key: int, start: int | None, end: int | None) -> None:
        """Along the row, then along the column."""
        at, goal = (self._gateway_node if n is None else n for n in (start, end))
        while at != goal:
            (row, column), (to_row, to_column) = (
                divmod(at, self._columns),
                divmod(goal, self._columns),
            )
            if column != to_column:
                port, step = (_EAST, 1) if to_column > column else (_WEST, -1)
            else:
                port, step = (_SOUTH, self._columns) if to_row > row else (_NORTH, -self._columns)
            tables[at][key] = tables[at].get(key, 0) | port
            at += step
        tables[at][key] = tables[at].get(key, 0) | _LOCAL


def random_hosts(rng: np.random.Generator, program: Program, nodes: int) -> dict:
    """Anything: each population at any node, some in up to three parts."""
    hosts = {}
    for population in program.populations:
        channels = population.shape.channels
        count = 1
        if may_split(program, population.name) and rng.random() < 0.5:
            count = min(channels, nodes, int(rng.integers(2, 4)))
        where = rng.permutation(nodes)[:count].tolist()
        bounds = [0, *sorted(rng.permutation(np.arange(1, channels))[: count - 1].tolist())]
        sizes = np.diff([*bounds, channels]).tolist()
        hosts[population.name] = list(zip(where, sizes, strict=True))
    return hosts
