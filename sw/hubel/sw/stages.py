"""Progress on a terminal: a bar while a stage runs, and a line with its time when it is done."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn


class Stage:
    """A stage that runs: tell it how far it is and, before it ends, what came of it."""

    def __init__(self, progress: Progress, task: TaskID, name: str):
        self._progress, self._task, self._name = progress, task, name
        self.result = ""

    def doing(self, what: str) -> None:
        """Show ``what`` is being done; how far it is is not known."""
        self._progress.update(self._task, description=f"{self._name}: {what}", total=None)

    def advance(self, done: int, total: int) -> None:
        """Show that ``done`` of ``total`` parts are done."""
        self._progress.update(self._task, completed=done, total=total)


class Stages:
    """Shows stages on ``console``.

    Parameters
    ----------
    console : rich.console.Console
        Progress appears only where it is a terminal; the lines always do.
    """

    def __init__(self, console: Console | None = None):
        self.console = console or Console()

    @contextmanager
    def __call__(self, name: str) -> Iterator[Stage]:
        """Run the body as stage ``name`` and print its line; an error prints none."""
        start = time.perf_counter()
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn())
        progress = Progress(
            *columns,
            TimeElapsedColumn(),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
        )
        with progress as bar:
            stage = Stage(bar, bar.add_task(name, total=None), name)
            yield stage
        seconds = time.perf_counter() - start
        line = f"{name:<13} {stage.result}  [dim]{seconds:.1f} s"
        self.console.print(line, highlight=False, soft_wrap=True)
