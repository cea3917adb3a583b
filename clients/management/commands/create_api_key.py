"""`manage.py create_api_key <client>`: prints a new key, and nothing else, on standard output.

With `--path-token` a second line is what to append to the service's address instead of sending the key.
"""

from __future__ import annotations

from typing import Any, Literal

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError

from clients import services
from clients.models import Scope
from clients.scopes import PRESETS
from errors import FaceAppError


def days_or_never(text: str) -> int | Literal["never"]:
    return "never" if text == services.NEVER else int(text)


class Command(BaseCommand):
    help = "Make an API key for a client, and the client if needed. The key is shown this once; it is stored hashed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("client", help="name of the client")
        parser.add_argument(
            "--scopes",
            nargs="+",
            default=[],
            metavar="SCOPE",
            help=f"what the key may do: {', '.join(Scope.values)}; several at once: {', '.join(PRESETS)}",
        )
        parser.add_argument(
            "--expires-days",
            type=days_or_never,
            metavar="N",
            help="days from now, or never; FACEAPP_KEY_DAYS when omitted, never for a key for Nextcloud alone",
        )
        parser.add_argument(
            "--networks",
            nargs="+",
            default=[],
            metavar="CIDR",
            help="from which it is accepted; all when omitted",
        )
        parser.add_argument("--name", default="", help="what the key is for")
        parser.add_argument(
            "--path-token", action="store_true", help="also a secret path for programs that know a base URL only"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            row, key = services.create_api_key(
                client_name=options["client"],
                name=options["name"],
                scopes=options["scopes"],
                expires_in_days=options["expires_days"],
                networks=options["networks"],
            )
            token = services.make_path_token(key=row) if options["path_token"] else ""
        except FaceAppError as error:
            raise CommandError(error.message) from error
        except OperationalError as error:
            raise CommandError("The database does not answer.") from error
        self.stderr.write(f"Key {row} of client {row.client}:", self.style.NOTICE)
        self.stdout.write(key)
        if token:
            self.stdout.write(f"/k/{token}")
