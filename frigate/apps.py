from django.apps import AppConfig


class FrigateConfig(AppConfig):
    name = "frigate"
