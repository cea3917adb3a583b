"""System checks of how people log in."""

from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register

from clients.networks import are_networks


@register(Tags.security)
def check_admin_networks(**_: Any) -> list[CheckMessage]:
    if not are_networks(settings.ADMIN_NETWORKS):
        hint = "Networks such as 10.0.0.0/8 or 2001:db8::/32, without bits behind the prefix, separated by commas."
        return [Error("FACEAPP_ADMIN_NETWORKS has something that is no network.", hint=hint, id="login.E001")]
    return []


@register(Tags.security)
def check_times(**_: Any) -> list[CheckMessage]:
    if settings.SESSION_COOKIE_AGE > 0 and settings.SESSION_IDLE_SECONDS > 0:
        return []
    message = "FACEAPP_SESSION_SECONDS and FACEAPP_SESSION_IDLE_SECONDS must be above 0."
    return [Error(message, hint="28800 and 1800 by default.", id="login.E002")]


@register(Tags.security)
def check_oidc(**_: Any) -> list[CheckMessage]:
    """A provider that is named in part would fail at the first login."""
    problems: list[CheckMessage] = []
    apps = settings.SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"]
    if any(not app["client_id"] or not app["secret"] for app in apps):
        hint = "Set FACEAPP_OIDC_CLIENT_ID and FACEAPP_OIDC_CLIENT_SECRET, or unset FACEAPP_OIDC_URL."
        problems.append(Error("FACEAPP_OIDC_URL is set without a client.", hint=hint, id="login.E003"))
    if settings.HTTPS and settings.OIDC_URL and not settings.OIDC_URL.startswith("https://"):
        message = "FACEAPP_OIDC_URL is not an https:// address."
        problems.append(checks.Warning(message, hint="Use the provider's https:// address.", id="login.W002"))
    return problems


@register(Tags.security, deploy=True)
def check_second_factor(**_: Any) -> list[CheckMessage]:
    if settings.REQUIRE_MFA:
        return []
    hint = "Set FACEAPP_REQUIRE_MFA=1: passwords of administrators alone protect every client's faces."
    return [checks.Warning("FACEAPP_REQUIRE_MFA is off.", hint=hint, id="login.W001")]
