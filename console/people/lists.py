"""The pages of many people: the grid, somebody new, and who is near a photograph."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar

from django import forms
from django.db.models import Q
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from rest_framework.request import Request

from audit.types import Action
from clients.authentication import client_of
from clients.models import Client, Scope
from clients.numbering import record_rows
from console.exceptions import NothingSent
from console.numbers import number_in
from console.pages import ConsolePage
from console.paging import Page
from console.people.shown import Face, name_of, people_of
from console.try_it.answers import Answer, Nearest, Other
from console.try_it.pictures import Picture, face_alone
from console.try_it.tool import Tool
from console.try_it.words import clarity, odds, reason, tone, verdict
from errors import FaceAppError, InvalidInput, NotFound
from people.models import Gallery, GalleryKind, Person
from people.querysets import PersonQuerySet
from people.services import create_person, enrol_photographs, search_people
from people.types import Candidate, EnrolmentRules, Probe, SearchOptions, Whom
from rest.errors import problem_of
from vision.types import Upload

NEAREST = 12  # people who are shown for a photograph


class PeoplePage(ConsolePage):
    """What the section's pages have in common: the people of the chosen client, in galleries of people."""

    section = "people"
    scope_read: ClassVar[Scope] = Scope.PEOPLE_READ
    scope_write: ClassVar[Scope] = Scope.PEOPLE_WRITE

    @property
    def client(self) -> Client:
        return client_of(self.request)

    @cached_property
    def galleries(self) -> list[Gallery]:
        """The default one first."""
        own = Gallery.objects.of_client(self.client).of_kind(GalleryKind.PEOPLE)
        return list(own.select_related("client").order_by("-is_default", "name"))

    def person(self, number: int) -> Any:
        """One of `people_of`. Raises `NotFound`, for people of other clients and entries of the watch list as well."""
        found = people_of(self.client).filter(number=number).first()
        if found is None:
            raise NotFound(_("There is no such person. The record may have been erased, or merged into another one."))
        return found


class PeopleFilter(forms.Form):
    """The filter of the grid, which the addresses of its pages carry along."""

    q = forms.CharField(label=gettext_lazy("Name or external ID"), required=False, max_length=100)
    gallery = forms.CharField(label=gettext_lazy("Gallery"), required=False, max_length=100)

    def people(self, client: Client) -> PersonQuerySet:
        people = people_of(client)
        if not self.is_valid():
            return people.none()
        text, gallery = self.cleaned_data["q"], self.cleaned_data["gallery"]
        if text:
            people = people.filter(Q(name__icontains=text) | Q(external_id__icontains=text))
        return people.filter(gallery__name=gallery) if gallery else people


class PeopleList(PeoplePage):
    """Forty faces at a time, those added last first."""

    def get(self, request: Request) -> HttpResponse:
        form, query = PeopleFilter(request.query_params), request.query_params
        before, after = (number_in(query.get(name)) for name in ("before", "after"))
        page: Page[Person] = Page.of(form.people(self.client), before=before, after=after)
        record_rows(Action.VIEW, page.rows, results=len(page.rows))
        chosen = {name: value for name in ("q", "gallery") if (value := query.get(name))}
        context = {
            "form": form,
            "galleries": self.galleries,
            "faces": [Face(person) for person in page.rows],
            "page": page,
            "chosen": chosen,
            "erased": number_in(query.get("erased")),
            "may_add": self.may(Scope.PEOPLE_WRITE),
            "may_search": self.may(Scope.PEOPLE_MATCH),
        }
        return self.show("console/people/list.html", context, status=200 if form.is_valid() else 422)


class NewPerson(PeoplePage):
    """Somebody new, with photographs or without. Scripts send the photographs afterwards, one after the other."""

    takes_images = frozenset({"post"})
    TYPED = ("name", "external_id", "gallery", "legal_basis")

    def get(self, request: Request) -> HttpResponse:
        return self.show_form()

    def post(self, request: Request) -> HttpResponse:
        typed = {name: request.data.get(name, "") for name in self.TYPED}
        uploads = [Upload(file.read(), file.name or "") for file in request.FILES.getlist("image") if file.size]
        is_part = request._request.htmx  # type: ignore[attr-defined]
        try:
            person, refusals = self.added(typed, uploads)
        except FaceAppError as error:
            if is_part:
                raise
            return self.show_form(typed=typed, problem=error)
        if person is None:
            return self.show_form(typed=typed, refusals=refusals)
        context = {"person": person, "name": name_of(person), "refusals": refusals}
        if is_part or refusals:
            return self.show("console/people/added.html", context)
        return HttpResponseRedirect(reverse("console:person", args=[person.number]))

    def added(self, typed: dict[str, str], uploads: list[Upload]) -> tuple[Person | None, Any]:
        """The new person, or None if no photograph could be used. Raises as `create_person` does, or `NothingSent`."""
        if not (typed["name"].strip() or typed["external_id"]):
            raise NothingSent(_("Say what the person is called, or give an external ID."))
        fields: dict[str, Any] = {name: typed[name].strip() for name in ("name", "legal_basis")}
        fields |= {"external_id": typed["external_id"] or None, "source": typed["gallery"]}
        if not uploads:
            return create_person(client=self.client, **fields), ()
        rules = EnrolmentRules(only_new=True)
        done = enrol_photographs(client=self.client, uploads=uploads, whom=Whom(**fields), rules=rules)
        return done.person, done.refusals

    def show_form(self, *, problem: Exception | None = None, **context: Any) -> HttpResponse:
        said = problem_of(problem) if problem else None
        status = said.status if said else 422 if context.get("refusals") else 200
        context |= {"galleries": self.galleries, "may_add": self.may(Scope.PEOPLE_WRITE), "problem": said}
        return self.show("console/people/new.html", context, status=status)


class FindPerson(Tool, PeoplePage):
    """Who is near the largest face of a photograph, the nearest first. Nothing is stored."""

    section, tool, scope_write = "people", "find", Scope.PEOPLE_MATCH

    def answer(self, upload: Upload) -> Answer:
        options = SearchOptions(limit=NEAREST, faces="largest")
        probe = Probe(data=upload.data)
        [face] = search_people(client=self.client, probe=probe, options=options, tells=False).faces
        assert face.face
        if not face.face.is_recognisable:
            raise InvalidInput(_("The face cannot be recognised: it is %(reason)s.") % {"reason": reason(face.reason)})
        count = len(face.matches)
        summary = ngettext("%(count)s match", "%(count)s matches", count) % {"count": count} if count else _("No match")
        if not face.candidates:
            summary = _("Nobody with a photograph is enrolled yet.")
        notes = [summary, clarity(face.face)]
        shown = [other_of(candidate) for candidate in face.candidates]
        return Answer(upload.name, Picture.of(upload), " · ".join(filter(None, notes)), others=shown)

    def show_tool(self, **context: Any) -> HttpResponse:
        return self.show(
            "console/people/find.html", context | {"tool": self.tool, "may_try": self.may(self.scope_write)}
        )


def other_of(candidate: Candidate) -> Other:
    """A person in the ranking, with the photograph that is nearest."""
    person, image, compared = candidate.person, candidate.reference_image, candidate.comparison
    name = name_of(person)
    nearest = replace(Nearest.of(compared, name=name), odds=odds(compared.point, compared.distance))
    url = reverse("console:photograph", args=[image.uuid])
    picture = Picture(f"image-{image.pk}", name, url, 240, 240, 1.0) if image.image else None
    where = reverse("console:person", args=[person.number])
    return Other(name, picture, verdict(compared.decision), tone(compared.decision), nearest, url=where)


def chosen_face(upload: Upload, box: str) -> Upload:
    """The photograph, or of one with several faces the one at `box`."""
    return face_alone(upload, box) if box else upload
