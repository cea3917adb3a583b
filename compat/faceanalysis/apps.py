from django.apps import AppConfig


class FaceAnalysisConfig(AppConfig):
    name = "compat.faceanalysis"
    label = "faceanalysis"
    verbose_name = "FaceAnalysis"

    def ready(self) -> None:
        from compat.faceanalysis import checks  # noqa: F401  registers the system checks
