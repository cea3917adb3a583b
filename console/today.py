"""What an operator sees first: the latest hits, what failed, and what to begin with."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request

from audit.types import Action
from blacklist.models import BlacklistEntry
from blacklist.services import create_entry
from clients.access import allows, choice_of
from clients.authentication import client_of
from clients.models import Client, Scope
from clients.numbering import record_rows
from clients.permissions import SCOPES
from console.exceptions import NothingSent
from console.pages import ConsolePage
from recognition.models import Match, ProcessedImage, Status
from recognition.types import ReviewState
from vision.types import Upload

LATEST = 6


def today(request: HttpRequest, client: Client | None) -> dict[str, Any]:
    """Of the last 24 hours of the chosen client, as far as the user may see it."""
    if client is None or not allows(request, "recognition.view_processedimage"):
        return {}
    since = timezone.now() - timedelta(days=1)
    images = ProcessedImage.objects.of_client(client)
    failed = images.filter(created_at__gte=since, status=Status.FAILED).order_by("-pk")
    found: dict[str, Any] = {"failed": list(failed[:LATEST])}
    record_rows(Action.VIEW, found["failed"], results=len(found["failed"]))
    if not allows(request, "blacklist.view_blacklistentry"):
        return found
    hits = list(_hits(client).since(since)[:LATEST])
    record_rows(Action.VIEW, [hit.face.image for hit in hits], results=len(hits))
    found |= {"hits": hits, "sees_hits": True}
    if not hits and not images.exists():
        choice = choice_of(request)
        role = choice.role if choice else None
        found["first_steps"] = {
            "is_listed": BlacklistEntry.objects.of_client(client).exists(),
            "may_list": role is None or Scope.BLACKLIST_WRITE in SCOPES[role],
            "may_screen": role is None or Scope.SCREEN in SCOPES[role],
        }
    return found


def _hits(client: Client) -> Any:
    """Newest first, without those that people have dismissed, now or earlier."""
    dismissed = [ReviewState.DISMISSED, ReviewState.REPEATED]
    hits = Match.objects.of_client(client).without_reviews().exclude(state__in=dismissed)
    return hits.select_related("entry__gallery", "reference_image", "face__image").order_by("-pk")


class PersonInput(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=100, allow_blank=True, default="")


class ListPerson(ConsolePage):
    """The first step: somebody is put on the watch list."""

    takes_images = frozenset({"post"})
    section = "today"
    scope_write = Scope.BLACKLIST_WRITE

    def get(self, request: Request) -> HttpResponse:
        return redirect("home")

    def post(self, request: Request) -> HttpResponse:
        given = PersonInput(data=request.data)
        given.is_valid(raise_exception=True)
        name, files = given.validated_data["name"], request.FILES.getlist("image")
        if not name or not files:
            raise NothingSent(_("Choose a photograph, and say what the person is called."))
        uploads = [Upload(file.read(), file.name or "") for file in files]
        create_entry(client=client_of(request), name=name, uploads=uploads)
        return redirect("home")
