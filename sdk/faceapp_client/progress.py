"""A bar for jobs, on the terminal's error output."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from faceapp_client.results import Job


class ProgressBar:
    """Shows how far a job is: `with ProgressBar() as bar: faces.screening.wait(job, progress=bar.show)`.

    Nothing is drawn unless the output is a terminal.
    """

    def __init__(self, title: str = "Screening", *, total: int | None = None, console: Console | None = None) -> None:
        console = console or Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._bar.add_task(title, total=total)
        self._before = 0

    def show(self, job: Job) -> None:
        """The job as it stands."""
        if self._bar.tasks[0].total is None:
            self._bar.update(self._task, total=job.total)
        self._bar.update(self._task, completed=self._before + job.done)

    def advance(self, done: int) -> None:
        """Count this many images as done; the next job continues from there."""
        self._before += done
        self._bar.update(self._task, completed=self._before)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()
