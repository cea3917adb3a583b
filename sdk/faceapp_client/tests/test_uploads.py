"""What may be sent as an image."""

from __future__ import annotations

import sys
from io import BytesIO, StringIO
from pathlib import Path

import pytest
from PIL import Image

from faceapp_client.uploads import part, parts


def test_paths_bytes_files_and_names(tmp_path: Path) -> None:
    path = tmp_path / "jané.jpg"
    path.write_bytes(b"image")
    with path.open("rb") as opened:
        sources = [path, str(path), b"image", bytearray(b"image"), memoryview(b"image"), opened, ("jane", b"image")]
        sent = parts("images", [*sources, BytesIO(b"image")])
    assert {content for _, (_, content) in sent} == {b"image"}
    assert [name for _, (name, _) in sent] == [
        "jané.jpg", "jané.jpg", "image", "image", "image", "jané.jpg", "jane", "image",
    ]  # fmt: skip


def test_a_pillow_image_is_sent_upright() -> None:
    lying = Image.new("RGBA", (40, 20))
    turned = lying.getexif()
    turned[0x0112] = 6  # to be shown turned by 90 degrees
    stored = BytesIO()
    lying.convert("RGB").save(stored, "JPEG", exif=turned)
    _, (name, content) = part("image", Image.open(stored))
    assert name == "image.jpg"
    assert Image.open(BytesIO(content)).size == (20, 40)
    assert Image.open(BytesIO(part("image", lying)[1][1])).format == "JPEG"


def test_mistakes_are_told_before_anything_is_sent(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="put a single one into a list"):
        parts("images", "jane.jpg")
    with pytest.raises(TypeError, match="not int"):
        part("image", 3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="rb"):
        part("image", StringIO("text"))  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError):
        part("image", tmp_path / "nowhere.jpg")


def test_the_client_needs_neither_django_nor_pillow_nor_the_service() -> None:
    """In an interpreter that has these three forbidden."""
    import subprocess

    code = (
        "import sys; sys.modules.update(dict.fromkeys(['django', 'PIL', 'faceapp', 'rest_framework', 'requests'])); "
        "import faceapp_client, faceapp_client.cli; faceapp_client.FaceApp('http://localhost', 'key')"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd="/", capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
