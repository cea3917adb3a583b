"""Project package: settings, wiring and the embedded servers. No tables and no domain rules."""

from faceapp.celery import app as celery_app

__all__ = ["celery_app"]
