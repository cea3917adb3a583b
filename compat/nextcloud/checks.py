"""System checks of the settings for Nextcloud."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from clients.models import Client
from compat.nextcloud.authentication import weakness
from compat.nextcloud.models import FaceModel

SMALLEST_AREA = 640 * 480  # the app's own least analysis area


@register()
def check_nextcloud(**_: Any) -> list[CheckMessage]:
    """Settings that would mix incomparable faces, or admit any caller."""
    problems: list[CheckMessage] = []
    if settings.NEXTCLOUD_MODEL not in FaceModel.values:
        hint = f"One of {', '.join(map(str, FaceModel.values))}."
        message = f"FACE_MODEL={settings.NEXTCLOUD_MODEL} is not a model."
        problems.append(Error(message, hint=hint, id="nextcloud.E001"))
    elif settings.NEXTCLOUD_MODEL == FaceModel.CNN_68 and not settings.NEXTCLOUD_68_POINTS:
        hint = "Set FACEAPP_NEXTCLOUD_68_POINTS=1 if your use is not commercial; see docs/nextcloud.md."
        problems.append(Error("FACE_MODEL=2 is switched off.", hint=hint, id="nextcloud.E002"))
    if settings.NEXTCLOUD_MAX_AREA < SMALLEST_AREA:
        hint = f"The app needs {SMALLEST_AREA} at least."
        problems.append(Error("FACEAPP_NEXTCLOUD_MAX_AREA is too small.", hint=hint, id="nextcloud.E003"))
    if settings.NEXTCLOUD_WAIT_SECONDS <= 0:
        message = "FACEAPP_NEXTCLOUD_WAIT_SECONDS must be above 0."
        problems.append(Error(message, hint="See .env.example.", id="nextcloud.E004"))
    if settings.NEXTCLOUD_KEY and (reason := weakness(settings.NEXTCLOUD_KEY)):
        hint = "Make one with `openssl rand -base64 32`, or use `manage.py create_api_key` instead."
        problems.append(Error(f"FACEAPP_NEXTCLOUD_KEY is refused. {reason}", hint=hint, id="nextcloud.E005"))
    try:
        Client._meta.get_field("name").clean(settings.NEXTCLOUD_CLIENT, None)
    except Exception:
        hint = "Letters, digits and . @ + - _ only."
        message = "FACEAPP_NEXTCLOUD_CLIENT cannot be a client's name."
        problems.append(Error(message, hint=hint, id="nextcloud.E006"))
    return problems
