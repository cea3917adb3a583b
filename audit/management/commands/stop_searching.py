"""`manage.py stop_searching`: nobody is searched for until `--resume`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit import services
from errors import FaceAppError


class Command(BaseCommand):
    help = (
        "Refuse all searches, verifications, comparisons and screenings of a client, or of everybody, from now on."
        " Jobs wait. What has begun is finished."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--client", metavar="NAME", help="default: everybody")
        parser.add_argument("--resume", action="store_true", help="let searching go on")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            client_id = services.client_called(options["client"]) if options["client"] else None
        except FaceAppError as error:
            raise CommandError(error.message) from error
        switch = services.resume_searching if options["resume"] else services.stop_searching
        changed = switch(client_id=client_id)
        whose = options["client"] or "everybody"
        state = "goes on" if options["resume"] else "is stopped"
        self.stdout.write(f"Searching {state} for {whose}.{'' if changed else ' Nothing has changed.'}")
