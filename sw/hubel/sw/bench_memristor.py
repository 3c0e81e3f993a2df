"""How fast memristive arrays are simulated."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from hubel.sim.memristor.device_array import ArrayParams, program_array
from hubel.sim.memristor.ir_drop import effective_conductances
from hubel.sim.memristor.pcm import pcm_nandakumar2019
from hubel.sim.memristor.reram import rram_wan2022
from hubel.sim.memristor.write_verify import WriteVerify

#: Rows and columns of the array, and of the tile with wires.
SIZE, TILE = 1000, 128
#: Seconds after programming at which it is read.
DAY = 86400.0


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Seconds of one job by the clock and of the processor (all threads added up), each the best of
    ``runs``, and what was aimed at by the clock."""

    job: str
    seconds: float
    processor: float
    limit: float
    runs: int

    def to_json(self) -> dict[str, Any]:
        """A dictionary that ``json.dumps`` accepts."""
        return asdict(self)


def bench_memristor(on_job: Callable[[str], None] | None = None) -> list[Timing]:
    """Program and read 1,000 x 1,000 devices, and solve a tile of 128 x 128 with its wires.

    Parameters
    ----------
    on_job : callable, optional
        Told the name of each job before it runs.
    """
    rng = np.random.default_rng(0)
    timings = []
    for device in (pcm_nandakumar2019(), rram_wan2022()):
        targets = rng.uniform(device.g_min, device.g_max, (SIZE, SIZE))
        # A half band of 4 % of g_max.
        params = ArrayParams(device=device, write=WriteVerify(tolerance=0.04 * device.g_max))
        array = program_array(params, targets)
        mean = array.pulses.mean()
        timings += [
            _timed(
                f"{device.name}: program {SIZE:,} x {SIZE:,} with verify, {mean:.2f} pulses each",
                2.0,
                lambda p=params, t=targets: program_array(p, t),
                3,
                on_job,
            ),
            _timed(
                f"{device.name}: read {SIZE:,} x {SIZE:,} after a day",
                0.05,
                lambda a=array: a.read(DAY),
                9,
                on_job,
            ),
        ]
    tile = rng.uniform(0, 100.0, (TILE, TILE))
    timings.append(
        _timed(
            f"wires of {TILE} x {TILE}, exact",
            1.0,
            lambda: effective_conductances(tile, 2.93),
            5,
            on_job,
        )
    )
    return timings


def _timed(
    job: str, limit: float, run: Callable[[], Any], runs: int, on_job: Callable[[str], None] | None
) -> Timing:
    if on_job is not None:
        on_job(job)
    seconds, processor = [], []
    for _ in range(runs):
        start, busy = time.perf_counter(), time.process_time()
        run()
        seconds.append(time.perf_counter() - start)
        processor.append(time.process_time() - busy)
    return Timing(job=job, seconds=min(seconds), processor=min(processor), limit=limit, runs=runs)
