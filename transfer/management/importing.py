"""What the commands that import have in common."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from environment.terminal import printable
from errors import Conflict, FaceAppError, NoRoom, Unavailable
from transfer.reports import describe_refusals, save_refusals
from transfer.types import Outcome


class ImportCommand(BaseCommand):
    """An import that may be stopped and repeated. What failed is listed at the end, also if the service goes away."""

    def handle(self, *args: Any, **options: Any) -> None:
        outcome = Outcome()
        try:
            self.run(outcome, options)
        except Unavailable as error:
            self.report(outcome, options)
            raise CommandError(f"{error.message} What was imported is kept; run the command again.") from error
        except (Conflict, NoRoom) as error:  # a quota of the client
            self.report(outcome, options)
            raise CommandError(f"{error.message} What was imported before is kept.") from error
        except FaceAppError as error:
            raise CommandError(error.message) from error
        self.report(outcome, options)
        if outcome.is_empty:
            raise CommandError("Nothing could be imported.")
        self.complete(options)

    def run(self, outcome: Outcome, options: dict[str, Any]) -> None:
        """Import; `outcome` grows with everything that is stored or refused."""
        raise NotImplementedError

    def summary(self, outcome: Outcome, options: dict[str, Any]) -> str:
        raise NotImplementedError

    def complete(self, options: dict[str, Any]) -> None:
        """What is done after the report of a successful import."""

    def report(self, outcome: Outcome, options: dict[str, Any]) -> None:
        known = f", {outcome.known} were there already" if outcome.known else ""
        self.stdout.write(f"{self.summary(outcome, options)}{known}.")
        for line in describe_refusals(outcome.refused):
            self.stdout.write(line)
        for alike in outcome.alike:
            self.stdout.write(printable(f"  {alike.name}: {alike.message}"))
        if options["report"]:
            save_refusals(options["report"], [*outcome.refused, *outcome.alike])
