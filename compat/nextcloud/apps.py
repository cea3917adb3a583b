from django.apps import AppConfig


class NextcloudConfig(AppConfig):
    name = "compat.nextcloud"
    label = "nextcloud"
    verbose_name = "Nextcloud"

    def ready(self) -> None:
        from compat.nextcloud import checks  # noqa: F401  registers the system checks
