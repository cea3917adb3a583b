"""What follows from an answer: a face of the photograph is enrolled, or put on the watch list."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request

from blacklist.services import create_entry
from clients.authentication import client_of
from clients.models import Scope
from console.exceptions import NothingSent
from console.pages import ConsolePage
from console.try_it.pictures import face_alone
from console.try_it.who import name_of
from people.services import enrol_face, get_person
from people.types import Whom
from rest.fields import UploadField
from vision.types import Upload


class FaceInput(serializers.Serializer[Any]):
    """The photograph once more, because it was not kept, and which of its `faces` is meant."""

    image = UploadField()
    box = serializers.CharField(max_length=50, required=False, allow_blank=True)
    faces = serializers.IntegerField(min_value=1)
    name = serializers.CharField(max_length=100, required=False, allow_blank=True)
    reason = serializers.CharField(max_length=255, required=False, allow_blank=True)
    person = serializers.UUIDField(required=False)

    @property
    def upload(self) -> Upload:
        """The photograph, or the one face of several that is meant."""
        image: Upload = self.validated_data["image"]
        return image if self.validated_data["faces"] == 1 else face_alone(image, self.validated_data.get("box", ""))

    @property
    def new_name(self) -> str:
        """Raises `NothingSent`."""
        if name := self.validated_data.get("name"):
            return str(name)
        raise NothingSent(_("Say what the person is called."))


class KeptFace(ConsolePage):
    takes_images = frozenset({"post"})
    section = "try"

    def post(self, request: Request) -> HttpResponse:
        given = FaceInput(data=request.data)
        given.is_valid(raise_exception=True)
        return self.keep(given)

    def keep(self, given: FaceInput) -> HttpResponse:
        raise NotImplementedError


class EnrolFace(KeptFace):
    """A new person, or one more photograph of somebody who is known."""

    scope_write = Scope.PEOPLE_WRITE

    def keep(self, given: FaceInput) -> HttpResponse:
        client, known = client_of(self.request), given.validated_data.get("person")
        whom = Whom(get_person(client=client, person_id=known)) if known else Whom(name=given.new_name)
        done = enrol_face(client=client, upload=given.upload, whom=whom)
        alike = [name_of(one) for one in done.duplicates]
        return self.show("console/try/enrolled.html", {"person": done.person, "is_known": bool(known), "alike": alike})


class ListFace(KeptFace):
    scope_write = Scope.BLACKLIST_WRITE

    def keep(self, given: FaceInput) -> HttpResponse:
        done = create_entry(
            client=client_of(self.request),
            name=given.new_name,
            reason=given.validated_data.get("reason"),
            uploads=[given.upload],
        )
        return self.show("console/try/listed.html", {"entry": done.entry})
