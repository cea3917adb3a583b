"""What narrows the list of the audit. It is part of the address."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import Q
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from audit.querysets import RecordQuerySet
from clients.walled_admin import midnight
from console.auditing.words import ACTIONS

DAYS = [MinValueValidator(date(1970, 1, 1)), MaxValueValidator(date(9000, 1, 1))]


class DayInput(forms.DateInput):
    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


def action_choices() -> list[tuple[str, Any]]:
    return [("", _("Everything")), *((action.value, word) for action, word in ACTIONS.items())]


class AuditFilter(forms.Form):
    """`who` is a user name, the prefix of a key, or the name of a command or task."""

    who = forms.CharField(label=_("Who"), max_length=100, required=False)
    action = forms.ChoiceField(label=_("What"), choices=action_choices, required=False)
    object = forms.CharField(
        label=_("Whom or what"), max_length=100, required=False, widget=forms.TextInput({"placeholder": "person:12"})
    )
    since = forms.DateField(label=_("From"), required=False, widget=DayInput, validators=DAYS)
    until = forms.DateField(label=_("To"), required=False, widget=DayInput, validators=DAYS)

    @property
    def query(self) -> str:
        """The filter for an address."""
        return urlencode({name: value for name, value in self.data.items() if name in self.fields and value})

    def narrow(self, records: RecordQuerySet) -> RecordQuerySet:
        chosen = self.cleaned_data
        if chosen["who"]:
            users = [str(pk) for pk in User.objects.filter(username=chosen["who"]).values_list("pk", flat=True)]
            records = records.filter(Q(actor=chosen["who"]) | Q(actor_kind="user", actor__in=users))
        if chosen["action"]:
            records = records.filter(action=chosen["action"])
        if chosen["object"]:
            records = records.about(chosen["object"])
        if chosen["since"]:
            records = records.filter(at__gte=midnight(chosen["since"]))
        if chosen["until"]:
            records = records.filter(at__lt=midnight(chosen["until"] + timedelta(days=1)))
        return records
