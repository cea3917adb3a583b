"""Celery tasks of the engines. Payloads are ids and JSON; image bytes travel through `vision.inference.handoff`."""

from __future__ import annotations

from typing import Any

from celery import shared_task

from faceapp.exceptions import FaceAppError
from vision import inference
from vision.exceptions import EngineUnavailable


@shared_task(ignore_result=False, reject_on_worker_lost=False)
def analyse_image(key: str, options: dict[str, Any]) -> dict[str, Any]:
    """Analyse the image waiting under `key`. A refusal is a result, not a failure: the caller raises it again."""
    data = inference.handoff().get(key)
    if not isinstance(data, bytes):  # expired
        return {"error": inference.describe_error(EngineUnavailable("The caller stopped waiting."))}
    try:
        return inference.run_engines(data, **options).to_json()
    except FaceAppError as error:
        return {"error": inference.describe_error(error)}


@shared_task(ignore_result=False)
def ping() -> str:
    """Proof that a worker takes work from the interactive queue and answers."""
    return "pong"
