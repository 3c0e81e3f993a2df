"""Random traffic on a mesh of routers: where it saturates, and that nothing is lost."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from hubel.hdl.fabric_packet import RouterParams
from hubel.hdl.router_mesh import MeshTableRowLayout
from hubel.hdl.verilog import to_verilog

from . import simulator
from .router_mesh import tree_masks
from .router_traffic import ALWAYS, TrafficMesh
from .simulator import BenchFailed, Simulator
from .streams import Packing

__all__ = ["Phase", "PhaseResult", "TrafficBench"]


@dataclass(frozen=True, kw_only=True)
class Phase:
    """Packets that each node makes a clock, the part of the clocks in which each takes none, and
    how many clocks are measured after how many that are not."""

    rates: Sequence[float]
    stalls: Sequence[float]
    clocks: int
    warm_up: int = 0


@dataclass(frozen=True)
class PhaseResult:
    """Packets made and packets taken by sinks in a phase, and the mean time in clocks from the
    making of a packet until a sink takes it (Little's law; it grows with the phase where more is
    made than the mesh can carry)."""

    made: int
    taken: int
    latency: float


@dataclass(frozen=True, kw_only=True)
class TrafficBench:
    """A mesh with ``keys`` sources of packets at each node, which a simulator has compiled.

    Parameters
    ----------
    rows, columns : int
    keys : int
        Of each node; 10 bits of key and 22 of payload, as in the default router.
    depth : int
        Of the routers' buffers.
    """

    rows: int
    columns: int
    keys: int
    depth: int = 16

    @property
    def nodes(self) -> int:
        return self.rows * self.columns

    def build(self, tool: Simulator, cache_dir: str | os.PathLike | None = None) -> simulator.Build:
        """Compile, or find the build."""
        text = to_verilog(self._component(), name="traffic")
        return simulator.build(text, "traffic", tool, cache_dir=cache_dir)

    def _component(self) -> TrafficMesh:
        bits = max(1, (self.nodes * self.keys - 1).bit_length())
        params = RouterParams(key_bits=bits, payload_bits=22, depth=self.depth)
        return TrafficMesh(self.rows, self.columns, params, keys=self.keys)

    def run(
        self,
        built: simulator.Build,
        sinks: Sequence[Sequence[int]],
        phases: Sequence[Phase],
        *,
        timeout_s: float = 3600.0,
    ) -> list[PhaseResult]:
        """Send over trees to ``sinks`` of each key, for each of ``phases``, and check that all
        that was sent arrived: at each of its sinks, once, in order.

        Raises
        ------
        BenchFailed
            If it did not, or if nothing arrives any more while packets are on the way.
        """
        if len(sinks) != self.nodes * self.keys:
            raise ValueError(f"{self.nodes * self.keys} keys have no {len(sinks)} trees")
        bits = max(1, (len(sinks) - 1).bit_length())
        packing = Packing(MeshTableRowLayout(self.nodes, bits))
        rows = [
            packing.pack(node=node, key=key, mask=mask)
            for key, heard in enumerate(sinks)
            for node, mask in tree_masks(self.columns, key // self.keys, heard).items()
        ]
        fan_outs = {len(heard) for heard in sinks}
        answer = simulator.run(
            built,
            "hubel.sim.bench_traffic",
            parameters={
                "nodes": self.nodes,
                "keys": len(sinks),
                # With trees of different sizes there is no mean time.
                "fan_out": fan_outs.pop() if len(fan_outs) == 1 else 0,
                "rows": rows,
                "phases": [
                    {
                        "rates": [round(rate * ALWAYS) for rate in phase.rates],
                        "stalls": [round(stall * ALWAYS) for stall in phase.stalls],
                        "clocks": phase.clocks,
                        "warm_up": phase.warm_up,
                    }
                    for phase in phases
                ],
            },
            timeout_s=timeout_s,
        )
        if any(answer["wrong"]) or any(answer["unrouted"]):
            raise BenchFailed(
                f"wrong packets at nodes: {answer['wrong']}, dropped: {answer['unrouted']}"
            )
        for key, heard in enumerate(sinks):
            expected = [answer["sent"][key] * (node in heard) for node in range(self.nodes)]
            if answer["arrived"][key] != expected:
                raise BenchFailed(
                    f"of key {key}, {answer['sent'][key]} were sent to nodes {sorted(heard)}, "
                    f"but {answer['arrived'][key]} arrived"
                )
        return [
            PhaseResult(r["made"], r["taken"], r["waited"] / max(1, r["taken"]))
            for r in answer["phases"]
        ]
