"""The same call from a terminal and from a program, to be copied."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

PLAIN_NAME = re.compile(r"[\w.-]+\.\w{1,5}")  # what no shell reads as something else


@dataclass(frozen=True)
class Snippet:
    key: str
    title: str
    text: str


def file_name(name: str) -> str:
    """The name of a file as it may stand in a command; another one for names with spaces and the like."""
    return name if PLAIN_NAME.fullmatch(name) else "photograph.jpg"


def snippets(
    request: HttpRequest, *, path: str, fields: Sequence[str], python: str, command: str = "", answer: Any = None
) -> list[Snippet]:
    """`fields` of the form in curl's notation, `python` what follows the making of `faces`, `command` of the program
    `faceapp` where it has one, `answer` in JSON.
    """
    url = f"{request.scheme}://{request.get_host()}"
    form = " ".join(f"-F {field}" for field in fields)
    program = f'from faceapp_client import FaceApp\n\nfaces = FaceApp("{url}", "paste-the-key")\n{python}'
    found = [
        Snippet("curl", "curl", f'curl -H "X-API-Key: $FACEAPP_API_KEY" {form} \\\n  {url}{path}'),
        Snippet("python", "Python", program),
    ]
    if command:
        found.append(
            Snippet("faceapp", "faceapp", f"export FACEAPP_URL={url} FACEAPP_API_KEY=paste-the-key\n{command}")
        )
    if answer is not None:
        found.append(Snippet("json", "JSON", json.dumps(answer, indent=2, ensure_ascii=False, default=str)))
    return found
