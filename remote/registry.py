"""The back ends by name: what each can do, and one connection a process. Settings say where and by which credentials.

A module of `MODULES` has `ABILITIES` and `connect()`, which reads the settings and returns a `RemoteBackend`.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from typing import Any

from django.conf import settings

from remote.contract import Abilities, RemoteBackend
from remote.exceptions import SwitchedOff

OURS = "deepface"  # embeddings in our own database, whichever engine makes them
MODULES = {"aws_rekognition": "remote.aws", "azure_face": "remote.azure"}
NAMES = (OURS, *MODULES)
LABELS = {OURS: "This service", "aws_rekognition": "Amazon Rekognition", "azure_face": "Azure Face"}


def abilities_of(name: str) -> Abilities:
    """What a remote back end promises. Raises KeyError for ours and for unknown names."""
    found: Abilities = _module(name).ABILITIES
    return found


def backend_called(name: str) -> RemoteBackend:
    """Raises `SwitchedOff` or `NotConfigured`."""
    if not is_allowed(name):
        raise SwitchedOff(
            f"This deployment sends nothing to {label_of(name)}: FACEAPP_REMOTE_BACKENDS does not name it."
        )
    return _connected(name)


def is_allowed(name: str) -> bool:
    """Whether anything may leave this deployment for there."""
    return name in settings.REMOTE_BACKENDS or name == settings.FACE_PROCESSING_BACKEND


@lru_cache(maxsize=8)
def _connected(name: str) -> RemoteBackend:
    found: RemoteBackend = _module(name).connect()
    return found


def label_of(name: str) -> str:
    return LABELS[name]


def _module(name: str) -> Any:
    return import_module(MODULES[name])
