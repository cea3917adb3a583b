"""System checks of the settings for FaceHash."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, register

from clients.networks import are_networks
from compat.facehash.authentication import weakness

POLICIES = ("replace", "append")


@register()
def check_facehash(**_: Any) -> list[CheckMessage]:
    problems: list[CheckMessage] = []
    if settings.FACEHASH_POLICY not in POLICIES:
        message = "FACEAPP_FACEHASH_POLICY is neither replace nor append."
        problems.append(Error(message, hint="Unset it.", id="facehash.E001"))
    if not 1 <= settings.FACEHASH_MIN_IMAGES <= settings.FACEHASH_MAX_IMAGES:
        hint = "FACEAPP_FACEHASH_MIN_IMAGES lies between 1 and FACEAPP_FACEHASH_MAX_IMAGES."
        problems.append(Error("No number of photographs is allowed.", hint=hint, id="facehash.E002"))
    if settings.FACEHASH_MAX_BYTES > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
        hint = "Raise FACEAPP_MAX_REQUEST_BYTES too."
        message = "FACEAPP_FACEHASH_MAX_BYTES is above the limit of all requests."
        problems.append(checks.Warning(message, hint=hint, id="facehash.W001"))
    networks = settings.FACEHASH_KEY_NETWORKS
    if settings.FACEHASH_KEY and not networks and (reason := weakness(settings.FACEHASH_KEY)):
        hint = "Choose another, or name the networks from which it is used in FACEAPP_FACEHASH_KEY_NETWORKS."
        problems.append(Error(f"FACEAPP_FACEHASH_KEY is refused. {reason}", hint=hint, id="facehash.E003"))
    if not are_networks(networks):
        message = "FACEAPP_FACEHASH_KEY_NETWORKS has an entry that is no network."
        problems.append(Error(message, hint="Write 10.1.0.0/16 or 2001:db8::/32.", id="facehash.E004"))
    if settings.FACEHASH_CLIENT and "*" in settings.FACEHASH_ORIGINS:
        hint = "Name the sites of these pages in FACEAPP_FACEHASH_ORIGINS, or give them keys."
        message = "Without a key programs may use FaceHash, and pages of no other site."
        problems.append(checks.Warning(message, hint=hint, id="facehash.W002"))
    return problems
