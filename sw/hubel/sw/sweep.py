"""A command over many hyper-parameters, on the workers of a Dask cluster.

The workers measure; this process alone writes the ledger. A worker that dies leaves its attempt
behind as killed, with the power and the time until its trial began anew or was given up; Dask
then runs the trial again, as another attempt.
"""

import os
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from .attempt import Attempt
from .figure import Figure
from .ledger import Ledger
from .measured_run import run_measured
from .probe_registry import open_probes
from .shared_sensor import Roll, SharedSensor
from .trials import fill


class _Book:
    """Keeps the ledger: every start and every end that is heard of, each once."""

    def __init__(self, ledger: Ledger):
        self._ledger = ledger
        self._lock = threading.Lock()
        self._open: dict[str, tuple[Attempt, float, tuple[Figure, ...]]] = {}
        self._known: set[str] = set()
        self._trials: dict[str, str] = {}

    def hear(self, event: Any) -> None:
        """Take what a worker says; Dask adds the time in front."""
        _, said = event
        with self._lock:
            if said["what"] == "start":
                self._start(Attempt.from_json(said["attempt"]), said["trial"])
            elif said["id"] in self._open:
                attempt, begin, _ = self._open[said["id"]]
                powers = tuple(Figure.from_json(power) for power in said["powers"])
                self._open[said["id"]] = (attempt, begin, powers)

    def _start(self, attempt: Attempt, trial: str) -> None:
        if attempt.id in self._known:
            return
        self._known.add(attempt.id)
        before = self._trials.get(trial)
        if before is not None:
            self._kill(before)
        self._trials[trial] = attempt.id
        record = {"event": "started", "id": attempt.id, "attempt": attempt.to_json()}
        self._ledger.write(record)
        self._open[attempt.id] = (attempt, time.monotonic(), ())

    def end(self, attempt: Attempt, trial: str) -> None:
        """Record the attempt that a trial returned, and drop earlier ones of it as killed."""
        with self._lock:
            before = self._trials.get(trial)
            if before is not None and before != attempt.id:
                self._kill(before)
            self._known.add(attempt.id)
            self._open.pop(attempt.id, None)
            self._ledger.add(attempt)

    def give_up(self, trial: str) -> None:
        """Close what is still open of a trial."""
        with self._lock:
            if trial in self._trials:
                self._kill(self._trials[trial])

    def close(self) -> None:
        """Close whatever is still open: the sweep was interrupted."""
        with self._lock:
            for key in list(self._open):
                self._kill(key)

    def _kill(self, key: str) -> None:
        if key in self._open:
            attempt, begin, powers = self._open.pop(key)
            # Until the loss was noticed: not less than what it ran for.
            seconds = time.monotonic() - begin
            self._ledger.add(replace(attempt, power=powers, other_seconds=seconds))


def sweep(
    command: Sequence[str],
    trials: Sequence[Mapping[str, Any]],
    *,
    ledger: str | os.PathLike[str],
    name: str = "",
    probes: Sequence[str] = ("auto",),
    scheduler: str | None = None,
    workers: int = 1,
    on_trial: Callable[[int, int], None] = lambda done, total: None,
    on_client: Callable[[Any], None] = lambda client: None,
) -> list[Attempt]:
    """Run ``command`` once for every trial, and record each attempt in ``ledger``.

    Parameters
    ----------
    command : sequence of str
        With a ``{name}`` for each hyper-parameter.
    trials : sequence of dict
        Hyper-parameters of each trial.
    ledger : path
        Appended to by this process; the workers need not see it.
    name : str
        Of the experiment.
    probes : sequence of str
        As for :func:`hubel.sw.probe_registry.open_probes`, on each worker's machine; what they
        count is divided between the trials that run on it.
    scheduler : str, optional
        Address of a Dask scheduler, ``tcp://host:port``; otherwise a local cluster is started.
    workers : int
        Of the local cluster, 1 or more.
    on_trial, on_client : callable
        Called after each trial with those that are done and the total; once with the client.

    Returns
    -------
    list of Attempt
        Of the trials that came back, in their order; those that failed included.

    Raises
    ------
    ValueError, ImportError, OSError
        If there is no trial, an axis has no place in the command, Dask is not installed, or the
        scheduler does not answer.
    """
    if not trials:
        raise ValueError("a sweep of no trials; give axes with --grid")
    if workers < 1:
        raise ValueError(f"workers must be 1 or more, not {workers}")
    commands = [fill(command, trial) for trial in trials]
    try:
        from distributed import Client, LocalCluster, as_completed
        from distributed.scheduler import KilledWorker
    except ImportError as error:
        raise ImportError("a sweep needs Dask; run: pip install 'hubel[sweep]'") from error
    path = Path(ledger)
    path.parent.mkdir(parents=True, exist_ok=True)
    book = _Book(Ledger(path))
    cluster = None
    if scheduler is None:
        cluster = LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            dashboard_address=None,  # pyright: ignore[reportArgumentType]  no dashboard
            silence_logs=50,
        )
    try:
        with Client(cluster or scheduler, timeout="10s") as client:
            key, found = uuid.uuid4().hex, {}
            topic = f"hubel-sweep-{key}"
            client.subscribe_topic(topic, book.hear)
            on_client(client)
            futures = {
                client.submit(
                    _trial, topic, f"{key}-{index}", filled, dict(trial), name, list(probes),
                    key=f"trial-{key}-{index}", pure=False,
                ): index
                for index, (filled, trial) in enumerate(zip(commands, trials, strict=True))
            }  # fmt: skip
            for done, future in enumerate(as_completed(list(futures)), 1):
                index = futures[future]
                try:
                    attempt = Attempt.from_json(future.result())
                except KilledWorker:
                    book.give_up(f"{key}-{index}")
                else:
                    book.end(attempt, f"{key}-{index}")
                    found[index] = attempt
                on_trial(done, len(futures))
            client.unsubscribe_topic(topic)
    finally:
        if cluster is not None:
            cluster.close()
        book.close()
    return [found[index] for index in sorted(found)]


def _trial(
    topic: str,
    trial: str,
    command: list[str],
    config: dict[str, Any],
    name: str,
    probes: list[str],
) -> dict[str, Any]:
    """Run one trial on a worker; what it returns, and says on ``topic``, is JSON."""
    from distributed import get_worker

    worker = get_worker()
    opened: list[Attempt] = []

    def started(attempt: Attempt) -> None:
        opened.append(attempt)
        said = {"what": "start", "trial": trial, "attempt": attempt.to_json()}
        worker.log_event(topic, said)

    def beat(_seconds: float, powers: tuple[Figure, ...]) -> None:
        said = {"what": "beat", "id": opened[0].id, "powers": [p.to_json() for p in powers]}
        worker.log_event(topic, said)

    roll = Path(tempfile.gettempdir()) / f"hubel-trials-{os.getuid()}"
    with (
        tempfile.TemporaryDirectory(prefix="hubel-") as folder,
        Roll(roll, f"{trial}-{uuid.uuid4().hex[:8]}") as running,
    ):
        attempt, _ = run_measured(
            command,
            ledger=Path(folder) / "ledger.jsonl",
            sensors=[SharedSensor(sensor, running) for sensor in open_probes(probes)],
            name=name,
            config=config,
            on_start=started,
            on_beat=beat,
        )
    return attempt.to_json()
