"""Jobs of the client: what is under way, what failed and why, and cancelling it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from rest_framework.request import Request

from audit.types import Action
from clients.authentication import client_of
from clients.models import Scope
from clients.numbering import record_rows
from console.exceptions import NothingSent
from console.numbers import number_in
from console.pages import ConsolePage
from recognition.exceptions import RecordNotFound
from recognition.models import Job, Status
from recognition.services import cancel_job, screening_options, submit_images
from vision.types import Upload
from work.submissions import check_batch_size, read_submissions

ON_A_PAGE = 25
MOST_FAILED = 50  # images that are shown with their reason


class JobsPage(ConsolePage):
    """Newest first, those of one moment by their id. A form begins another one."""

    takes_images = frozenset({"post"})
    section = "jobs"
    scope_read = scope_write = Scope.SCREEN

    def get(self, request: Request) -> HttpResponse:
        page = min(number_in(request.query_params.get("page")) or 1, 100_000)
        first = (page - 1) * ON_A_PAGE
        own = Job.objects.of_client(client_of(request))
        ids = list(own.values_list("pk", flat=True)[first : first + ON_A_PAGE + 1])
        shown = {
            "jobs": own.with_progress().filter(pk__in=ids[:ON_A_PAGE]),
            "page": page,
            "newer": page - 1,
            "older": page + 1 if len(ids) > ON_A_PAGE else 0,
            "may_screen": self.may(Scope.SCREEN),
        }
        is_part = request._request.htmx  # type: ignore[attr-defined]
        return self.show("console/jobs/list.html" if is_part else "console/jobs/page.html", shown)

    def post(self, request: Request) -> HttpResponse:
        """Screen photographs, which are stored, and go to the page of the job."""
        client, files = client_of(request), request.FILES.getlist("image")
        if not files:
            raise NothingSent(_("Choose a photograph first."))
        check_batch_size(len(files))
        submissions = read_submissions([Upload(file.read(), file.name or "") for file in files])
        job = submit_images(client=client, submissions=submissions, options=screening_options(client=client))
        return redirect("console:job", job.pk)


class JobPage(ConsolePage):
    """One job, which shows its progress as long as it has not finished."""

    section = "jobs"
    scope_read = scope_write = Scope.SCREEN

    def get(self, request: Request, job_id: UUID) -> HttpResponse:
        job = self.job_of(job_id)
        is_part = request._request.htmx  # type: ignore[attr-defined]
        failed = []
        if not is_part or request.query_params.get("failed") != str(job.failed):  # so many the page shows
            failed = list(job.images.filter(status=Status.FAILED).order_by("position")[:MOST_FAILED])
            record_rows(Action.VIEW, failed, results=len(failed))
        return self.show("console/jobs/now.html" if is_part else "console/jobs/job.html", self.shown(job, failed))

    def post(self, request: Request, job_id: UUID) -> HttpResponse:
        """Cancel it."""
        cancel_job(job=self.job_of(job_id))
        return redirect("console:job", job_id)

    def job_of(self, job_id: UUID) -> Job:
        job: Job | None = Job.objects.of_client(client_of(self.request)).with_progress().filter(pk=job_id).first()
        if job is None:
            raise RecordNotFound(_("There is no such job. Perhaps its last image has been erased."))
        return job

    def shown(self, job: Job, failed: list[Any]) -> dict[str, Any]:
        return {
            "job": job,
            "failed": failed,
            "hits": job.images.with_match().filter(has_match=True).count(),
            "more_failed": job.failed - len(failed),
            "is_open": job.status in {Status.PENDING, Status.PROCESSING},
            "may_cancel": self.may(Scope.SCREEN),
            "is_part": bool(self.request._request.htmx),  # type: ignore[attr-defined]
        }
