from django.apps import AppConfig


class LoginConfig(AppConfig):
    name = "login"
    verbose_name = "Logging in"

    def ready(self) -> None:
        from login import checks, sessions  # noqa: F401  they register themselves
