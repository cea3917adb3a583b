"""Fixtures for tests against the whole service."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from faceapp.tests.live_stack import LiveStack
from recognition.tests.contract_api import PHOTOGRAPHS, Api
from recognition.tests.photographs import faceless, reduced, side_by_side


@pytest.fixture(scope="session")
def keys(live: LiveStack) -> Iterator[str]:
    """Keys of clients that nobody has used."""
    code = (
        "from clients.services import create_api_key as k; import uuid; "
        "print('\\n'.join(k(client_name='df-' + uuid.uuid4().hex, scopes=['all', 'references'])[1] for _ in range(60)))"
    )
    return iter(live.manage("shell", "--no-imports", "-c", code).stdout.split())


@pytest.fixture
def api(live: LiveStack, keys: Iterator[str]) -> Api:
    return Api(live, next(keys))


@pytest.fixture(scope="session")
def photos(faces: Path) -> dict[str, bytes]:
    """Small, because the time that detection takes grows with the area; `large` is as the camera made it."""
    read = {name: reduced(faces / file) for name, file in PHOTOGRAPHS.items()}
    read["large"] = (faces / PHOTOGRAPHS["jpeg"]).read_bytes()
    read["M"] = side_by_side(*(faces / name for name in ("alex_1.jpg", "biden_2.jpg", "obama_2.jpg")))
    return read | {"N": faceless()}


@pytest.fixture
def entry(api: Api, photos: dict[str, bytes]) -> dict[str, Any]:
    """The person of S1 and S2 is listed from S1."""
    response = api.enlist("Listed", photos["S1"], reason="a reason")
    assert response.status_code == 201, response.text
    return dict(response.json())
