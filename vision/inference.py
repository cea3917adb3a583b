"""The one way from an image to its faces.

Where the engines are loaded (`engines.are_here`: in a worker child) a call runs them; in every other process it hands
the image to a worker and waits for the answer.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar, copy_context
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any, Literal, TypeVar

from celery.exceptions import TaskRevokedError, TimeLimitExceeded, WorkerLostError
from celery.exceptions import TimeoutError as CeleryTimeout
from django.conf import settings

from calls.caller import LOOK_SECONDS, CallerGone, require_caller
from calls.places import aside, release_database, working
from errors import FaceAppError, InvalidInput, Unavailable, internal_error
from vision import callers, dispatch, images, memory
from vision.description import CutFace, cut_faces, describe
from vision.dispatch import INTERACTIVE, PATIENT, queue_errors
from vision.engines import DEFAULT, dlib_pipeline, engines, runtime
from vision.engines.weights import missing_message
from vision.exceptions import (
    EmbedderUnavailable,
    EngineUnavailable,
    InvalidImage,
    TooManyBytes,
    UnknownName,
    invalid_image,
)
from vision.images import Limits
from vision.measured import count_image, observe_stage
from vision.parcels import parcel
from vision.raw_faces import RawFaceOptions, run_pipeline
from vision.types import Analysis, Box, DetectedFace, Detection, RawFace

NO_ANSWER = (CeleryTimeout, TaskRevokedError)  # in time: whichever looks at the clock first, caller or worker
LOST_SECONDS = 10.0  # how often who waits looks whether the queue still has the image
RETRY_SECONDS = 2.0
AT_ONCE = 4  # images of one call that wait for workers at the same time
log = logging.getLogger(__name__)
# Whether the whole image counts as a face: never, where none is found, or in place of a search.
Whole = Literal["never", "without_face", "always"]
_admitted: ContextVar[bool] = ContextVar("admitted", default=False)
Item = TypeVar("Item")
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class AnalysisOptions:
    """What to find out about the faces of an image.

    `aliases` name the engines whose embeddings are wanted (none: detection only). The first one's detector is used
    unless `detector` names another. `frame` adds what the frames of a sequence are compared by, `attributes` age
    and gender. `whole` says when the whole image counts as a face, whose confidence is 0.
    """

    detector: str | None = None
    aliases: Sequence[str] = (DEFAULT,)
    liveness: bool = False
    frame: bool = False
    attributes: bool = False
    whole: Whole = "never"


def analyse(
    data: bytes,
    options: AnalysisOptions = AnalysisOptions(),
    *,
    timeout: float | None = None,
    queue: str = INTERACTIVE,
) -> Analysis:
    """Find and describe the faces of an encoded image.

    Raises `InvalidImage`, `UnknownName`, `EngineUnavailable` when no worker answers within `timeout` seconds (default
    `FACEAPP_WAIT_SECONDS`), or what `admission` raises. One of many images of one call waits in the queue `PATIENT`,
    behind callers with a single image.
    """
    from vision.tasks import analyse_image  # a task module imports this one

    with admission(1):
        if _engines_are_here():
            return run_engines(data, options)
        seconds = timeout or settings.FACEAPP_WAIT_SECONDS
        return Analysis.from_json(_ask_worker(analyse_image, data, asdict(options), seconds, queue=queue))


def several(work: Callable[[Item], Answer], items: Iterable[Item]) -> list[Answer]:
    """`work` on every image of one call, a few at a time, in their order; the first error it raises is raised.

    The images are admitted together, and refused together.

    Enough of them are with the workers at once to keep two or three busy, and few enough that a caller with a single
    image waits for no more than the images in progress.
    """
    images_of_call = list(items)
    with admission(len(images_of_call)), aside(), ThreadPoolExecutor(AT_ONCE, "image") as pool:
        waiting = [pool.submit(copy_context().run, _work_in_thread, work, item) for item in images_of_call]
        return [one.result() for one in waiting]


def _work_in_thread(work: Callable[[Item], Answer], item: Item) -> Answer:
    try:
        with working():
            return work(item)
    finally:
        release_database()


@contextmanager
def admission(count: int) -> Iterator[None]:
    """Let a call have this many images analysed: it gets a place among the client's calls that wait, and is charged.

    Within it nothing is admitted again. Raises `TooManyWaiting`, or what the client's `charge` raises.
    """
    if _admitted.get():
        yield
        return
    with nullcontext() if _engines_are_here() else callers.waiting():
        dispatch.charge(count)
        token = _admitted.set(True)
        try:
            yield
        finally:
            _admitted.reset(token)


def answered_by_worker(
    task: Any, data: bytes, sent: dict[str, Any], *, here: Callable[[], dict[str, Any]], queue: str = INTERACTIVE
) -> dict[str, Any]:
    """What `task` of another package answers, which gets the key of `data` and what is `sent`; a worker does it `here`.

    Raises as `analyse` does, and what the task's answer says.
    """
    if _engines_are_here():
        return here()
    return _ask_worker(task, data, sent, settings.FACEAPP_WAIT_SECONDS, queue=queue)


def find_raw_faces(
    data: bytes, *, options: RawFaceOptions, timeout: float, box: Box | None = None, limits: Limits | None = None
) -> list[RawFace]:
    """`vision.raw_faces.run_pipeline`, for callers that prefer a late answer to an early error.

    Within `timeout` seconds an image is sent again when the queue is down or has lost it, and once when its worker
    stopped. After that `Unavailable` or `EngineUnavailable` is raised, and at once what `admission` raises.
    """
    from vision.tasks import find_faces_of_dlib  # a task module imports this one

    sent: dict[str, Any] = {
        "options": asdict(options),
        "box": asdict(box) if box else None,
        "limits": asdict(limits) if limits else None,
    }
    with admission(1):
        if _engines_are_here():
            return run_pipeline(data, options=options, box=box, limits=limits)
        answer = _ask_patiently(find_faces_of_dlib, data, sent, time.monotonic() + timeout)
    return [RawFace.from_json(face) for face in answer["faces"]]


def require_raw_weights(*, options: RawFaceOptions) -> None:
    """Raise `EngineUnavailable` (`engine.weights_missing`) unless the weights for `options` are in place."""
    if names := dlib_pipeline().missing_weights(detectors=options.detectors, points=options.points):
        raise EngineUnavailable(missing_message(names), code="engine.weights_missing")


def run_engines(data: bytes, options: AnalysisOptions) -> Analysis:
    """What `analyse` does inside a worker."""
    [outcome] = run_engines_on([data], options)
    if isinstance(outcome, FaceAppError):
        raise outcome
    return outcome


def run_engines_on(encoded: Iterable[bytes], options: AnalysisOptions) -> list[Analysis | FaceAppError]:
    """The analysis of each encoded image or, where there is none, the reason: no image harms another.

    Images are decoded and searched one after the other; then the faces of all are described in one batch.
    """
    with runtime.at_work():
        looks = [_look_at(data, options) for data in encoded]
        analyses = iter(_describe_together([look for look in looks if isinstance(look, _Look)], options))
        outcomes = [next(analyses) if isinstance(look, _Look) else look for look in looks]
    if engines.are_here:
        _count(looks, outcomes)
    return outcomes


def _count(looks: Sequence[_Look | FaceAppError], outcomes: Sequence[Analysis | FaceAppError]) -> None:
    for look, outcome in zip(looks, outcomes, strict=True):
        count_image(outcome if isinstance(outcome, FaceAppError) else None)
        if isinstance(look, _Look):
            observe_stage("find", milliseconds=look.milliseconds)
            if isinstance(outcome, Analysis):
                observe_stage("describe", milliseconds=outcome.milliseconds - look.milliseconds)


@dataclass(frozen=True)
class _Look:
    """The faces of an image, which are still to be described, and its size in pixels."""

    faces: list[CutFace]
    width: int
    height: int
    milliseconds: float

    def analysis(self, described: Iterator[DetectedFace], each: float) -> Analysis:
        """Take this image's faces off `described`; each took so many milliseconds."""
        count = len(self.faces)
        return Analysis(list(islice(described, count)), self.width, self.height, self.milliseconds + count * each)


def _look_at(data: bytes, options: AnalysisOptions) -> _Look | FaceAppError:
    """One decode, one detection."""
    started = time.perf_counter()
    try:
        faces, (width, height) = cut_faces(data, options)
    except Exception as error:
        return _failure(error)
    return _Look(faces, width, height, (time.perf_counter() - started) * 1000)


def _describe_together(looks: Sequence[_Look], options: AnalysisOptions) -> list[Analysis | FaceAppError]:
    """One batch of faces for each network; if that fails, one for each image."""
    started = time.perf_counter()
    faces = [face for look in looks for face in look.faces]
    try:
        described = iter(describe(faces, options))
    except EmbedderUnavailable as error:  # no fault of any image
        return [error] * len(looks)
    except Exception as error:
        if len(looks) == 1:
            return [_failure(error)]
        return [outcome for look in looks for outcome in _describe_together([look], options)]
    each = (time.perf_counter() - started) * 1000 / max(len(faces), 1)
    return [look.analysis(described, each) for look in looks]


def _failure(error: Exception) -> FaceAppError:
    """The error that a caller may read."""
    if isinstance(error, FaceAppError):
        return error
    if memory.is_short(error):
        return invalid_image("image.too_costly")
    log.error("An image could not be analysed", exc_info=error)
    return internal_error()


def embed_whole(data: bytes, *, alias: str = DEFAULT) -> list[DetectedFace]:
    """The embedding of an image that shows one face, already cut out, and nothing else; no face is searched.

    For programs that load the engines themselves. Raises `InvalidImage` or `EngineUnavailable`.
    """
    image = images.decode(data)
    height, width = image.shape[:2]
    face = Detection(Box(0, 0, width, height), confidence=1.0)
    [vector] = engines[alias].embed(image, [face])
    return [DetectedFace(face.box, 1.0, face.landmarks, embeddings={engines[alias].space.name: vector})]


def _engines_are_here() -> bool:
    return engines.are_here or bool(settings.CELERY_TASK_ALWAYS_EAGER)


def _ask_patiently(task: Any, data: bytes, options: dict[str, Any], deadline: float) -> dict[str, Any]:
    workers_lost = 0
    while True:
        try:
            return _ask_worker(task, data, options, max(deadline - time.monotonic(), 1.0), queue=PATIENT)
        except (TooManyBytes, Unavailable) as error:
            workers_lost += error.code == "engine.worker_lost"
            retry = error.code != "engine.worker_lost" or workers_lost < 2
            retry &= error.code in {"queue.unavailable", "engine.worker_lost", TooManyBytes.code}
            if not retry or time.monotonic() + RETRY_SECONDS > deadline:
                raise
        with aside():
            time.sleep(RETRY_SECONDS)


def _ask_worker(
    task: Any, data: bytes, options: dict[str, Any], timeout: float, *, queue: str = INTERACTIVE
) -> dict[str, Any]:
    require_caller()
    try:
        with queue_errors(), parcel(data, seconds=int(timeout) + 30) as key:
            result = dispatch.send(task, (key, options), queue=queue, expires=timeout)
            try:
                with aside():
                    answer: dict[str, Any] = _wait(result, key, time.monotonic() + timeout)
            except CallerGone:
                dispatch.withdraw(result.id, queue=queue)
                raise
            result.forget()
    except NO_ANSWER as error:
        message = f"No worker answered within {timeout:.0f} seconds. Try again, or send the images as a job."
        raise EngineUnavailable(message, code="engine.timeout") from error
    except (WorkerLostError, TimeLimitExceeded) as error:
        message = "The worker stopped while it processed this image."
        raise EngineUnavailable(message, code="engine.worker_lost") from error
    if "error" in answer:
        raise error_from_json(**answer["error"])
    return answer


def _wait(result: Any, key: str, deadline: float) -> Any:
    """The result. A Redis that restarted has forgotten image and message, so that no answer will ever come."""
    seen = time.monotonic()
    while True:
        try:
            return result.get(timeout=max(min(LOOK_SECONDS, LOST_SECONDS, deadline - time.monotonic()), 0.001))
        except CeleryTimeout:
            if time.monotonic() >= deadline:
                raise
            require_caller()
            callers.still_waiting()
        if time.monotonic() - seen >= LOST_SECONDS:
            seen = time.monotonic()
            if not dispatch.handoff().exists(key):
                raise Unavailable("The queue has lost the image.", code="queue.unavailable")


ERROR_KINDS: dict[str, type[FaceAppError]] = {
    kind.__name__: kind
    for kind in (InvalidImage, UnknownName, InvalidInput, EngineUnavailable, Unavailable, FaceAppError)
}


def error_to_json(error: FaceAppError) -> dict[str, str]:
    """A `FaceAppError` as JSON, for the way back from a worker."""
    kind = next(name for name, cls in ERROR_KINDS.items() if isinstance(error, cls))
    return {"kind": kind, "message": error.message, "code": error.code}


def error_from_json(*, kind: str, message: str, code: str) -> FaceAppError:
    """The inverse of `error_to_json`."""
    return ERROR_KINDS[kind](message, code=code)


def require_worker(*, seconds: float = 10.0) -> None:
    """Raise `EngineUnavailable` (`engine.no_worker`) unless a worker answers. For commands, before long work."""
    from vision.tasks import ping

    try:
        with queue_errors():
            ping.apply_async(expires=seconds).get(timeout=seconds)
    except NO_ANSWER as error:
        message = "No worker answers. Start the service (`make run`) in another terminal, then try again."
        raise EngineUnavailable(message, code="engine.no_worker") from error
