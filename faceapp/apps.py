from django.apps import AppConfig


class FaceAppConfig(AppConfig):
    name = "faceapp"
    verbose_name = "Service"
