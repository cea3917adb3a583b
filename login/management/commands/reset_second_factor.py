"""manage.py reset_second_factor: for someone who has lost the telephone or key, and the recovery codes."""

from __future__ import annotations

from typing import Any

from allauth.mfa.models import Authenticator
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser


class Command(BaseCommand):
    help = "Removes the second factors of a user, who then logs in with the password and sets up new ones."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, username: str, **options: Any) -> None:
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError("There is no user of this name.")
        number, _ = Authenticator.objects.filter(user=user).delete()
        self.stdout.write(f"Second factors removed: {number}.")
