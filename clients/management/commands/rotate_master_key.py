"""`manage.py rotate_master_key`: wraps the keys of all clients by another master key."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError, transaction

from audit.services import record
from audit.types import Action
from errors import FaceAppError
from vault import master


class Command(BaseCommand):
    help = (
        "Wrap the keys of all clients by another master key, in one transaction; no file is written anew. The file of"
        " the master key gets a new one and keeps the former, which opens older backups of the database. Where the key"
        " comes from the environment or a command, put the new one in front of the old and restart the service first."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--forget-former",
            action="store_true",
            help="instead: remove the former keys from the file, after you have put them where backups need them",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["forget_former"]:
                self.stdout.write(f"Removed {master.forget_former()} former key(s) from the file.")
                return
            with transaction.atomic():
                count = master.rotate()
                fingerprint = master.establish()
                record(Action.SETTINGS_CHANGED, client_id=None, objects=[f"master_key:{fingerprint}"], results=count)
        except FaceAppError as error:
            raise CommandError(error.message) from error
        except OperationalError as error:
            raise CommandError("The database does not answer.") from error
        self.stdout.write(self.style.SUCCESS(f"Wrapped {count} keys by master key {fingerprint}."))
        self.stdout.write("Back up the master key now, apart from the database.")
