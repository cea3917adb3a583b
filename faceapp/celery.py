"""The Celery application. Queues and delivery guarantees are explained in docs/operations.md."""

import logging.config
import os
from typing import Any

from celery import Celery
from celery.signals import celeryd_init, setup_logging
from django.conf import settings

from telemetry import messages

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "faceapp.settings")

app = Celery("faceapp", task_cls=messages.SeenTask)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
messages.connect()


@celeryd_init.connect  # a worker may warn before it sets up its logging
@setup_logging.connect
def configure_logging(**_: Any) -> None:
    """In Celery's programs lines look as everywhere else, at FACEAPP_LOG_LEVEL."""
    logging.config.dictConfig(settings.LOGGING)
    logging.captureWarnings(True)


@setup_logging.connect
def log_what_is_printed(**_: Any) -> None:
    """Libraries print; Celery does this by itself only where it sets up the logging."""
    app.log.redirect_stdouts()
