from django.apps import AppConfig, apps
from django.contrib.admin.apps import AdminConfig as DjangoAdminConfig
from django.db.models.signals import post_migrate


class AdminConfig(DjangoAdminConfig):
    default_site = "clients.admin_site.ClientAdminSite"


class FaceAppConfig(AppConfig):
    name = "faceapp"
    verbose_name = "Service"

    def ready(self) -> None:
        from faceapp import checks, roles, row_security  # noqa: F401  the system checks register themselves

        last = [config for config in apps.get_app_configs() if config.models_module][-1]  # then all permissions exist
        post_migrate.connect(roles.make_groups, sender=last, dispatch_uid="faceapp.roles")
        post_migrate.connect(row_security.after_migrate, sender=last, dispatch_uid="faceapp.row_security")
