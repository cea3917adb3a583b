"""`manage.py export_audit`: the audit as JSON lines."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.export import lines_of
from audit.sealing import seal_all
from audit.services import client_called
from errors import FaceAppError


class Command(BaseCommand):
    help = "Write the sealed rows of one client, or without --client those of the deployment, as JSON lines."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--client", metavar="NAME", help="name, or number of a deleted one")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            client_id = client_called(options["client"]) if options["client"] else None
        except FaceAppError as error:
            raise CommandError(error.message) from error
        seal_all()
        for line in lines_of(client_id=client_id):
            self.stdout.write(line, ending="")
