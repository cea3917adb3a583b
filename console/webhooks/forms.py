"""Who is told of what. The rules are those of the model, as in the admin and the API."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from notifications.models import Subscription
from notifications.types import Event, Way

EVENTS = (
    (Event.HIT, _("Somebody on the watch list is found in a screened image")),
    (Event.HIT_CONFIRMED, _("A hit is confirmed")),
    (Event.JOB_DONE, _("All images of a job are finished")),
    (Event.PERSON_ENROLLED, _("Photographs of a person are enrolled")),
    (Event.MATCH, _("A search recognises somebody")),
    (Event.UNKNOWN, _("A search finds a face that it does not know")),
)
WAYS = (
    (Way.WEBHOOK, _("A program, by webhook")),
    (Way.EMAIL, _("People, by e-mail")),
    (Way.MQTT, _("Home automation, by MQTT")),
)


class SubscriptionForm(forms.ModelForm):  # type: ignore[type-arg]  # Django's class is not generic at run time
    name = forms.CharField(label=_("Name"), max_length=100, help_text=_("For your own use."))
    target = forms.CharField(
        label=_("Address"),
        required=False,  # the model says which
        help_text=_(
            "The URL of the program, or up to ten e-mail addresses with commas between them. Leave it empty for MQTT."
        ),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    events = forms.MultipleChoiceField(
        label=_("What is told"),
        choices=[(event.value, word) for event, word in EVENTS],
        widget=forms.CheckboxSelectMultiple,
    )
    with_names = forms.BooleanField(
        label=_("MQTT: with names"),
        required=False,
        help_text=_("Whoever may read the topic learns the names of the people who are found."),
    )
    is_active = forms.BooleanField(label=_("Active"), required=False)

    class Meta:
        model = Subscription
        fields = ["name", "target", "events", "with_names", "is_active"]


class NewSubscriptionForm(SubscriptionForm):
    way = forms.ChoiceField(label=_("Who is told"), choices=WAYS, initial=Way.WEBHOOK, widget=forms.RadioSelect)

    class Meta(SubscriptionForm.Meta):
        fields = ["way", "name", "target", "events", "with_names"]

    is_active = None  # type: ignore[assignment]  # a new one is
