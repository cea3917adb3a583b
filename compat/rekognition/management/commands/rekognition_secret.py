"""`manage.py rekognition_secret <prefix>`: prints a new secret of a key, and nothing else, on standard output."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError

from clients.models import ApiKey
from compat.rekognition.secrets import make_secret, withdraw_secret
from errors import FaceAppError


class Command(BaseCommand):
    help = "Let an API key sign calls as AWS does: its prefix is the access key id, and the secret is shown once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("prefix", help="what the key has before the dot, as in the admin")
        parser.add_argument("--withdraw", action="store_true", help="refuse its signatures from now on")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            key = ApiKey.objects.select_related("client").get(prefix=options["prefix"])
            secret = None if options["withdraw"] else make_secret(key=key)
            if secret is None and not withdraw_secret(key=key):
                raise CommandError("This key has no secret.")
        except ApiKey.DoesNotExist as error:
            raise CommandError("There is no key with this prefix.") from error
        except FaceAppError as error:
            raise CommandError(error.message) from error
        except OperationalError as error:
            raise CommandError("The database does not answer.") from error
        if secret is None:
            self.stdout.write("The secret is withdrawn; the key itself stays.")
            return
        self.stderr.write(f"AWS_ACCESS_KEY_ID={key.prefix}, and AWS_SECRET_ACCESS_KEY:", self.style.NOTICE)
        self.stdout.write(secret)
