"""System checks of the settings for eKYC."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from people.types import Gate


@register()
def check_ekyc(**_: Any) -> list[CheckMessage]:
    """The gate exists, and the number of frames is not negative."""
    problems: list[CheckMessage] = []
    gates = [gate.value for gate in Gate]
    if settings.EKYC_QUALITY_GATE not in gates:
        message = f"FACEAPP_EKYC_QUALITY_GATE={settings.EKYC_QUALITY_GATE} is no gate."
        problems.append(Error(message, hint=f"One of {', '.join(gates)}.", id="ekyc.E001"))
    if settings.EKYC_MIN_FRAMES < 0:
        problems.append(Error("FACEAPP_EKYC_MIN_FRAMES is negative.", hint="0: three of five.", id="ekyc.E002"))
    return problems
