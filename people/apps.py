"""Registers the gallery's system checks."""

from django.apps import AppConfig


class PeopleConfig(AppConfig):
    name = "people"

    def ready(self) -> None:
        from people import checks  # noqa: F401  registers the system checks
