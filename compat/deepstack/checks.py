"""System checks of the settings for DeepStack."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.exceptions import ValidationError

from clients.networks import validate_network

POLICIES = ("append", "replace")


@register()
def check_deepstack(**_: Any) -> list[CheckMessage]:
    problems: list[CheckMessage] = []
    if settings.DEEPSTACK_REGISTER not in POLICIES:
        message = "FACEAPP_DEEPSTACK_REGISTER is neither append nor replace."
        problems.append(Error(message, hint="Unset it.", id="deepstack.E001"))
    if settings.DEEPSTACK_KEY and not settings.DEEPSTACK_NETWORKS:
        hint = "Name the networks of your cameras in FACEAPP_DEEPSTACK_NETWORKS."
        message = "FACEAPP_DEEPSTACK_KEY admits nobody without networks."
        problems.append(Error(message, hint=hint, id="deepstack.E002"))
    if "." in settings.DEEPSTACK_KEY:
        hint = "Give the part before the dot only, which the admin shows."
        problems.append(Error("FACEAPP_DEEPSTACK_KEY holds a whole key.", hint=hint, id="deepstack.E003"))
    for network in settings.DEEPSTACK_NETWORKS:
        try:
            validate_network(network)
        except ValidationError as error:
            message = f"FACEAPP_DEEPSTACK_NETWORKS: {error.messages[0]}"
            problems.append(Error(message, id="deepstack.E004"))
    return problems
