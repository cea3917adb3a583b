"""`manage.py reset_client`: erases everything that a client has stored."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from clients.erasure import reset_client
from clients.models import Client


class Command(BaseCommand):
    help = (
        "Erase everything that a client has stored: people, blacklist, processed images, albums, accounts, and their"
        " files. The client, its API keys and its members stay. This cannot be undone."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="of the client")
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def handle(self, *args: Any, **options: Any) -> None:
        client = Client.objects.filter(name=options["name"]).first()
        if client is None:
            raise CommandError(f"There is no client {options['name']!r}.")
        if not options["yes"]:
            self.confirm(client)
        erased = reset_client(client=client)
        for label, count in sorted(erased.items()):
            self.stdout.write(f"  {label}: {count}")
        self.stdout.write(self.style.SUCCESS(f"Everything of {client} is erased: {erased.total()} rows."))

    def confirm(self, client: Client) -> None:
        """Raises `CommandError` unless the client's name is typed."""
        self.stdout.write(f"This erases everything that {client} has stored, for good.")
        try:
            answer = input("Type the client's name to continue: ")
        except EOFError:
            answer = ""
        if answer.strip() != client.name:
            raise CommandError("Nothing was erased.")
