"""Search photographs for listed people: `/api/v1/process/`, `/jobs/` and `/processed-images/`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from faceapp_client.endpoints import D, Pages, Resource, call, form, given, listing, read_response
from faceapp_client.errors import JobTimeout
from faceapp_client.results import Job, ScreenedImage
from faceapp_client.retries import Flow, Pause, Request, send
from faceapp_client.uploads import ImageSource, parts

JOBS, IMAGES, PROCESS = "/api/v1/jobs/", "/api/v1/processed-images/", "/api/v1/process/process-images/"
FIRST_LOOK, LONGEST_LOOK = 0.2, 2.0  # seconds between two looks at a job
ACCEPTED = 202
Progress = Callable[[Job], object]


class Screening(Resource[D]):
    """Screen now, or submit a job and wait for it or not."""

    @call
    def screen(
        self,
        images: Iterable[ImageSource],
        *,
        detector: str | None = None,
        model: str | None = None,
        metric: str | None = None,
        threshold: float | None = None,
        progress: Progress | None = None,
        idempotency_key: str | None = None,
    ) -> Flow[list[ScreenedImage]]:
        """Search every face of every image; returns one result per image, in order, and waits as long as it takes."""
        fields = form(detector_backend=detector, model_name=model, distance_metric=metric, threshold=threshold)
        request = Request("POST", PROCESS, form=fields, files=parts("images", images))
        response = yield from send(request.once(idempotency_key), self._driver.retries)
        if response.status_code != ACCEPTED:
            return read_response(list[ScreenedImage], response)
        job = yield from self._finished(read_response(Job, response).id, timeout=None, progress=progress)
        return (yield from self._results(job))

    @call
    def submit(
        self,
        images: Iterable[ImageSource],
        *,
        detector: str | None = None,
        model: str | None = None,
        metric: str | None = None,
        threshold: float | None = None,
        idempotency_key: str | None = None,
    ) -> Flow[Job]:
        """The same as a job, without waiting for it."""
        fields = form(detector_backend=detector, model_name=model, distance_metric=metric, threshold=threshold)
        files, headers = parts("images", images), {"Prefer": "respond-async"}
        request = Request("POST", PROCESS, form=fields, files=files, headers=headers)
        return self._answer(Job, request.once(idempotency_key))

    @call
    def wait(
        self, job: Job | str, *, timeout: float | None = None, progress: Progress | None = None
    ) -> Flow[list[ScreenedImage]]:
        """The results of a job when it is finished or cancelled. Raises `JobTimeout` after `timeout` seconds.

        `progress` is called with the job as it stands; `ProgressBar.show` is such a function.
        """
        finished = yield from self._finished(_id(job), timeout=timeout, progress=progress)
        return (yield from self._results(finished))

    @call
    def job(self, job_id: str) -> Flow[Job]:
        """A job as it stands."""
        return self._job(job_id)

    @listing
    def jobs(self) -> Pages[Job]:
        """Every job, newest first."""
        return Pages(Job, JOBS)

    @listing
    def results(self, job: Job | str) -> Pages[ScreenedImage]:
        """The images of a job in their order, each with its result as soon as it is there."""
        return Pages(ScreenedImage, f"{JOBS}{_id(job)}/results/")

    @call
    def cancel(self, job: Job | str, *, idempotency_key: str | None = None) -> Flow[Job]:
        """Drop the images that are not finished."""
        request = Request("POST", f"{JOBS}{_id(job)}/cancel/")
        return self._answer(Job, request.once(idempotency_key))

    # ---- screened images ------------------------------------------------------------------------------------------
    @listing
    def images(
        self,
        *,
        has_match: bool | None = None,
        job: Job | str | None = None,
        status: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Pages[ScreenedImage]:
        """Screened images, newest first."""
        times = given(since=since and since.isoformat(), until=until and until.isoformat())
        fields = form(has_match=has_match, job=job and _id(job), status=status)
        return Pages(ScreenedImage, IMAGES, fields | times)

    @call
    def image(self, image_id: int) -> Flow[ScreenedImage]:
        """One screened image."""
        return self._answer(ScreenedImage, Request("GET", f"{IMAGES}{image_id}/", idempotent=True))

    @call
    def file(self, image_id: int) -> Flow[bytes]:
        """Its file, as it was sent."""
        return self._bytes(f"{IMAGES}{image_id}/image/")

    @call
    def sidecar(self, image_id: int) -> Flow[bytes]:
        """An XMP sidecar for the file, whose regions mark the faces; those with a hit have the name of the entry."""
        return self._bytes(f"{IMAGES}{image_id}/sidecar/")

    @call
    def delete(self, image_id: int) -> Flow[None]:
        """Erase a screened image: file, faces and matches."""
        return self._no_answer(Request("DELETE", f"{IMAGES}{image_id}/"))

    # ---- waiting --------------------------------------------------------------------------------------------------
    def _job(self, job_id: str) -> Flow[Job]:
        return self._answer(Job, Request("GET", f"{JOBS}{job_id}/", idempotent=True))

    def _finished(self, job_id: str, *, timeout: float | None, progress: Progress | None) -> Flow[Job]:
        """Polls the job, at first often. Time is counted in pauses."""
        pause, waited = FIRST_LOOK, 0.0
        while True:
            job = yield from self._job(job_id)
            if progress:
                progress(job)
            if job.is_finished:
                return job
            if timeout is not None and waited >= timeout:
                raise JobTimeout(f"The job is not finished after {timeout:g} seconds; it goes on.", job_id=job_id)
            yield Pause(pause)
            waited += pause
            pause = min(pause * 1.5, LONGEST_LOOK)

    def _results(self, job: Job) -> Flow[list[ScreenedImage]]:
        pages = Pages(ScreenedImage, f"{JOBS}{job.id}/results/")
        results: list[ScreenedImage] = []
        query: Mapping[str, Any] | None = pages.first
        while query is not None:
            page = yield from pages.read(self._driver.retries, query)
            results += page.items
            query = page.following
        return results


def _id(job: Job | str) -> str:
    return job.id if isinstance(job, Job) else job
