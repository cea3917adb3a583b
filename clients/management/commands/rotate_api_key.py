"""`manage.py rotate_api_key <prefix>`: prints the key that replaces this one, and nothing else, on standard output."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError

from clients import services
from clients.models import ApiKey
from clients.rotation import LONGEST_OVERLAP, OVERLAP_HOURS
from errors import FaceAppError


class Command(BaseCommand):
    help = "Give an API key a new secret. The former key is accepted for some hours; the new one is shown once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("prefix", help="what the key has before the dot, as in the admin")
        parser.add_argument(
            "--overlap-hours",
            type=int,
            default=OVERLAP_HOURS,
            metavar="N",
            help=f"for which the former key is accepted, 0 to {LONGEST_OVERLAP}; {OVERLAP_HOURS} when omitted",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            row = ApiKey.objects.get(prefix=options["prefix"])
            key, _ = services.rotate_api_key(key=row, overlap_hours=options["overlap_hours"])
        except ApiKey.DoesNotExist as error:
            raise CommandError("There is no key with this prefix.") from error
        except FaceAppError as error:
            raise CommandError(error.message) from error
        except OperationalError as error:
            raise CommandError("The database does not answer.") from error
        self.stderr.write(f"New secret of key {row}:", self.style.NOTICE)
        self.stdout.write(key)
