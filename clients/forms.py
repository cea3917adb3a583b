"""The admin's forms for API keys and clients."""

from __future__ import annotations

from datetime import datetime
from math import inf
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminSelectWidget

from clients.models import ApiKey, Client, Scope
from clients.quotas import LIMITS
from clients.scopes import PRESETS, expand
from clients.services import default_expiry
from clients.throttling import ClientRateThrottle
from remote.registry import OURS, is_allowed

EXPIRY = (
    "The key is refused from then on; empty: it never expires. Leave it empty for a Nextcloud server, which cannot"
    " replace its key."
)


class ApiKeyForm(forms.ModelForm):  # type: ignore[type-arg]  # Django's class is not generic at run time
    """A key. `may_raise_limits` is for administrators, as in `ClientForm`."""

    may_raise_limits = True

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

    def clean_rate_limit(self) -> str:
        """Neither more requests at once than the deployment allows, nor more in the long run."""
        rate: str = self.cleaned_data["rate_limit"]
        if self.may_raise_limits or "rate_limit" not in self.changed_data or not (rate and settings.RATE_LIMIT):
            return rate
        ApiKey._meta.get_field("rate_limit").run_validators(rate)  # Django does this later
        (count, seconds), (most, of_seconds) = map(_requests_and_seconds, (rate, settings.RATE_LIMIT))
        if count > most or count * of_seconds > most * seconds:
            text = _("Only an administrator can allow more than %(limit)s.")
            raise ValidationError(text % {"limit": settings.RATE_LIMIT})
        return rate

    def clean_expiry_date(self) -> datetime | None:
        expiry: datetime | None = self.cleaned_data["expiry_date"]
        if "expiry_date" in self.changed_data and expiry is not None and expiry <= timezone.now():
            raise ValidationError(_("Choose a time in the future, or revoke the key."))
        return expiry

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        names = [*data.get("scopes", []), *filter(None, [data.get("preset")])]
        if "scopes" in self.fields and not names and "scopes" not in self.errors:
            self.add_error("scopes", _("Tick what the key may do."))
        elif names:
            data["scopes"] = expand(names)
        client = data.get("client")
        if client is not None and not client.is_active:
            self.add_error("client", _("This client is inactive. Activate it before making a key for it."))
        return data


def _requests_and_seconds(rate: str) -> tuple[int, int]:
    count, seconds = ClientRateThrottle().parse_rate(rate)
    return count or 0, seconds or 1


class ClientForm(forms.ModelForm):  # type: ignore[type-arg]  # Django's class is not generic at run time
    """A client's settings. `may_raise_limits` is for administrators: limits protect the others from this client."""

    may_raise_limits = True

    class Meta:
        model = Client
        fields = [
            "name",
            "is_active",
            "retention_days",
            "liveness_policy",
            "backend",
            *(field for field, _setting in LIMITS.values()),
        ]

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        for field, setting in LIMITS.values():
            if self.may_raise_limits or field not in self.changed_data or field in self.errors:
                continue
            before, after = (
                getattr(settings, setting) if value is None else value for value in (self.initial[field], data[field])
            )
            if (after or inf) > (before or inf):
                self.add_error(field, _("Only an administrator can raise this limit."))
        self._check_backend(data.get("backend", ""))
        return data

    def _check_backend(self, chosen: str) -> None:
        """Photographs leave this deployment only for where it allows them to."""
        if "backend" in self.changed_data and chosen not in {"", OURS} and not is_allowed(chosen):
            text = _("This deployment does not allow this back end: FACEAPP_REMOTE_BACKENDS does not name it.")
            self.add_error("backend", text)
