"""The same function over many arguments: through Dask where it is installed, else one by one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


def _quiet(text: str) -> None:
    pass


def _no_progress(done: int, total: int) -> None:
    pass


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """Runs a function on a list of arguments and keeps their order.

    Parameters
    ----------
    workers : int
        Processes of a local Dask cluster; 1 runs here, one after the other.
    scheduler : str, optional
        Address of a running Dask scheduler, used instead.
    say : callable
        Told, in one line, where it falls back to one by one.
    progress : callable
        Told how many of how many are done.
    """

    workers: int = 1
    scheduler: str | None = None
    say: Callable[[str], None] = _quiet
    progress: Callable[[int, int], None] = _no_progress

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise ValueError(f"workers must be 1 or more, not {self.workers!r}")

    def __call__(self, function: Callable[..., Any], arguments: Sequence[tuple]) -> list[Any]:
        """``[function(*a) for a in arguments]``; function and arguments must pass through
        pickle. An error in one stops all."""
        if self.workers == 1 and self.scheduler is None:
            return self._serial(function, arguments)
        try:
            from distributed import Client, LocalCluster
        except ImportError:
            self.say(
                "Dask is not installed: one core does all; for more, pip install 'hubel[sweep]'"
            )
            return self._serial(function, arguments)
        if self.scheduler is not None:
            with Client(self.scheduler, timeout=10) as client:
                return self._through(client, function, arguments)
        with (
            LocalCluster(
                n_workers=self.workers, threads_per_worker=1, dashboard_address=":0"
            ) as cluster,
            Client(cluster) as client,
        ):
            return self._through(client, function, arguments)

    def _serial(self, function: Callable[..., Any], arguments: Sequence[tuple]) -> list[Any]:
        results = []
        for done, argument in enumerate(arguments, 1):
            results.append(function(*argument))
            self.progress(done, len(arguments))
        return results

    def _through(self, client: Any, function: Callable[..., Any], arguments: Sequence[tuple]):
        from distributed import as_completed

        futures = [client.submit(function, *a, pure=False) for a in arguments]
        for done, future in enumerate(as_completed(futures), 1):
            future.result()
            self.progress(done, len(arguments))
        return client.gather(futures)
