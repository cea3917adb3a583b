"""`manage.py verify_audit`: whether the audit is as it was recorded."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.services import client_called
from audit.types import Verified
from audit.verification import ALL, verify
from errors import FaceAppError


class Command(BaseCommand):
    help = (
        "Check every row of the audit against its seal, the chain of the seals and their signatures. Prints the last"
        " seal of each chain: keep it elsewhere, and pass it to --known next time, to notice rows removed at the end."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--client", metavar="NAME", help="name, or number of a deleted one (default: all chains)")
        parser.add_argument(
            "--known", action="append", default=[], metavar="SEAL", help="hash of a seal that must exist"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            client_id = client_called(options["client"]) if options["client"] else ALL
        except FaceAppError as error:
            raise CommandError(error.message) from error
        done = verify(client_id=client_id, known=options["known"])
        self.report(done)
        if not done.is_intact:
            raise CommandError("The audit has been tampered with, or is damaged.")
        self.stdout.write(self.style.SUCCESS("The audit is intact."))

    def report(self, done: Verified) -> None:
        for finding in done.findings:
            self.stdout.write(f"{'note' if finding.is_note else 'ERROR'}: {finding}")
        self.stdout.write(f"{done.records} rows, {done.seals} seals, {done.unsealed} rows not sealed yet.")
        for owner, head in done.heads.items():
            self.stdout.write(f"Last seal of {'the deployment' if owner is None else f'client {owner}'}: {head}")
