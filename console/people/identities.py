"""Two records that are one person, and one record that is two."""

from __future__ import annotations

import json
from typing import Any, cast

from django.http import HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from rest_framework.request import Request

from audit.types import Action
from calibration.types import Comparison
from clients.models import Scope
from clients.numbering import record_rows
from clients.permissions import is_managing
from console.exceptions import NothingSent
from console.numbers import number_in
from console.people.lists import PeopleFilter, PeoplePage
from console.people.person import PersonPage
from console.people.shown import Face, name_of
from console.try_it.answers import Nearest
from console.try_it.words import tone, verdict
from errors import FaceAppError
from people.exceptions import BadSplit, ExternalIdTaken, UnusableValue
from people.models import Person, ReferenceImage
from people.services import compare_people, keep_apart, merge_persons, merged_fields, split_person
from rest.errors import problem_of

FOUND = 12  # people whom a search offers
SHOWN = 12  # photographs of each side
MOST_PHOTOGRAPHS = 200  # that can be chosen from at once


class MergePeople(PersonPage):
    """Choose the other one, see what results, and merge. `with` is the number of the one that goes."""

    to_confirm = frozenset({"post"})

    for_managers = ("post",)

    @property
    def looking_is_work(self) -> bool:
        return "with" in self.request.query_params  # the two are compared

    def get(self, request: Request, number: int) -> HttpResponse:
        person, other = self.person(number), number_in(request.query_params.get("with"))
        if other is None or other == number:
            return self.show_choice(person)
        return self.show_preview(person, self.person(other))

    def post(self, request: Request, number: int) -> HttpResponse:
        person, other = self.person(number), self.person(number_in(request.data.get("with")) or 0)
        try:
            merge_persons(person=person, other=other)
        except (ExternalIdTaken, UnusableValue) as error:
            return self.show_preview(person, other, problem=problem_of(error), status=422)
        return HttpResponseRedirect(reverse("console:person", args=[number]) + f"?merged={other.number}")

    def show_choice(self, person: Any) -> HttpResponse:
        form = PeopleFilter(self.request.query_params)
        found = []
        if form.is_valid() and form.cleaned_data["q"]:
            found = list(form.people(self.client).exclude(pk=person.pk).order_by("-number")[:FOUND])
        record_rows(Action.VIEW, [person, *found], results=1 + len(found))
        context = {"person": person, "name": name_of(person), "form": form, "faces": [Face(one) for one in found]}
        return self.show("console/people/choose.html", context | self.hints(person))

    def show_preview(self, person: Any, other: Any, *, status: int = 200, **context: Any) -> HttpResponse:
        record_rows(Action.VIEW, [person, other], results=2)
        context |= {
            "person": person,
            "name": name_of(person),
            "other": other,
            "other_name": name_of(other),
            "sides": [(Face(one), photographs_of(one)) for one in (person, other)],
            "rows": rows_of(person, other),
            "compared": near(person, other) if self.may(Scope.PEOPLE_MATCH) else {},
            "dropped": other.external_id if person.external_id and other.external_id else "",
            "count": person.photographs + other.photographs,
            "may_merge": is_managing(self.request),
        }
        return self.show("console/people/merge.html", context, status=status)


def photographs_of(person: Person) -> list[ReferenceImage]:
    return list(ReferenceImage.objects.filter(person=person).with_file().primary_first()[:SHOWN])


def rows_of(person: Any, other: Any) -> list[tuple[str, str, str, str]]:
    """Of each field what the two hold now, and what results; a field that both lack is left out."""
    try:
        result = merged_fields(person, other)
    except UnusableValue:
        result = {}
    named = {
        "name": _("Name"),
        "external_id": _("External ID"),
        "legal_basis": _("Legal basis"),
        "metadata": _("Metadata"),
    }
    rows = [
        (title, text(getattr(person, field)), text(getattr(other, field)), text(result.get(field)))
        for field, title in named.items()
    ]
    rows.append((_("Gallery"), person.gallery.name, other.gallery.name, person.gallery.name))
    return [row for row in rows if row[1] or row[2]]


def text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if value and isinstance(value, dict) else str(value or "")


def near(person: Person, other: Person) -> dict[str, Any]:
    """How near the two are to each other; empty where that cannot be said."""
    try:
        compared: Comparison | None = compare_people(person, other)
    except FaceAppError:
        return {}
    if compared is None:
        return {}
    return {
        "nearest": Nearest.of(compared, name=name_of(other)),
        "verdict": verdict(compared.decision),
        "tone": tone(compared.decision),
    }


class SplitPerson(PeoplePage):
    """Choose the photographs that show somebody else."""

    def get(self, request: Request, number: int) -> HttpResponse:
        return self.show_choice(self.person(number))

    def post(self, request: Request, number: int) -> HttpResponse:
        person, data = self.person(number), cast(QueryDict, request.data)
        chosen = [one for text in data.getlist("image") if (one := number_in(text)) is not None]
        typed = {name: data.get(name, "") for name in ("name", "external_id")}
        try:
            if not (typed["name"].strip() or typed["external_id"]):
                raise NothingSent(_("Say what the person is called, or give an external ID."))
            new = split_person(
                person=person,
                images=chosen,
                name=typed["name"].strip(),
                external_id=typed["external_id"] or None,
            )
        except (BadSplit, ExternalIdTaken, UnusableValue, NothingSent) as error:
            return self.show_choice(person, chosen=chosen, typed=typed, problem=problem_of(error), status=422)
        return HttpResponseRedirect(reverse("console:person", args=[new.number]) + f"?split={number}")

    def show_choice(self, person: Any, *, status: int = 200, **context: Any) -> HttpResponse:
        images = list(ReferenceImage.objects.filter(person=person).primary_first()[: MOST_PHOTOGRAPHS + 1])
        record_rows(Action.VIEW, [person], results=1)
        context |= {
            "person": person,
            "name": name_of(person),
            "photographs": images[:MOST_PHOTOGRAPHS],
            "most": MOST_PHOTOGRAPHS if len(images) > MOST_PHOTOGRAPHS else None,
            "may_split": self.may(Scope.PEOPLE_WRITE) and len(images) > 1,
        }
        return self.show("console/people/split.html", context, status=status)


class KeepApart(PeoplePage):
    """Two people who look alike are not the same; then back to where that was said."""

    def post(self, request: Request, number: int) -> HttpResponse:
        person, other = self.person(number), self.person(number_in(request.data.get("other")) or 0)
        keep_apart(person=person, other=other, by=request.user.pk)
        back = str(request.data.get("back", ""))
        is_ours = url_has_allowed_host_and_scheme(back, allowed_hosts=None) and back.startswith("/console/people/")
        return HttpResponseRedirect(back if is_ours else reverse("console:people-same"))
