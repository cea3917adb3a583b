from django.apps import AppConfig


class EkycConfig(AppConfig):
    name = "compat.ekyc"
    label = "ekyc"
    verbose_name = "eKYC"

    def ready(self) -> None:
        from compat.ekyc import checks  # noqa: F401  registers the system checks
