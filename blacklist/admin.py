"""Curating the blacklist: entries, their photographs, and what each photograph is good for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from unfold.decorators import display

from blacklist import services
from blacklist.exceptions import describe
from blacklist.forms import EntryForm
from blacklist.models import BlacklistEntry
from blacklist.querysets import BlacklistEntryQuerySet
from blacklist.types import Enrolment
from clients.access import visible
from clients.walled_admin import WalledAdmin
from errors import FaceAppError, InvalidInput
from people.admin import NamelessHistory, PhotographInline
from people.models import GalleryKind, ReferenceImage
from people.services import read_portrait
from storage.files import discard_files
from storage.pictures import data_url, percentages, picture_response, quality_words, thumbnail
from vision.types import Upload


class InForceFilter(admin.SimpleListFilter):
    """Active and within its dates."""

    title = "in force today"
    parameter_name = "in_force"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Yes"), ("no", "No")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        in_force = BlacklistEntry.objects.in_force(timezone.localdate()).values("pk")
        if self.value() == "yes":
            return queryset.filter(pk__in=in_force)
        return queryset.exclude(pk__in=in_force) if self.value() == "no" else queryset


class EntryPhotographInline(PhotographInline):
    """The stored photographs. They are added by the form's upload field, since the services judge them first."""

    picture_view = "admin:blacklist_photograph"
    may_view, may_erase = "blacklist.view_blacklistentry", "blacklist.delete_blacklistentry"


@admin.register(BlacklistEntry)
class BlacklistEntryAdmin(NamelessHistory, WalledAdmin):
    form = EntryForm
    inlines = [EntryPhotographInline]
    list_display = [
        "picture", "entry_name", "short_reason", "client", "state", "validity", "images", "matches_found", "added",
    ]  # fmt: skip
    list_display_links = ["entry_name"]
    list_filter = [InForceFilter, "is_active", "severity", "client", "created_at"]
    list_select_related = ["client"]
    filled_by = "Add a person to look for, with one clear photograph or more."
    search_fields = ["name", "reason"]
    search_help_text = "Search by name or reason"
    ordering = ["-created_at", "-id"]
    actions = ["activate", "deactivate"]
    warn_unsaved_form = True

    def get_queryset(self, request: HttpRequest) -> BlacklistEntryQuerySet:
        entries: BlacklistEntryQuerySet = super().get_queryset(request)
        photographs = Prefetch("reference_images", ReferenceImage.objects.order_by("id"))
        return entries.with_counts().prefetch_related(photographs)

    def get_fieldsets(self, request: HttpRequest, obj: BlacklistEntry | None = None) -> Any:
        """The upload comes early on a new entry, and right above the stored photographs on another."""
        who = ("Person", {"fields": ["client", "name", "reason", ("severity", "source"), "notes"]})
        when = ("When the entry counts", {"fields": ["is_active", ("valid_from", "valid_until")]})
        if not (self.has_change_permission(request, obj) if obj else self.has_add_permission(request)):
            return [who, when]
        upload = ("Add photographs" if obj else "Photographs", {"fields": ["photographs"]})
        return [who, when, upload] if obj else [who, upload, when]

    def get_readonly_fields(self, request: HttpRequest, obj: BlacklistEntry | None = None) -> list[str]:
        """An entry stays with its client: its embeddings are searched there."""
        return ["client"] if obj else []

    def get_inlines(self, request: HttpRequest, obj: BlacklistEntry | None) -> list[Any]:
        return self.inlines if obj else []

    # ---- saving ---------------------------------------------------------------------------------------------

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """What the services refuse rolls everything back, and the same form is shown again with the reason."""
        try:
            response: HttpResponse = super().changeform_view(request, *args, **kwargs)
        except BaseException as error:
            discard_files(files=[photograph.image for photograph in getattr(request, "stored", [])])
            if not isinstance(error, FaceAppError):
                raise
            request.refusal, request.stored = error, []  # type: ignore[attr-defined]
            response = super().changeform_view(request, *args, **kwargs)
        return response

    def get_form(self, request: HttpRequest, obj: BlacklistEntry | None = None, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, **kwargs)
        form.refusal = getattr(request, "refusal", None)
        return form

    def save_model(self, request: HttpRequest, obj: BlacklistEntry, form: Any, change: bool) -> None:
        enrolment = None
        if not change:
            enrolment = services.enrol_entry(entry=obj, uploads=form.uploads)
        else:
            services.save_entry(entry=obj)
            if form.uploads:
                enrolment = services.add_images(entry=obj, uploads=form.uploads)
        if enrolment:
            request.stored = enrolment.added  # type: ignore[attr-defined]  # files that go if the rest of the form fails
            self._tell(request, enrolment)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        formset.save(commit=False)
        for photograph in formset.deleted_objects:
            services.delete_image(entry=form.instance, image_id=photograph.number)
        formset.new_objects, formset.changed_objects = [], []

    def _tell(self, request: HttpRequest, enrolment: Enrolment) -> None:
        """One line for each file: what was found in it, or why it was refused."""
        for photograph in enrolment.added:
            words = ", ".join(word for word, _ in quality_words(photograph.quality))
            messages.success(request, f"{photograph.original_name}: taken. Face: {words}.")
        for refusal in enrolment.refused:
            messages.error(request, f"Not taken. {describe(refusal)}")

    # ---- deleting -------------------------------------------------------------------------------------------

    def delete_model(self, request: HttpRequest, obj: BlacklistEntry) -> None:
        services.delete_entry(entry=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[BlacklistEntry]) -> None:
        for entry in queryset:
            services.delete_entry(entry=entry)

    def get_deleted_objects(self, objs: Iterable[Any], request: HttpRequest) -> Any:
        """A summary: the rows that go with an entry are numbers to a person, and may be many thousands."""
        ids = [entry.pk for entry in objs]
        entries = list(self.get_queryset(request).filter(pk__in=ids))
        photographs = sum(entry.image_count for entry in entries)
        matches = sum(entry.match_count for entry in entries)
        lines = []
        for entry in entries:
            stored = len(entry.reference_images.all())
            lines.append(f"{entry.name} ({stored} photograph{'' if stored == 1 else 's'})")
        counts = {"blacklist entries": len(entries), "photographs": photographs, "matches": matches}
        lacking = set() if self.has_delete_permission(request) else {self.opts.verbose_name}
        return lines, counts, lacking, []

    # ---- actions --------------------------------------------------------------------------------------------

    @admin.action(description="Activate the selected entries", permissions=["change"])
    def activate(self, request: HttpRequest, queryset: QuerySet[BlacklistEntry]) -> None:
        messages.success(request, f"Activated: {services.set_active(entries=queryset, active=True)}.")

    @admin.action(description="Deactivate the selected entries", permissions=["change"])
    def deactivate(self, request: HttpRequest, queryset: QuerySet[BlacklistEntry]) -> None:
        messages.success(request, f"Deactivated: {services.set_active(entries=queryset, active=False)}.")

    # ---- pictures -------------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        photograph = path(
            "photograph/<int:pk>/<str:variant>/", self.admin_site.admin_view(self.photograph_view, cacheable=True)
        )
        photograph.name = "blacklist_photograph"
        check = path("check/", self.admin_site.admin_view(require_POST(self.check_view)), name="blacklist_check")
        return [photograph, check, *super().get_urls()]

    def photograph_view(self, request: HttpRequest, pk: int, variant: str) -> HttpResponse:
        """A photograph of an entry, for who may see entries."""
        stored = ReferenceImage.objects.filter(person__kind=GalleryKind.BLACKLIST)
        photograph = get_object_or_404(visible(request, stored, "person__client"), pk=pk)
        if not self.has_view_permission(request):
            raise PermissionDenied
        return picture_response(photograph.image, variant=variant, box=photograph.box)

    def check_view(self, request: HttpRequest) -> JsonResponse:
        """What saving would say about one file. Nothing is stored."""
        if not (self.has_add_permission(request) or self.has_change_permission(request)):
            raise PermissionDenied
        file = request.FILES.get("photograph")
        if file is None:
            return JsonResponse({"error": "No file arrived."}, status=400)
        try:
            portrait = read_portrait(upload=Upload(file.read(), file.name or ""))
        except InvalidInput as error:
            return JsonResponse({"error": error.message, "code": error.code}, status=400)
        except FaceAppError as error:
            return JsonResponse({"error": error.message, "code": error.code}, status=503)
        quality = asdict(portrait.face.quality) if portrait.face.quality else {}
        findings = {
            "picture": data_url(portrait.upload.data),
            "box": percentages(portrait.face.box, width=portrait.width, height=portrait.height),
            "quality": [{"word": word, "good": good} for word, good in quality_words(quality)],
        }
        return JsonResponse(findings)

    # ---- columns --------------------------------------------------------------------------------------------

    @display(description="Photograph")
    def picture(self, entry: BlacklistEntry) -> SafeString:
        photographs = entry.reference_images.all()
        if not photographs:
            return SafeString('<span class="fa-frame fa-thumbnail fa-none">none</span>')
        url = reverse("admin:blacklist_photograph", args=[photographs[0].pk, "face"])
        link = reverse("admin:blacklist_blacklistentry_change", args=[entry.pk])
        return thumbnail(url, alt=f"Face of {entry.name}", link=link)

    @display(description="Name", ordering="name")
    def entry_name(self, entry: BlacklistEntry) -> str:
        return entry.name

    @display(description="Reason", ordering="reason")
    def short_reason(self, entry: BlacklistEntry) -> str:
        return format_html('<span class="fa-reason">{}</span>', entry.reason) if entry.reason else ""

    @display(
        description="State", label={"in force": "success", "not yet": "info", "over": "warning", "inactive": "danger"}
    )
    def state(self, entry: BlacklistEntry) -> str:
        return entry.state_on(timezone.localdate())

    @display(description="Valid", ordering="valid_until")
    def validity(self, entry: BlacklistEntry) -> str:
        if not (entry.valid_from or entry.valid_until):
            return "always"
        return " ".join(
            f"{word} {day:%d %b %Y}"
            for word, day in (("from", entry.valid_from), ("until", entry.valid_until))
            if day is not None
        )

    @display(description="Photographs")
    def images(self, entry: Any) -> int:
        count: int = entry.image_count
        return count

    @display(description="Added", ordering="created_at")
    def added(self, entry: BlacklistEntry) -> str:
        return date_format(timezone.localtime(entry.created_at), "DATETIME_FORMAT")

    @display(description="Matches", ordering="match_count")
    def matches_found(self, entry: Any) -> str:
        if not entry.match_count:
            return "0"
        url = reverse("admin:recognition_processedimage_changelist")
        return format_html('<a href="{}?entry={}" class="fa-link">{}</a>', url, entry.pk, entry.match_count)
