"""System checks of the settings about callers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.core.exceptions import ValidationError

from clients.models import LARGEST, ApiKey, Client
from clients.quotas import LIMITS
from clients.services import MAX_EXPIRY_DAYS


@checks.register
def check_anonymous_client(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """The client for requests without a key has a valid name, and the administrator is warned about it."""
    if not settings.ANONYMOUS_CLIENT:
        return []
    try:
        Client._meta.get_field("name").clean(settings.ANONYMOUS_CLIENT, None)
    except ValidationError as error:
        hint = "Correct FACEAPP_ANONYMOUS_CLIENT, or leave it empty."
        return [checks.Error(f"No client can have this name: {' '.join(error.messages)}", hint=hint, id="clients.E001")]
    message = "Requests without an API key are accepted: anyone who reaches the server acts as this client."
    hint = "Leave FACEAPP_ANONYMOUS_CLIENT empty, unless older programs need it and no one else can reach the server."
    return [checks.Warning(message, hint=hint, id="clients.W001")]


@checks.register
def check_rates(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """The rate limits can be read."""
    rate_field = ApiKey._meta.get_field("rate_limit")
    errors: list[checks.CheckMessage] = []
    for name in ("RATE_LIMIT", "FAILED_KEY_LIMIT"):
        try:
            rate_field.clean(getattr(settings, name), None)
        except ValidationError:
            hint = "Write a number and a period (s, min, h, d), such as 1200/min; empty for no limit."
            errors.append(checks.Error(f"FACEAPP_{name} is not a rate.", hint=hint, id="clients.E002"))
    return errors


@checks.register
def check_limits_of_keys(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Numbers below 0 would let every new key be expired, or refuse every verification."""
    bounds = {"KEY_DAYS": MAX_EXPIRY_DAYS, "VERIFY_FAILURES": LARGEST}
    return [
        checks.Error(f"FACEAPP_{name} is not between 0 and {most:,}.", hint="Correct or unset it.", id="clients.E004")
        for name, most in bounds.items()
        if not 0 <= getattr(settings, name) <= most
    ]


@checks.register
def check_quotas(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """The deployment's limits are possible ones: a negative limit would refuse everything."""
    return [
        checks.Error(
            f"FACEAPP_{name} is not a limit.",
            hint=f"Write a number from 0 (no limit) to {LARGEST:,}.",
            id="clients.E003",
        )
        for _, name in LIMITS.values()
        if not 0 <= getattr(settings, name) <= LARGEST
    ]
