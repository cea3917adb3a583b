"""One person: data, photographs, and erasing them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from rest_framework.request import Request

from audit.types import Action
from clients.authentication import client_of
from clients.models import Scope
from clients.numbering import record_rows
from clients.permissions import is_managing
from console.exceptions import ChangedMeanwhile
from console.numbers import number_in
from console.people.lists import PeoplePage, chosen_face
from console.people.shown import Face, Pair, name_of
from console.problems import sentence
from console.try_it.answers import Answer, Row
from console.try_it.pictures import Mark, Picture
from console.try_it.tool import Tool
from console.try_it.words import clarity
from errors import FaceAppError, NotFound
from people.exceptions import ExternalIdTaken, UnusableValue
from people.models import MergedPerson, Person, ReferenceImage
from people.services import (
    delete_reference_image,
    enrol_face,
    erase_person,
    hints_of,
    is_unlike,
    search_in,
    set_primary_image,
    update_person,
)
from people.types import Enrolment, Whom
from recognition.services import detect_faces
from rest.errors import problem_of
from vision.exceptions import UnusableFace
from vision.types import Upload
from work.submissions import read_submission

SHOWN = 48  # photographs on a page
LONGEST_SHOWN = 200  # of a value that somebody else has set
TEXTS = ("name", "external_id", "legal_basis")


class PersonPage(PeoplePage):
    """What is held of a person, and a form that changes it. The number of a record that was merged leads there too."""

    def get(self, request: Request, number: int) -> HttpResponse:
        try:
            return self.show_person(self.person(number))
        except NotFound:
            merged = MergedPerson.objects.filter(person__client=self.client, number=number)
            if (found := merged.select_related("person").first()) is None:
                raise
            return HttpResponseRedirect(reverse("console:person", args=[found.person.number]) + f"?merged={number}")

    def post(self, request: Request, number: int) -> HttpResponse:
        person, data = self.person(number), request.data
        now, was = values_of(person), self._values_when_opened(person)
        typed = {name: str(data.get(name) or "").replace("\r\n", "\n") for name in now}
        edited = {name: text for name, text in typed.items() if text != was[name] and (text or name != "gallery")}
        try:
            if changes := changed(person, edited, was):
                update_person(person=person, changes=changes)
        except (ChangedMeanwhile, ExternalIdTaken, UnusableValue) as error:
            problem = problem_of(error)
            status = 409 if isinstance(error, ChangedMeanwhile) else 422
            return self.show_person(person, typed=now | edited, problem=problem, status=status)
        return HttpResponseRedirect(reverse("console:person", args=[number]) + "?saved=1")

    def _values_when_opened(self, person: Person) -> dict[str, str]:
        """What the form showed at first: what others have changed since, and the user has not, stays as it is."""
        try:
            sent = json.loads(self.request.data.get("_was", ""))
        except ValueError:
            sent = None
        return values_of(person) | ({name: str(text) for name, text in sent.items()} if isinstance(sent, dict) else {})

    def show_person(self, person: Any, *, status: int = 200, **context: Any) -> HttpResponse:
        page = max(number_in(self.request.query_params.get("photographs")) or 1, 1)
        first = SHOWN * (min(page, 10_000) - 1)
        own = ReferenceImage.objects.filter(person=person).primary_first()
        found = list(own[first : first + SHOWN + 1])
        record_rows(Action.VIEW, [person], results=1)
        query = self.request.query_params
        context |= {
            "person": person,
            "face": Face(person),
            "name": name_of(person),
            "photographs": found[:SHOWN],
            "is_first": page == 1,
            "earlier": page - 1,
            "later": page + 1 if len(found) > SHOWN else 0,
            "galleries": self.galleries,
            "may_change": self.may(Scope.PEOPLE_WRITE),
            "may_erase": is_managing(self.request),
            "metadata": values_of(person)["metadata"],
            "was": json.dumps(values_of(person)),
            "saved": query.get("saved"),
            "merged": number_in(query.get("merged")),
            "split_from": number_in(query.get("split")),
        }
        return self.show("console/people/person.html", context | self.hints(person), status=status)

    def hints(self, person: Person) -> dict[str, Any]:
        """What the gallery's health says; nothing where it cannot be asked."""
        try:
            found = hints_of(person)
            point = search_in(client=person.client, galleries=[person.gallery], one_to_one=True, beside=True).point
        except FaceAppError:
            return {}
        pairs = [Pair(row, point.compare([row.distance])[0]) for row in found.alike[:6]]
        return {"alike": [(pair.other_than(person), pair) for pair in pairs], "odd": found.odd}


def values_of(person: Person) -> dict[str, str]:
    """The fields of the form, as texts."""
    metadata = json.dumps(person.metadata, indent=2, ensure_ascii=False) if person.metadata else ""
    texts = {name: getattr(person, name) or "" for name in TEXTS}
    return texts | {"gallery": person.gallery.name, "metadata": metadata}


def changed(person: Person, edited: dict[str, str], was: dict[str, str]) -> dict[str, Any]:
    """What is to be changed, of the fields that were edited. Raises `ChangedMeanwhile` or `UnusableValue`."""
    now = values_of(person)
    taken = [now[name][:LONGEST_SHOWN] for name, text in edited.items() if now[name] not in {was[name], text}]
    if taken:
        message = _("Somebody else has changed the same since you opened this page. It says now: %(now)s.")
        raise ChangedMeanwhile(f"{message % {'now': ', '.join(taken)}} {_('Save again to replace it.')}")
    changes: dict[str, Any] = {"source" if name == "gallery" else name: text for name, text in edited.items()}
    if "metadata" in changes:
        try:
            changes["metadata"] = json.loads(changes["metadata"] or "{}")
        except ValueError as error:
            raise UnusableValue(_("The metadata are not JSON: check quotation marks, commas and brackets.")) from error
        if changes["metadata"] == person.metadata:
            del changes["metadata"]
    return changes


@dataclass(frozen=True)
class Judged(Row):
    """A face that was added, with what should be looked at before it is left there."""

    warnings: Sequence[str] = ()


class AddPhotograph(Tool, PeoplePage):
    """Photographs of a person, each judged and stored by itself; where several faces are, one is chosen."""

    section, tool, scope_write = "people", "photographs", Scope.PEOPLE_WRITE

    def get(self, request: Request, number: int) -> HttpResponse:  # type: ignore[override]
        return HttpResponseRedirect(reverse("console:person", args=[number]))

    def post(self, request: Request, number: int) -> HttpResponse:  # type: ignore[override]
        self.whose = self.person(number)
        return super().post(request)

    def answer(self, upload: Upload) -> Answer:
        picture, client = Picture.of(upload), client_of(self.request)
        meant = chosen_face(upload, str(self.request.data.get("box", "")))
        try:
            done = enrol_face(client=client, upload=meant, whom=Whom(self.whose))
        except UnusableFace as error:
            if error.code != "face.several":
                raise
            return self.choice(upload, picture)
        shown = picture if meant is upload else Picture.of(meant)
        mark = shown.mark(1, done.portrait.face.box, "good")
        said = _("Added to the photographs of %(name)s") % {"name": name_of(self.whose)}
        return Answer(upload.name, shown, said, [judged(done, mark)])

    def choice(self, upload: Upload, picture: Picture) -> Answer:
        """The faces of the picture, each with a form that adds it."""
        faces = detect_faces(submission=read_submission(upload)).faces
        rows = []
        for number, face in enumerate(faces, start=1):
            kind = "plain" if face.is_recognisable else "poor"
            title = _("Face %(number)s") % {"number": number}
            said = _("Can be added") if face.is_recognisable else _("Cannot be recognised")
            notes = list(filter(None, [clarity(face)]))
            rows.append(Row(picture.mark(number, face.box, kind), title, said, kind, notes=notes))
        return Answer(upload.name, picture, _("Several faces: which of them is it?"), rows)

    def show_answers(self, answers: list[Answer]) -> HttpResponse:
        context = {"answers": answers, "person": self.whose, "name": name_of(self.whose)}
        return self.show("console/people/photographs.html", context)


def judged(done: Enrolment, mark: Mark) -> Judged:
    """What is to be said of a photograph that was added."""
    warnings = [
        _("This face looks like somebody else: %(name)s") % {"name": name_of(other.person)} for other in done.duplicates
    ]
    with suppress(FaceAppError):  # the space is not enabled: nothing can be said
        if is_unlike(done.reference_image):
            warnings.append(_("It does not look like the other photographs of this person."))
    remarks = [sentence(remark.message, remark.code) for remark in done.remarks]
    notes = [_("It could be better: %(remark)s") % {"remark": remark} for remark in remarks]
    said = _("Added, but look closer") if warnings else _("Added")
    good = [] if notes or warnings else [_("A good photograph.")]
    return Judged(mark, said, said, "careful" if warnings else "good", notes=notes + good, warnings=warnings)


class PrimaryPhotograph(PeoplePage):
    """Shown for the person from now on."""

    def post(self, request: Request, number: int, image: int) -> HttpResponse:
        set_primary_image(person=self.person(number), image_id=image)
        return HttpResponseRedirect(reverse("console:person", args=[number]))


class RemovePhotograph(PeoplePage):
    to_confirm = frozenset({"post"})
    for_managers = ("post",)

    def post(self, request: Request, number: int, image: int) -> HttpResponse:
        delete_reference_image(person=self.person(number), image_id=image)
        return HttpResponseRedirect(reverse("console:person", args=[number]))


class ErasePerson(PeoplePage):
    """With photographs and whatever other parts hold of the person, with a receipt."""

    to_confirm = frozenset({"post"})

    for_managers = ("post",)

    def post(self, request: Request, number: int) -> HttpResponse:
        erase_person(person=self.person(number), everywhere=request.data.get("everywhere") == "on")
        return HttpResponseRedirect(f"{reverse('console:people')}?erased={number}")
