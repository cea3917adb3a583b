"""Real photographs that name the people on them: one is enrolled by its names, and a library becomes a gallery."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Pillow

from faceapp.tests.live_stack import LiveStack
from recognition.tests.contract_api import Api
from recognition.tests.photographs import reduced
from vision.sidecars import sidecar_for
from vision.types import Box

pytestmark = pytest.mark.models
KEY = "from clients.services import create_api_key; print(create_api_key(client_name='library', scopes=['all'])[1])"


def marked(data: bytes, people: dict[str, Box]) -> bytes:
    """Turned on its side as cameras store it, with regions a third larger than the detector's boxes."""
    upright = Pillow.open(io.BytesIO(data)).convert("RGB")
    exif = Pillow.Exif()
    exif[0x0112] = 6
    out = io.BytesIO()
    turned = upright.transpose(Pillow.Transpose.ROTATE_90)
    turned.save(out, "JPEG", quality=95, exif=exif)
    larger = [
        (name, Box(box.x - box.w // 6, box.y - box.h // 6, box.w * 4 // 3, box.h * 4 // 3))
        for name, box in people.items()
    ]
    packet = sidecar_for(out.getvalue(), larger)
    out = io.BytesIO()
    turned.save(out, "JPEG", quality=95, exif=exif, xmp=packet)
    return out.getvalue()


def test_people_are_known_by_the_names_on_a_photograph(live: LiveStack, faces: Path, tmp_path: Path) -> None:
    api = Api(live, live.manage("shell", "--no-imports", "-c", KEY).stdout.strip())
    two = reduced(faces / "obama_and_biden_2.jpg")
    found = sorted((Box(*(area[side] for side in "xywh")) for area in map(area_of, api.detect(two).json())), key=left)
    assert len(found) == 2
    photograph = marked(two, {"Left": found[0], "Right": found[1]})

    def enrol(name: str, **fields: str) -> Any:
        files = {"image": ("a.jpg", photograph, "image/jpeg")}
        return api.call("POST", "/api/v1/people/", data={"name": name, "source": "api"} | fields, files=files)

    assert enrol("Right").json()["code"] == "face.several"
    done = enrol("Right", face_choice="named").json()
    assert done["enrolment"]["box"]["x"] == pytest.approx(found[1].x, abs=12)

    (tmp_path / "2020").mkdir()
    (tmp_path / "2020" / "party.jpg").write_bytes(photograph)
    imported = ["import_people", str(tmp_path), "--regions", "--client", "library", "--source", "library"]
    assert "2 images for 2 new people imported." in live.manage(*imported).stdout
    assert "2 were there already" in live.manage(*imported, check=False).stdout
    searched = {"image": ("a.jpg", two, "image/jpeg")}
    answer = api.call("POST", "/api/v1/people/search/", data={"sources": "library"}, files=searched).json()
    named = {face["candidates"][0]["name"]: face["box"]["x"] for face in answer["faces"]}
    assert named["Left"] < named["Right"]
    assert {face["decision"] for face in answer["faces"]} == {"match"}


def area_of(face: dict[str, Any]) -> dict[str, int]:
    return dict(face["facial_area"])


def left(box: Box) -> int:
    return box.x
