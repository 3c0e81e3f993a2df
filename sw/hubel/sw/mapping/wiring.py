"""Hops and link loads of a placement, all flows at once."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .traffic import Flow

Ints = npt.NDArray[np.int64]


class Wiring:
    """What flows cost on a mesh of ``rows`` x ``columns``: as
    :func:`~hubel.sw.mapping.traffic.cost`, fast enough for the many placements that a search tries.
    """

    def __init__(self, flows: Sequence[Flow], rows: int, columns: int) -> None:
        heard = [flow for flow in flows if flow.ends]
        self.rows, self.columns = rows, columns
        self._starts = np.array([flow.start for flow in heard], dtype=np.int64)
        self._packets = np.array([flow.packets for flow in heard])
        self._ends = np.array([end for flow in heard for end in flow.ends], dtype=np.int64)
        counts = [len(flow.ends) for flow in heard]
        self._flow_of = np.repeat(np.arange(len(heard)), counts)
        self._first = np.cumsum([0, *counts[:-1]]) if heard else np.zeros(0, dtype=np.int64)

    @property
    def mean_packets(self) -> float:
        """Of a flow, in a step."""
        return float(self._packets.mean()) if len(self._packets) else 1.0

    def _spans(self, node_of: Ints) -> tuple[Ints, ...]:
        """Row and column of each sender; westmost and eastmost column of each tree, shape (flows,);
        first and last row in each column of it, shape (flows, columns)."""
        row, column = np.divmod(node_of, self.columns)
        start_row, start_column = row[self._starts], column[self._starts]
        ends = column[self._ends]
        west = np.minimum(np.minimum.reduceat(ends, self._first), start_column)
        east = np.maximum(np.maximum.reduceat(ends, self._first), start_column)
        first = np.repeat(start_row, self.columns)
        last = first.copy()
        at = self._flow_of * self.columns + ends
        np.minimum.at(first, at, row[self._ends])
        np.maximum.at(last, at, row[self._ends])
        shape = (-1, self.columns)
        return start_row, start_column, west, east, first.reshape(shape), last.reshape(shape)

    def hops(self, node_of: Ints) -> float:
        """Packets a step times links, with endpoint ``i`` at node ``node_of[i]``."""
        if not len(self._starts):
            return 0.0
        _, _, west, east, first, last = self._spans(node_of)
        return float(self._packets @ (east - west + (last - first).sum(axis=1)))

    def value(self, node_of: Ints) -> float:
        """:meth:`hops`, and the packets over the busiest link once more."""
        if not len(self._starts):
            return 0.0
        start_row, start_column, west, east, first, last = self._spans(node_of)
        hops = float(self._packets @ (east - west + (last - first).sum(axis=1)))
        columns = np.broadcast_to(np.arange(self.columns), first.shape)
        rows = np.broadcast_to(start_row[:, np.newaxis], first.shape)
        packets = np.broadcast_to(self._packets[:, np.newaxis], first.shape)
        busiest = max(
            self._most(start_row, start_column, east, self._packets, self.rows, self.columns),
            self._most(start_row, west, start_column, self._packets, self.rows, self.columns),
            self._most(columns, rows, last, packets, self.columns, self.rows),
            self._most(columns, first, rows, packets, self.columns, self.rows),
        )
        return round(hops + busiest, 9)

    @staticmethod
    def _most(
        line: Ints, low: Ints, high: Ints, packets: npt.NDArray, lines: int, places: int
    ) -> float:
        """The most packets over a link of one direction, where each of ``packets`` takes the links
        between ``low`` and ``high`` of a ``line``."""
        change = np.zeros((lines, places + 1))
        np.add.at(change, (line, low), packets)
        np.subtract.at(change, (line, high), packets)
        return float(change.cumsum(axis=1).max())
