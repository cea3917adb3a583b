"""Tests that are skipped because a clone lacks data are counted at the end of a run."""

from collections import Counter

import pytest

DATA = "missing data"  # begins the reason of every such skip


def report(terminal: pytest.TerminalReporter) -> None:
    """A section that names the data and how many tests need them; nothing when all are there."""
    reasons = (report.longrepr[2].removeprefix("Skipped: ") for report in terminal.stats.get("skipped", []))
    counts = Counter(reason.removeprefix(f"{DATA}: ") for reason in reasons if reason.startswith(DATA))
    if counts:
        terminal.section(f"{counts.total()} tests skipped for lack of data")
        for what, count in counts.most_common():
            terminal.line(f"{count:5} need {what}")
