"""Pages that belong to no section: the first one, the state of the service, and pictures."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from clients.access import allows, visible
from console.pages import surroundings
from console.state import current_state
from console.today import today
from people.models import GalleryKind, ReferenceImage
from storage.pictures import picture_response

SEES = {GalleryKind.PEOPLE: "people.view_person", GalleryKind.BLACKLIST: "blacklist.view_blacklistentry"}


@never_cache
@require_safe
def start(request: HttpRequest) -> HttpResponse:
    """What this is, whether it works, and what to do next."""
    shown = surroundings(request) | {"section": "today", "state": current_state()}
    if not request.user.is_authenticated:
        return render(request, "console/welcome.html", shown)
    return render(request, "console/today.html", shown | today(request, shown["client"]))


@never_cache
@require_safe
def state(request: HttpRequest) -> HttpResponse:
    """The chip in the corner of every page, which asks for itself again as long as the login lasts."""
    if not request.user.is_authenticated:
        return render(request, "console/state_unknown.html")
    return render(request, "console/state.html", {"state": current_state()})


@require_safe
@login_required
def photograph(request: HttpRequest, image_id: UUID, variant: str = "face") -> HttpResponse:
    """The face of a reference photograph of the chosen client."""
    rows = visible(request, ReferenceImage.objects.select_related("person__gallery"), "person__client")
    row = get_object_or_404(rows, uuid=image_id)
    if not allows(request, SEES[GalleryKind(row.person.gallery.kind)]):
        raise Http404
    return picture_response(row.image, variant=variant, box=row.box)
