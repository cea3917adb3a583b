from django.apps import AppConfig


class RecognitionConfig(AppConfig):
    name, verbose_name = "recognition", "Screening"
