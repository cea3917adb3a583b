"""Celery tasks of the engines. Payloads are ids and JSON; image bytes travel through `vision.dispatch.handoff`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from celery import shared_task

from errors import FaceAppError
from vision import dispatch, inference, memory
from vision.engines import runtime
from vision.exceptions import EngineUnavailable, invalid_image
from vision.images import Limits
from vision.inference import AnalysisOptions
from vision.measured import counted
from vision.raw_faces import RawFaceOptions, run_pipeline
from vision.types import Box


@shared_task(ignore_result=False, reject_on_worker_lost=False)
def analyse_image(key: str, options: dict[str, Any]) -> dict[str, Any]:
    """Analyse the image waiting under `key`. A refusal is a result, not a failure: the caller raises it again."""
    return answer(key, lambda data: inference.run_engines(data, AnalysisOptions(**options)).to_json())


@shared_task(ignore_result=False, reject_on_worker_lost=False)
def find_faces_of_dlib(key: str, sent: dict[str, Any]) -> dict[str, Any]:
    """Find and describe the faces of the image waiting under `key` with dlib's own numbers."""
    options = RawFaceOptions(**sent["options"])
    box = Box(**sent["box"]) if sent["box"] else None
    limits = Limits(**sent["limits"]) if sent["limits"] else None

    def work(data: bytes) -> dict[str, Any]:
        with counted("dlib"):
            faces = run_pipeline(data, options=options, box=box, limits=limits)
        return {"faces": [face.to_json() for face in faces]}

    return answer(key, work)


@shared_task(ignore_result=False)
def ping() -> str:
    """Proof that a worker takes work from the interactive queue, and the device on which it runs networks.

    Raises `EngineUnavailable` where that does not work.
    """
    return runtime.device().name


def answer(key: str, work: Callable[[bytes], dict[str, Any]]) -> dict[str, Any]:
    """What `work` makes of the bytes that wait under `key`, or the error that the caller is to raise."""
    data = dispatch.handoff().get(key)
    if not isinstance(data, bytes):  # expired
        return {"error": inference.error_to_json(EngineUnavailable("The caller stopped waiting."))}
    try:
        return work(data)
    except FaceAppError as error:
        return {"error": inference.error_to_json(error)}
    except Exception as error:
        if memory.is_short(error):
            return {"error": inference.error_to_json(invalid_image("image.too_costly"))}
        raise
