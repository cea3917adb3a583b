"""People in the admin: looking at them, correcting their records, erasing them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from audit.models import Receipt
from clients.access import allows, visible
from clients.walled_admin import OwnRowsFilter, WalledAdmin, WalledInline
from errors import FaceAppError
from people import services
from people.admin.galleries import GalleryAdmin
from people.admin.respaces import RespaceAdmin
from people.models import Gallery, GalleryKind, Person, ReferenceImage
from people.querysets import PersonQuerySet
from storage.pictures import picture_response, thumbnail

__all__ = ["GalleryAdmin", "NamelessHistory", "PersonAdmin", "PhotographInline", "RespaceAdmin"]


class NamelessHistory:
    """The history outlives the person: it records who changed which row, but not the person's name."""

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> LogEntry:
        return self._nameless(super().log_addition(request, obj, message))  # type: ignore[misc]

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> LogEntry:
        return self._nameless(super().log_change(request, obj, message))  # type: ignore[misc]

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        logged = super().log_deletions(request, queryset)  # type: ignore[misc]
        return [self._nameless(line) for line in (logged if isinstance(logged, list) else [logged])]

    def _nameless(self, line: LogEntry) -> LogEntry:
        noun = self.opts.verbose_name  # type: ignore[attr-defined]
        LogEntry.objects.filter(pk=line.pk).update(object_repr=f"{noun} {line.object_id}")
        return line


class PhotographInline(WalledInline):
    """Stored photographs as cards. Permissions are those of the person they belong to."""

    model = ReferenceImage
    path_to_client = "person__client"
    template = "admin/people/photographs.html"
    verbose_name = "photograph"
    verbose_name_plural = "photographs"
    fields = ["original_name"]
    readonly_fields = ["original_name"]
    extra = 0
    max_num = 0
    picture_view = "admin:people_photograph"  # serves the pictures
    may_view, may_erase = "people.view_person", "people.delete_person"

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return allows(request, self.may_view) or self.has_delete_permission(request, obj)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_delete_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return allows(request, self.may_erase)


class PersonForm(forms.ModelForm):  # type: ignore[type-arg]  # Django's class is not generic at run time
    """The record. The services judge it again and have the last word."""

    class Meta:
        model = Person
        fields = ["name", "external_id", "gallery", "metadata", "legal_basis"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "gallery" in self.fields:  # missing for staff who may only look
            galleries = Gallery.objects.of_client(self.instance.client).of_kind(GalleryKind.PEOPLE)
            self.fields["gallery"].queryset = galleries  # type: ignore[attr-defined]

    def clean_external_id(self) -> str | None:
        return self.cleaned_data["external_id"] or None

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        others = Person.objects.exclude(pk=self.instance.pk)
        key = {name: data.get(name) for name in ("gallery", "external_id")}
        if key["external_id"] and others.filter(**key).exists():
            self.add_error("external_id", "A person with this external id exists already in this gallery.")
        return data


class GalleryFilter(OwnRowsFilter):
    """Galleries of people, each with its client: many are called alike."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[Any]:
        own = visible(request, Gallery.objects.of_kind(GalleryKind.PEOPLE))
        galleries = own.select_related("client").order_by("client__name", "name")
        return [(str(gallery.pk), f"{gallery.client}: {gallery.name}") for gallery in galleries]


def _with_photographs(person: Person) -> str:
    count = len(person.reference_images.all())
    return f"{person} ({count} photograph{'' if count == 1 else 's'})"


@admin.register(Person)
class PersonAdmin(NamelessHistory, WalledAdmin):
    """People are enrolled through the API; here they are looked at, corrected and erased."""

    form = PersonForm
    inlines = [PhotographInline]
    list_display = ["picture", "person_name", "external_id", "gallery", "client", "photographs", "added"]
    list_display_links = ["person_name"]
    list_filter = ["client", ("gallery", GalleryFilter), "created_at"]
    list_select_related = ["client", "gallery"]
    search_fields = ["name", "external_id"]
    filled_by = "People appear here when they are enrolled through the API, an import or an album."
    search_help_text = "Search by name or external id"
    ordering = ["-id"]
    actions = ["erase_faces"]
    readonly_fields = ["client", "number", "uuid", "created_at", "report"]
    fields = [
        "client",
        "name",
        "external_id",
        "gallery",
        "metadata",
        "legal_basis",
        "number",
        "uuid",
        "created_at",
        "report",
    ]
    warn_unsaved_form = True

    def get_queryset(self, request: HttpRequest) -> PersonQuerySet:
        people: PersonQuerySet = super().get_queryset(request)
        return people.of_kind(GalleryKind.PEOPLE).with_images()

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    # ---- changing and erasing -------------------------------------------------------------------------------

    def save_model(self, request: HttpRequest, obj: Person, form: Any, change: bool) -> None:
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        if gallery := changes.pop("gallery", None):
            changes["source"] = gallery.name
        services.update_person(person=obj, changes=changes)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        formset.save(commit=False)
        for photograph in formset.deleted_objects:
            services.delete_reference_image(person=form.instance, image_id=photograph.number)
        formset.new_objects, formset.changed_objects = [], []

    def delete_model(self, request: HttpRequest, obj: Person) -> None:
        self._tell(request, [services.erase_person(person=obj)])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Person]) -> None:
        self._tell(request, [services.erase_person(person=person) for person in queryset])

    def get_deleted_objects(self, objs: Iterable[Any], request: HttpRequest) -> Any:
        """A summary: templates are numbers to a person."""
        people = list(self.get_queryset(request).filter(pk__in=[person.pk for person in objs]))
        counts = {"people": len(people), "photographs": sum(len(p.reference_images.all()) for p in people)}
        lacking = set() if self.has_delete_permission(request) else {self.opts.verbose_name}
        return [str(person) for person in people], counts, lacking, []

    @admin.action(description="Erase the faces of the selected people, keep the records", permissions=["delete"])
    def erase_faces(self, request: HttpRequest, queryset: QuerySet[Person]) -> HttpResponse | None:
        text = "Photographs, files and embeddings are erased. The records of these people stay. This cannot be undone."
        asked = self.ask(
            request, queryset, action="erase_faces", text=text, button="Erase the faces", label=_with_photographs
        )
        if asked:
            return asked
        try:
            self._tell(request, [services.erase_faces(person=person) for person in queryset])
        except FaceAppError as error:
            messages.error(request, error.message)
        return None

    def _tell(self, request: HttpRequest, receipts: list[Receipt]) -> None:
        images, files = (sum(receipt.count(name) for receipt in receipts) for name in ("images", "files"))
        numbers = ", ".join(str(receipt.uuid) for receipt in receipts)
        messages.success(request, f"Erased: {images} photographs with {files} files. Receipts: {numbers}.")

    # ---- pictures and columns -------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.photograph_view, cacheable=True)
        photograph = path("photograph/<int:pk>/<str:variant>/", view, name="people_photograph")
        report = path("<int:pk>/report/", self.admin_site.admin_view(self.report_view), name="people_person_report")
        return [photograph, report, *super().get_urls()]

    def report_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Everything that is held about a person, to be printed for them."""
        person = get_object_or_404(self.get_queryset(request), pk=pk)
        if not self.has_view_permission(request, person):
            raise PermissionDenied
        try:
            report = services.report_of_person(person=person)
        except FaceAppError as error:
            messages.error(request, error.message)
            return HttpResponseRedirect(reverse("admin:people_person_change", args=[pk]))
        return TemplateResponse(request, "admin/people/person/report.html", {"person": person, "report": report})

    @display(description="Access report")
    def report(self, person: Person) -> SafeString:
        url = reverse("admin:people_person_report", args=[person.pk])
        return format_html('<a class="fa-link" href="{}">Everything that is held about this person</a>', url)

    def photograph_view(self, request: HttpRequest, pk: int, variant: str) -> HttpResponse:
        """A photograph of a person, for who may see people."""
        stored = ReferenceImage.objects.filter(person__kind=GalleryKind.PEOPLE)
        photograph = get_object_or_404(visible(request, stored, "person__client"), pk=pk)
        if not self.has_view_permission(request):
            raise PermissionDenied
        return picture_response(photograph.image, variant=variant, box=photograph.box)

    @display(description="Photograph")
    def picture(self, person: Person) -> SafeString:
        images = person.reference_images.all()  # the primary one first
        if not images or not images[0].image:
            return SafeString('<span class="fa-frame fa-thumbnail fa-none">none</span>')
        url = reverse("admin:people_photograph", args=[images[0].pk, "face"])
        return thumbnail(url, alt=f"Face of {person}", link=reverse("admin:people_person_change", args=[person.pk]))

    @display(description="Name", ordering="name")
    def person_name(self, person: Person) -> str:
        return person.name or f"person {person.number}"

    @display(description="Photographs")
    def photographs(self, person: Person) -> int:
        return len(person.reference_images.all())

    @display(description="Enrolled", ordering="created_at")
    def added(self, person: Person) -> str:
        return date_format(timezone.localtime(person.created_at), "DATETIME_FORMAT")
