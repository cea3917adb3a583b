"""System checks of the settings for Rekognition's protocol."""

from __future__ import annotations

import re
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register


@register()
def check_rekognition(**_: Any) -> list[CheckMessage]:
    """The region can be a part of what callers sign."""
    if re.fullmatch(r"[a-z0-9-]{1,64}", settings.REKOGNITION_REGION):
        return []
    message = "FACEAPP_REKOGNITION_REGION has other characters than small letters, digits and hyphens."
    return [Error(message, hint="Unset it: us-east-1.", id="rekognition.E001")]
