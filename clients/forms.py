"""The admin's form for API keys."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from clients.models import ApiKey, Scope


class ApiKeyForm(forms.ModelForm):  # type: ignore[type-arg]  # Django's class is not generic at run time
    scopes = forms.MultipleChoiceField(
        choices=Scope.choices,
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="What the key may do; none ticked means everything.",
    )

    class Meta:
        model = ApiKey
        fields = ["client", "name", "scopes", "rate_limit", "expiry_date"]

    def clean_expiry_date(self) -> datetime | None:
        expiry: datetime | None = self.cleaned_data["expiry_date"]
        if "expiry_date" in self.changed_data and expiry is not None and expiry <= timezone.now():
            raise ValidationError("Choose a time in the future, or revoke the key.")
        return expiry

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        client = data.get("client")
        if client is not None and not client.is_active:
            self.add_error("client", "This client is inactive. Activate it before making a key for it.")
        return data
