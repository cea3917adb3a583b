"""What was screened: jobs, images and their matches. Operators look, compare, cancel and erase; nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from unfold.decorators import display

from clients.access import allows
from clients.walled_admin import WalledAdmin
from recognition import services
from recognition.exceptions import JobFinished
from recognition.models import Job, Match, ProcessedFace, ProcessedImage, Status
from recognition.querysets import JobQuerySet, ProcessedImageQuerySet
from storage.pictures import faces_of, overlay, picture_response, thumbnail

STATUS_COLOURS = {
    Status.PENDING: "info",
    Status.PROCESSING: "info",
    Status.DONE: "success",
    Status.FAILED: "danger",
    Status.CANCELLED: "warning",
}


class ReadOnlyAdmin(WalledAdmin):
    """Rows that only the service itself writes."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @display(description="Received", ordering="created_at")
    def received(self, row: ProcessedImage | Job) -> str:
        return date_format(timezone.localtime(row.created_at), "DATETIME_FORMAT")


class MatchFilter(admin.SimpleListFilter):
    """Images in which a listed person was found."""

    title = "match"
    parameter_name = "match"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "With a match"), ("no", "Without a match")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() not in ("yes", "no"):
            return queryset
        return queryset.with_match().filter(has_match=self.value() == "yes")


class EntryFilter(admin.SimpleListFilter):
    """Images that matched one entry. Reached from the entry's number of matches."""

    title = "blacklist entry"
    parameter_name = "entry"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        value = request.GET.get(self.parameter_name)
        return [(value, "The chosen entry")] if value and value.isdecimal() else []

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        value = self.value()
        return queryset.with_match_of(int(value)) if value else queryset


@admin.register(ProcessedImage)
class ProcessedImageAdmin(ReadOnlyAdmin):
    change_form_template = "admin/recognition/processedimage/image.html"
    list_display = ["picture", "shown_identifier", "client", "job_link", "state", "faces_found", "best", "received"]
    list_display_links = ["shown_identifier"]
    list_filter = [MatchFilter, "status", "client", "created_at", EntryFilter]
    list_select_related = ["client", "job"]
    search_fields = ["identifier"]
    search_help_text = "Search by identifier, or by the name of somebody who was found"
    filled_by = "Images appear here when they are screened through the API."
    ordering = ["-id"]
    fields: list[str] = []

    def get_queryset(self, request: HttpRequest) -> ProcessedImageQuerySet:
        images: ProcessedImageQuerySet = super().get_queryset(request)
        return images.select_related("client", "job").with_results()

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """The page shows the picture and what was found in it; no form fields."""
        return []

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        context["may_see_entries"] = allows(request, "blacklist.view_blacklistentry")
        return super().render_change_form(request, context, *args, **kwargs)

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """By identifier, and for who may see the blacklist by the names of entries that were found."""
        found, _ = super().get_search_results(request, queryset, search_term)
        if search_term.strip() and allows(request, "blacklist.view_blacklistentry"):
            found = found | queryset.with_match_of_name(search_term.strip())
        return found, False

    # ---- erasing --------------------------------------------------------------------------------------------

    def delete_model(self, request: HttpRequest, obj: ProcessedImage) -> None:
        services.delete_images(images_to_delete=[obj])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ProcessedImage]) -> None:
        services.delete_images(images_to_delete=queryset)

    def get_deleted_objects(self, objs: Iterable[Any], request: HttpRequest) -> Any:
        """A summary: faces and matches go with their image."""
        images = list(self.get_queryset(request).filter(pk__in=[image.pk for image in objs]))
        faces = [face for image in images for face in image.faces.all()]
        matches = sum(len(face.matches.all()) for face in faces)
        counts = {"screened images": len(images), "faces": len(faces), "matches": matches}
        lacking = set() if self.has_delete_permission(request) else {self.opts.verbose_name}
        return [image.identifier for image in images], counts, lacking, []

    # ---- pictures -------------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        picture = self.admin_site.admin_view(self.picture_view, cacheable=True)
        return [
            path("picture/<int:pk>/<str:variant>/", picture, name="recognition_picture"),
            path("picture/<int:pk>/<str:variant>/<int:face>/", picture, name="recognition_face"),
            *super().get_urls(),
        ]

    def picture_view(self, request: HttpRequest, pk: int, variant: str, face: int | None = None) -> HttpResponse:
        """A stored image, or one face of it, for who may see screened images."""
        image = get_object_or_404(self.get_queryset(request), pk=pk)
        if not self.has_view_permission(request, image):
            raise PermissionDenied
        box = get_object_or_404(ProcessedFace, image=image, index=face).box if face is not None else None
        return picture_response(image.image, variant=variant, box=box)

    # ---- columns --------------------------------------------------------------------------------------------

    @display(description="Picture")
    def picture(self, image: ProcessedImage) -> SafeString:
        if not image.image:
            return SafeString('<span class="fa-frame fa-thumbnail fa-none">no picture</span>')
        return thumbnail(
            reverse("admin:recognition_picture", args=[image.pk, "thumbnail"]),
            alt=f"Screened image {image.pk}",
            boxes=overlay(faces_of(image), width=image.width, height=image.height),
            link=reverse("admin:recognition_processedimage_change", args=[image.pk]),
        )

    @display(description="Identifier", ordering="identifier")
    def shown_identifier(self, image: ProcessedImage) -> str:
        return Truncator(image.identifier).chars(32) or f"image {image.position + 1}"

    @display(description="Job")
    def job_link(self, image: ProcessedImage) -> SafeString:
        url = reverse("admin:recognition_job_change", args=[image.job_id])
        return format_html('<a href="{}" class="fa-link">{}</a>', url, str(image.job_id)[:8])

    @display(description="Status", ordering="status", label=STATUS_COLOURS)
    def state(self, image: ProcessedImage) -> str:
        return image.status

    @display(description="Faces")
    def faces_found(self, image: ProcessedImage) -> str:
        return str(len(image.faces.all())) if image.status == Status.DONE else ""

    @display(description="Best match")
    def best(self, image: ProcessedImage) -> str:
        match = best_match(image)
        if match is None:
            return format_html('<span class="fa-muted">{}</span>', image.error_code)
        return format_html("<strong>{}</strong> {}", match.entry.name, f"{match.distance:.3f}")


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    list_display = ["short_id", "client", "state", "progress", "failures", "images_link", "queue", "received"]
    list_filter = ["client", "queue", "created_at"]
    list_select_related = ["client"]
    filled_by = "A job is made by each call that screens images."
    fields = ["id", "client", "state", "progress", "failures", "images_link", "engine", "detector", "metric",
              "threshold", "queue", "created_at", "cancelled_at"]  # fmt: skip
    actions = ["cancel"]
    change_form_template = "admin/recognition/job/job.html"

    def get_queryset(self, request: HttpRequest) -> JobQuerySet:
        jobs: JobQuerySet = super().get_queryset(request)
        return jobs.with_progress().select_related("client")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A job goes with its last image."""
        return False

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        context["may_cancel"] = self.has_cancel_permission(request)
        return super().render_change_form(request, context, *args, **kwargs)

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        return allows(request, "recognition.change_job")

    @admin.action(description="Cancel the selected jobs", permissions=["cancel"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Job]) -> HttpResponse | None:
        text = "Images of these jobs that are not finished are dropped. Results that exist stay."
        if asked := self.ask(request, queryset, action="cancel", text=text, button="Cancel the jobs"):
            return asked
        cancelled = finished = 0
        for job in queryset:
            try:
                services.cancel_job(job=job)
                cancelled += 1
            except JobFinished:
                finished += 1
        if cancelled:
            messages.success(request, f"Jobs cancelled: {cancelled}. Results that existed stay.")
        if finished:
            messages.warning(request, f"Jobs that had finished already: {finished}.")
        return None

    @display(description="Job")
    def short_id(self, job: Job) -> str:
        return str(job.pk)[:8]

    @display(description="Status", label=STATUS_COLOURS)
    def state(self, job: Job) -> str:
        return str(job.status)

    @display(description="Progress")
    def progress(self, job: Job) -> SafeString:
        good, bad = ((100 * n / job.total if job.total else 0) for n in (job.done - job.failed, job.failed))
        return format_html(
            '<span class="fa-muted">{done} of {total}</span>'
            '<div class="fa-bar" role="progressbar" aria-label="Images finished" aria-valuemin="0"'
            ' aria-valuemax="{total}" aria-valuenow="{done}">'
            '<i style="width:{good}%"></i><i class="fa-failed" style="left:{good}%;width:{bad}%"></i></div>',
            done=job.done, total=job.total, good=f"{good:.1f}", bad=f"{bad:.1f}",
        )  # fmt: skip

    @display(description="Failed")
    def failures(self, job: Job) -> int:
        return job.failed

    @display(description="Images")
    def images_link(self, job: Job) -> SafeString:
        url = reverse("admin:recognition_processedimage_changelist")
        return format_html('<a href="{}?job__id__exact={}" class="fa-link">Show {}</a>', url, job.pk, job.total)


def best_match(image: ProcessedImage) -> Match | None:
    """The closest match of all faces. Reads what `with_results` fetched."""
    matches = [match for face in image.faces.all() for match in face.blacklist_matches]
    return min(matches, key=lambda match: match.distance, default=None)
