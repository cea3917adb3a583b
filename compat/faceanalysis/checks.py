"""System checks of the settings for FaceAnalysis."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.checks import Warning as Caution

from clients.models import Client
from compat.faceanalysis.services import STEM, UUID


@register()
def check_faceanalysis(**_: Any) -> list[CheckMessage]:
    problems: list[CheckMessage] = []
    if settings.FACEANALYSIS_IDS not in (STEM, UUID):
        hint, message = f"{STEM} or {UUID}.", "FACEAPP_FACEANALYSIS_IDS is not a known mode."
        problems.append(Error(message, hint=hint, id="faceanalysis.E001"))
    if settings.FACEANALYSIS_TOKEN_SECONDS <= 0:
        hint, message = "Seconds, such as 500.", "FACEAPP_FACEANALYSIS_TOKEN_SECONDS must be above 0."
        problems.append(Error(message, hint=hint, id="faceanalysis.E002"))
    try:
        Client._meta.get_field("name").clean(settings.FACEANALYSIS_CLIENT, None)
    except Exception:
        hint = "Letters, digits and . @ + - _ only."
        message = "FACEAPP_FACEANALYSIS_CLIENT cannot be a client's name."
        problems.append(Error(message, hint=hint, id="faceanalysis.E003"))
    return problems


@register(deploy=True)
def check_open_mode(**_: Any) -> list[CheckMessage]:
    """In open mode anyone who can reach the service reads and adds images."""
    if not settings.FACEANALYSIS_OPEN:
        return []
    hint = "Set FACEAPP_FACEANALYSIS_OPEN=0 unless only trusted machines reach the service."
    return [Caution("FaceAnalysis calls need no account.", hint=hint, id="faceanalysis.W001")]
