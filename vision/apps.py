"""Loads the engines in each worker child, or in a worker of threads; never in a web process or a prefork parent."""

import gc
from typing import Any

from celery.signals import worker_process_init
from django.apps import AppConfig


class VisionConfig(AppConfig):
    name = "vision"
    verbose_name = "Face engines"

    def ready(self) -> None:
        from vision import checks, dispatch, gathering_worker  # noqa: F401  registers the system checks

        dispatch.connect()
        gathering_worker.connect()
        worker_process_init.connect(load_engines, dispatch_uid="vision.load_engines")


def load_engines(**_: Any) -> None:
    """Load every enabled engine into a worker child; what it takes from then on has a ceiling."""
    from vision import memory
    from vision.engines import engines, overview

    engines.load()
    overview.report_device()
    gc.collect()
    gc.freeze()  # models and modules stay for good: no need to look through them again
    memory.set_ceiling()
