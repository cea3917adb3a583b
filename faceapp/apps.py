from django.apps import AppConfig


class FaceAppConfig(AppConfig):
    name = "faceapp"
    verbose_name = "Service"

    def ready(self) -> None:
        from faceapp import checks  # noqa: F401  registers the system checks
