"""The admin's form for subscriptions."""

from __future__ import annotations

from django import forms
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from notifications.models import Subscription
from notifications.types import OFFERED


class SubscriptionForm(forms.ModelForm):  # type: ignore[type-arg]  # Django's class is not generic at run time
    """Who is told of what."""

    events = forms.MultipleChoiceField(
        choices=[(event.value, event.label) for event in OFFERED],
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="What each message holds is described in docs/webhooks.md.",
    )

    target = forms.CharField(
        label="URL or addresses", required=False, help_text=Subscription._meta.get_field("target").help_text
    )

    class Meta:
        model = Subscription
        fields = ["client", "name", "way", "target", "events", "with_names", "is_active"]
