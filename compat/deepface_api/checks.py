"""System checks of the settings for DeepFace's API."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from clients.networks import are_networks


@register()
def check_deepface_api(**_: Any) -> list[CheckMessage]:
    """Calls without a token come from named networks."""
    problems: list[CheckMessage] = []
    networks = settings.DEEPFACE_API_NETWORKS
    if settings.DEEPFACE_API_CLIENT and not networks:
        hint = "Name the networks of the programs in FACEAPP_DEEPFACE_API_NETWORKS, such as 10.1.0.0/16."
        message = "FACEAPP_DEEPFACE_API_CLIENT would admit anybody without a token."
        problems.append(Error(message, hint=hint, id="deepface_api.E001"))
    if not are_networks(networks):
        message = "FACEAPP_DEEPFACE_API_NETWORKS has an entry that is no network."
        problems.append(Error(message, hint="Write 10.1.0.0/16 or 2001:db8::/32.", id="deepface_api.E002"))
    return problems
