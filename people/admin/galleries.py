"""Galleries in the admin: their names, thresholds and targets, and what is wrong with the people in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from clients.access import allows
from clients.walled_admin import WalledAdmin
from errors import FaceAppError
from people import services
from people.health import POOR, Health, health_of
from people.models import Gallery, GalleryKind, SearchIndex
from people.querysets import GalleryQuerySet
from people.types import TARGETS, HealthStatus
from vision.exceptions import REASONS

ON_A_PAGE = 24  # rows of a list of the health page


@dataclass(frozen=True)
class Place:
    """Where the admin shows people of a kind, and their photographs; and who may see them."""

    person: str
    photograph: str
    permission: str


PLACES = {
    GalleryKind.PEOPLE: Place("admin:people_person_change", "admin:people_photograph", "people.view_person"),
    GalleryKind.BLACKLIST: Place(
        "admin:blacklist_blacklistentry_change", "admin:blacklist_photograph", "blacklist.view_blacklistentry"
    ),
}


class Part:
    """A page of one of the lists, the one that the query names, with links to its neighbours."""

    def __init__(self, request: HttpRequest, name: str, rows: QuerySet[Any], health: Health) -> None:
        page = Paginator(rows, ON_A_PAGE).get_page(request.GET.get(name))
        self.count, self.pages, self.number = page.paginator.count, page.paginator.num_pages, page.number
        self.rows = list(page)
        for row in self.rows:
            if name == "poor":
                row.words = REASONS.get(row.reason, row.reason)
            else:
                row.similarity = health.point.similarity(row.distance)
        links = {number: f"?{_with(request.GET, name, number)}#{name}" for number in (self.number - 1, self.number + 1)}
        self.previous = links[self.number - 1] if page.has_previous() else ""
        self.following = links[self.number + 1] if page.has_next() else ""


def _with(query: QueryDict, name: str, number: int) -> str:
    changed = query.copy()
    changed[name] = str(number)
    return changed.urlencode()


class GalleryForm(forms.ModelForm):  # type: ignore[type-arg]  # Django's class is not generic at run time
    class Meta:
        model = Gallery
        fields = ["name", "threshold", *TARGETS, "two_person_review"]

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        galleries = Gallery.objects.filter(client=self.instance.client_id, kind=self.instance.kind, name=name)
        if galleries.exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError("A gallery with this name exists already.")
        return name


@admin.register(Gallery)
class GalleryAdmin(WalledAdmin):
    """Enrolling into a new gallery creates it; here it is renamed and given a threshold of its own."""

    form = GalleryForm
    list_display = ["name", "client", "kind", "default", "people", "space", "backend", "threshold", "search_mode"]
    list_filter = ["client", "kind", "is_default"]
    list_select_related = ["client"]
    search_fields = ["name", "client__name"]
    search_help_text = "Search by name or client"
    ordering = ["client__name", "kind", "name"]
    fieldsets = [
        (
            None,
            {"fields": ["client", "kind", "name", "is_default", "people", "health_summary", "search", "created_at"]},
        ),
        ("What counts as a match", {"fields": ["space", "backend", "threshold", *TARGETS]}),
        ("Review of hits", {"fields": ["two_person_review"]}),
    ]
    readonly_fields = [
        "client",
        "kind",
        "space",
        "backend",
        "is_default",
        "people",
        "health_summary",
        "search",
        "created_at",
    ]

    def get_queryset(self, request: HttpRequest) -> GalleryQuerySet:
        galleries: GalleryQuerySet = super().get_queryset(request)
        return galleries.described()

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Hits are of blacklists only."""
        fieldsets = super().get_fieldsets(request, obj)
        is_judged = obj is not None and obj.kind == GalleryKind.BLACKLIST
        return [part for part in fieldsets if is_judged or "two_person_review" not in part[1]["fields"]]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """An empty gallery that is not the default, on its own page."""
        empty = obj is not None and not obj.is_default and not getattr(obj, "people_count", True)
        return empty and super().has_delete_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: Gallery, form: Any, change: bool) -> None:
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        services.update_gallery(gallery=obj, changes=changes)

    def delete_model(self, request: HttpRequest, obj: Gallery) -> None:
        services.delete_gallery(gallery=obj)

    # ---- health ---------------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.health_view)
        return [path("<int:pk>/health/", view, name="people_gallery_health"), *super().get_urls()]

    def health_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Who looks alike, and whose photographs are odd or poor, for who may see these people."""
        gallery = get_object_or_404(self.get_queryset(request).select_related("client"), pk=pk)
        place = PLACES[GalleryKind(gallery.kind)]
        if not (self.has_view_permission(request, gallery) and allows(request, place.permission)):
            raise PermissionDenied
        context = self.admin_site.each_context(request) | {
            "title": f"Health of {gallery.name}",
            "opts": self.opts,
            "original": gallery,
            "place": place,
            "poor_below": POOR,
        }
        try:
            health = health_of(gallery)
        except FaceAppError as error:
            context["problem"] = error.message
        else:
            context |= {
                "health": health,
                "threshold_similarity": health.point.similarity(health.point.threshold),
                "look_alikes": Part(request, "alike", health.look_alikes, health),
                "odd_photographs": Part(request, "odd", health.odd_photographs, health),
                "poor_people": Part(request, "poor", health.poor_people, health),
            }
        return TemplateResponse(request, "admin/people/gallery/health.html", context)

    @display(description="Health")
    def health_summary(self, gallery: Gallery) -> SafeString:
        """What was found, and where it is shown."""
        try:
            words = _in_words(health_of(gallery))
        except FaceAppError as error:
            words = error.message
        url = reverse("admin:people_gallery_health", args=[gallery.pk])
        return format_html('{} <a href="{}" class="fa-link">Show</a>', words, url)

    # ---- columns --------------------------------------------------------------------------------------------

    @display(description="Default", boolean=True, ordering="is_default")
    def default(self, gallery: Gallery) -> bool:
        return gallery.is_default

    @display(description="People", ordering="people_count")
    def people(self, gallery: Any) -> int:
        count: int = gallery.people_count
        return count

    @display(description="Search")
    def search_mode(self, gallery: Gallery) -> str:
        index: SearchIndex | None = getattr(gallery, "search_index", None)
        return "by index" if index and index.is_used else "exact"

    @display(description="Search")
    def search(self, gallery: Gallery) -> str:
        """How the gallery is searched; docs/operations.md explains the index."""
        index: SearchIndex | None = getattr(gallery, "search_index", None)
        if index is None:
            return "exact"
        if not index.is_used:
            return f"exact. {index.problem or 'An index is being made.'}"
        return (
            f"index of {index.templates:,} templates, made {date_format(timezone.localtime(index.built_at))};"
            f" it finds {index.recall:.1%} of the matches, {index.recall_first:.1%} of the nearest people,"
            f" {index.recall_nearest:.1%} of the ten nearest"
        )


def _in_words(health: Health) -> str:
    if health.status == HealthStatus.NEVER_COMPUTED:
        return "Not computed yet."
    return (
        f"Pairs of people who look alike: {health.look_alikes.count():,}. Photographs unlike the others of their"
        f" person: {health.odd_photographs.count():,}. People with poor photographs only:"
        f" {health.poor_people.count():,}."
    )
