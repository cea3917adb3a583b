"""Adding an entry, changing it, and adding photographs, with a script or without."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from django import forms
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe
from rest_framework.request import Request

from blacklist.exceptions import ChangedMeanwhile, FaceNotChosen, NameTaken, PhotographGone
from blacklist.models import LONGEST_NOTES, BlacklistEntry, CheckedPhotograph
from blacklist.services import add_images, check_photograph, choose, enrol_entry, forget, save_entry
from clients.models import Scope
from console.problems import said
from console.watchlist.checks import GONE, CheckedPage, face_in
from console.watchlist.entries import EntryPage
from console.watchlist.filters import SEVERITIES
from console.watchlist.shown import cards_of
from errors import FaceAppError
from errors.text import is_storable
from rest.multipart import UNNAMED
from vision.types import Upload

FIELDS = ("name", "reason", "severity", "source", "notes", "valid_from", "valid_until")
MOST_AT_ONCE = 20  # files of one form, without a script


class EntryForm(forms.Form):
    """The case, without its photographs."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=100)
    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=255, required=False)
    severity = forms.ChoiceField(label=gettext_lazy("Severity"), choices=SEVERITIES[1:], initial="normal")
    source = forms.CharField(label=gettext_lazy("Source"), max_length=100, required=False)
    notes = forms.CharField(label=gettext_lazy("Notes"), max_length=LONGEST_NOTES, required=False)
    valid_from = forms.DateField(label=gettext_lazy("First day"), required=False)
    valid_until = forms.DateField(label=gettext_lazy("Last day"), required=False)

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        first, last = data.get("valid_from"), data.get("valid_until")
        if first and last and last < first:
            raise ValidationError({"valid_until": _("The entry ends before it begins.")})
        for name, value in data.items():
            if isinstance(value, str) and not is_storable(value):
                raise ValidationError({name: _("This text has characters that cannot be stored.")})
        return data

    def fill(self, entry: BlacklistEntry) -> BlacklistEntry:
        for name in FIELDS:
            setattr(entry, name, self.cleaned_data[name])
        entry.reason = entry.reason or None
        return entry


def values_of(entry: BlacklistEntry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in FIELDS}


@require_safe
@login_required
def begin(request: HttpRequest) -> HttpResponse:
    """A form has an address of its own, so that its photographs are still there after a reload or another login."""
    return HttpResponseRedirect(reverse("console:watchlist-form", args=[uuid4()]))


@dataclass(frozen=True)
class Received:
    """The photographs of a form. `problems`: what somebody has to look at before they are saved."""

    photographs: list[CheckedPhotograph]
    problems: list[str]
    is_only_removal: bool = False

    @property
    def is_ready(self) -> bool:
        return not self.problems and not self.is_only_removal


class PhotographsPage(CheckedPage):
    """Forms with photographs: those that a script had checked, and files, which are checked when they arrive."""

    takes_images = frozenset({"post"})

    def received(self, entry: BlacklistEntry | None, batch: UUID | None) -> Received:
        """Photographs as they are to be saved. A file that cannot be used fails alone."""
        data, before = self.request.data, self.photographs(entry, batch)
        if gone := data.get("_remove"):
            forget([one for one in before if str(one.uuid) == gone])
            return Received([], [], is_only_removal=True)
        shown = set(self.request._request.POST.getlist("_checked"))
        problems = self._check_files(entry, batch)
        if shown - {str(one.uuid) for one in before}:
            problems.insert(0, str(GONE))
        changed = {one.pk for one in before if self._choose(one)}
        unseen = changed | {one.pk for one in self.photographs(entry, batch)} - {one.pk for one in before}
        photographs = self.photographs(entry, batch)
        if not photographs and not problems:
            problems = [_("Choose at least one photograph that shows the face.")]
        cards = cards_of(photographs, entry) if unseen else []
        is_unshown = any(str(one.uuid) not in shown for one in before)  # whose answer was lost, or of another window
        if not problems and (is_unshown or any(card.photograph.pk in unseen and not card.is_fine for card in cards)):
            problems = [_("Look at what is said of the photographs, then save.")]
        return Received(photographs, problems)

    def _choose(self, photograph: CheckedPhotograph) -> bool:
        """Whether another face has been chosen, without a script."""
        face = self.request.data.get(f"_face-{photograph.uuid}")
        return face is not None and choose(photograph=photograph, face=face_in(face))

    def _check_files(self, entry: BlacklistEntry | None, batch: UUID | None) -> list[str]:
        chosen, problems = self.request.FILES.getlist("image"), []
        files = [file for file in chosen if file.size or file.name != UNNAMED]  # of a field that was left empty
        for file in files[:MOST_AT_ONCE]:
            upload = Upload(file.read(), file.name or "")
            try:
                check_photograph(client=self.client, user=self.user, upload=upload, entry=entry, batch=batch)
            except FaceAppError as error:
                problems.append(f"{upload.name}: {said(error)}")
        if len(files) > MOST_AT_ONCE:
            problems.append(_("Send at most %(most)s photographs at once.") % {"most": MOST_AT_ONCE})
        return problems


class NewEntry(PhotographsPage):
    scope_read = Scope.BLACKLIST_WRITE

    def get(self, request: Request, batch: UUID) -> HttpResponse:
        return self.show_form(batch, EntryForm(initial={"severity": "normal"}), waiting=self._waiting(batch))

    def post(self, request: Request, batch: UUID) -> HttpResponse:
        form = EntryForm(request.data)
        received = self.received(None, batch)
        if received.is_only_removal:
            return self.show_form(batch, EntryForm(initial=dict(request.data.items())))
        if not form.is_valid() or not received.is_ready:
            return self.show_form(batch, form, problems=received.problems, status=422)
        entry = form.fill(BlacklistEntry(client=self.client))
        try:
            enrol_entry(entry=entry, checked=received.photographs)
        except NameTaken:
            form.add_error("name", _("There is an entry with this name already."))
            return self.show_form(batch, form, status=409)
        except (FaceNotChosen, PhotographGone) as error:
            return self.show_form(batch, form, problems=[said(error)], status=409)
        return HttpResponseRedirect(reverse("console:watchlist-entry", args=[entry.number]))

    def show_form(self, batch: UUID, form: EntryForm, *, status: int = 200, **context: Any) -> HttpResponse:
        shown = {
            "form": form,
            "cards": cards_of(self.photographs(None, batch), None),
            "check_url": reverse("console:watchlist-check-new", args=[batch]),
            "cards_url": reverse("console:watchlist-cards-new", args=[batch]),
        }
        return self.show("console/watchlist/new.html", shown | context, status=status)

    def _waiting(self, batch: UUID) -> CheckedPhotograph | None:
        """The newest photograph of another form that was not saved."""
        own = CheckedPhotograph.objects.filter(client=self.client, user=self.user, entry=None).current()
        return own.exclude(batch=batch).order_by("-pk").first()


class AddPhotographs(PhotographsPage, EntryPage):
    """More photographs of an entry."""

    scope_read = Scope.BLACKLIST_READ

    def get(self, request: Request, number: int) -> HttpResponse:
        return HttpResponseRedirect(reverse("console:watchlist-entry", args=[number]))

    def post(self, request: Request, number: int) -> HttpResponse:
        entry = self.entry(number)
        received = self.received(entry, None)
        if not received.is_ready:
            return self.show_entry(entry, problems=received.problems, status=422 if received.problems else 200)
        try:
            add_images(entry=entry, checked=received.photographs)
        except (FaceNotChosen, PhotographGone) as error:
            return self.show_entry(entry, problems=[said(error)], status=409)
        return HttpResponseRedirect(reverse("console:watchlist-entry", args=[number]))


class EditEntry(CheckedPage):
    """The case. What somebody else has changed since the form was opened is not overwritten."""

    def get(self, request: Request, number: int) -> HttpResponse:
        entry = self.entry(number)
        return self.show_form(entry, EntryForm(initial=values_of(entry)))

    def post(self, request: Request, number: int) -> HttpResponse:
        entry, form = self.entry(number), EntryForm(request.data)
        if not form.is_valid():
            return self.show_form(entry, form, status=422)
        if request.data.get("_as_of") != entry.updated_at.isoformat():
            said = _("Somebody else has changed this entry since you opened it. Compare it, then save again.")
            response = self.show_form(entry, form, problems=[said], status=409)
            response["X-Problem"] = ChangedMeanwhile.code
            return response
        try:
            save_entry(entry=form.fill(entry), fields=FIELDS)
        except NameTaken:
            form.add_error("name", _("There is an entry with this name already."))
            return self.show_form(self.entry(number), form, status=409)
        return HttpResponseRedirect(reverse("console:watchlist-entry", args=[number]))

    def show_form(self, entry: BlacklistEntry, form: EntryForm, *, status: int = 200, **context: Any) -> HttpResponse:
        shown = {"entry": entry, "form": form, "as_of": entry.updated_at.isoformat()}
        return self.show("console/watchlist/edit.html", shown | context, status=status)
