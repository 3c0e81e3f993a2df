"""A Program whose weights are what devices give: what the core would load from a crossbar."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from hubel.hdl.program import Conv2d, Program, Projection, Sparse

from .compensation import Scope, alpha, scale_thresholds
from .crossbar import SynapseArray, SynapseParams, program_synapses
from .energy import Ledger, total

Ints = npt.NDArray[np.int64]


def as_matrix(projection: Projection, columns: int) -> Ints:
    """Stored weights of ``projection`` as (rows, columns) of a crossbar.

    Dense: as they are, (axons, neurons). Convolutional: (all of a kernel, target channels), each
    stored once. Sparse: synapses one after the other in rows of ``columns``, the last filled with
    zeros.
    """
    weights = projection.weights.astype(np.int64)
    if isinstance(projection, Conv2d):
        return weights.reshape(weights.shape[0], -1).T
    if isinstance(projection, Sparse):
        rows = max(1, -(-len(weights) // columns))
        padded = np.zeros(rows * columns, dtype=np.int64)
        padded[: len(weights)] = weights
        return padded.reshape(rows, columns)
    return weights


def from_matrix(projection: Projection, matrix: Ints) -> Projection:
    """``projection`` with the weights of ``matrix``, as :func:`as_matrix` laid them out."""
    old = projection.weights
    if isinstance(projection, Conv2d):
        weights = matrix.T.reshape(old.shape)
    elif isinstance(projection, Sparse):
        weights = matrix.ravel()[: len(old)]
    else:
        weights = matrix
    return projection.with_weights(weights.astype(old.dtype))


@dataclass(frozen=True, kw_only=True, eq=False)
class ProgramDevices:
    """The synapses of a Program in crossbars, one an array, in the order of its projections."""

    program: Program
    arrays: tuple[SynapseArray, ...]

    def at(
        self,
        time: float = 0.0,
        *,
        event: int = 0,
        compensation: Scope = "none",
    ) -> Program:
        """The Program that the core runs at ``time``, seconds after programming.

        ``compensation`` and ``event`` are those of :meth:`.crossbar.SynapseArray.weights_int`.
        """
        return self._with(
            [a.weights_int(time, event=event, compensation=compensation) for a in self.arrays]
        )

    def at_scaled_thresholds(self, time: float, *, event: int = 0) -> Program:
        """The same with weights as they have drifted, and thresholds that are scaled with them:
        global drift compensation by population instead of by weight."""
        found = [a.weights_int(time, event=event) for a in self.arrays]
        gains: dict[str, float] = {}
        for population in self.program.populations:
            into = [
                i for i, p in enumerate(self.program.projections) if p.target == population.name
            ]
            first = np.concatenate(
                [self.arrays[i].weights_int(0.0, event=event).ravel() for i in into]
            )
            now = np.concatenate([found[i].ravel() for i in into])
            gains[population.name] = float(alpha(first, now, "global"))
        return scale_thresholds(self._with(found), gains)

    def refreshed(self, time: float) -> "ProgramDevices":
        """All devices programmed again at ``time``."""
        return replace(self, arrays=tuple(a.refreshed(time) for a in self.arrays))

    @property
    def ledger(self) -> Ledger:
        """Joules of the last programming of all arrays."""
        return total(a.ledger for a in self.arrays)

    def read_ledger(self, time: float = 0.0) -> Ledger:
        """Joules of one read of all arrays at ``time``."""
        return total(a.read_ledger(time) for a in self.arrays)

    @property
    def synapses(self) -> int:
        """Stored weights."""
        return sum(p.weights.size for p in self.program.projections)

    def _with(self, matrices: list[Ints]) -> Program:
        projections = tuple(
            from_matrix(projection, matrix)
            for projection, matrix in zip(self.program.projections, matrices, strict=True)
        )
        return replace(self.program, projections=projections)


def program_devices(program: Program, params: SynapseParams, *, seed: int = 0) -> ProgramDevices:
    """Program the weights of ``program`` into devices; array numbers follow its projections.

    Raises
    ------
    ValueError
        If the weights of the Program are wider than those of ``params``, or the devices refuse.
    """
    if program.weight_width != params.weight_width:
        raise ValueError(
            f"the Program has weights of {program.weight_width} bits, the synapses of "
            f"{params.weight_width}"
        )
    arrays = tuple(
        program_synapses(
            params, as_matrix(projection, params.tile[1] // 2), seed=seed, array=number
        )
        for number, projection in enumerate(program.projections)
    )
    return ProgramDevices(program=program, arrays=arrays)


def at_program(
    program: Program, params: SynapseParams, *, seed: int = 0, time: float = 0.0
) -> Program:
    """``program`` with the weights that devices of ``seed`` give at ``time``.

    Without any noise it has the same weights, bit for bit.
    """
    return program_devices(program, params, seed=seed).at(time)
