from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    """The pages on which people work with the service: trying it, and whatever follows from an answer."""

    name = "console"
