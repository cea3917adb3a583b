"""The admin's form for API keys."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminSelectWidget

from clients.models import ApiKey, Scope
from clients.scopes import PRESETS, expand
from clients.services import default_expiry

EXPIRY = (
    "The key is refused from then on; empty: it never expires. Leave it empty for a Nextcloud server, which cannot"
    " replace its key."
)


class ApiKeyForm(forms.ModelForm):  # type: ignore[type-arg]  # Django's class is not generic at run time
    scopes = forms.MultipleChoiceField(
        choices=Scope.choices,
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="What the key may do. Tick as little as its program needs.",
    )
    preset = forms.ChoiceField(
        choices=[("", "Only what is ticked"), *((name, f"{name}: {', '.join(PRESETS[name])}") for name in PRESETS)],
        required=False,
        widget=UnfoldAdminSelectWidget,
        help_text="Several scopes at once, in addition to those that are ticked.",
    )

    class Meta:
        model = ApiKey
        fields = ["client", "name", "scopes", "rate_limit", "networks", "expiry_date"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance._state.adding:
            self.fields["expiry_date"].initial = default_expiry([])
            self.fields["expiry_date"].help_text = EXPIRY

    def clean_expiry_date(self) -> datetime | None:
        expiry: datetime | None = self.cleaned_data["expiry_date"]
        if "expiry_date" in self.changed_data and expiry is not None and expiry <= timezone.now():
            raise ValidationError("Choose a time in the future, or revoke the key.")
        return expiry

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        names = [*data.get("scopes", []), *filter(None, [data.get("preset")])]
        if "scopes" in self.fields and not names and "scopes" not in self.errors:
            self.add_error("scopes", "Tick what the key may do.")
        elif names:
            data["scopes"] = expand(names)
        client = data.get("client")
        if client is not None and not client.is_active:
            self.add_error("client", "This client is inactive. Activate it before making a key for it.")
        return data
