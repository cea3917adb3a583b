"""Text forms of an image: data URL, base64, paths. URLs have their own tests."""

import base64
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from vision.exceptions import IMAGE_ERRORS, InvalidImage
from vision.images import read_text
from vision.tests.pictures import JPEG, code_of, save, two_colours

pytestmark = pytest.mark.usefixtures("references_allowed")
PLAIN = base64.b64encode(JPEG).decode()


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        f"data:image/jpeg;base64,{PLAIN}",
        f"data:image/jpg;base64,{PLAIN}",
        f"DATA:image/x-anything;charset=utf-8;BASE64,{PLAIN}",
        f"data:;base64,{PLAIN}",
        f"data:image/jpeg;base64,{quote(PLAIN, safe='')}",
        f"data:image/jpeg,{quote(JPEG)}",
        f"data:image/jpeg;base64,{base64.encodebytes(JPEG).decode()}",
        base64.encodebytes(JPEG).decode(),
        base64.encodebytes(JPEG).decode().replace("\n", "\r\n"),
        base64.urlsafe_b64encode(JPEG).decode(),
        base64.urlsafe_b64encode(JPEG).decode().rstrip("="),
        PLAIN.rstrip("="),
        f"  \n\t{PLAIN}\n ",
        f"  data:image/png;base64, {PLAIN}",
    ],
)
def test_every_text_form_gives_the_same_bytes(text: str) -> None:
    assert read_text(text) == JPEG


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP", "BMP", "TIFF", "HEIF", "JPEG"])
@pytest.mark.parametrize("size", [(8, 8), (300, 200)])
def test_bare_base64_of_every_format_is_taken_for_base64(kind: str, size: tuple[int, int]) -> None:
    data = save(two_colours(size), kind)
    assert read_text(base64.b64encode(data).decode()) == data


@pytest.mark.parametrize("length", range(300, 304))
def test_missing_padding_is_tolerated_for_every_length(length: int) -> None:
    data = JPEG[:length]
    assert read_text(base64.b64encode(data).decode().rstrip("=")) == data


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "image.empty"),
        (" \n ", "image.empty"),
        ("data:image/png;base64,", "image.empty"),
        ("not an image!", "image.not_an_image"),
        ("Grüße", "image.not_an_image"),
        ("\ud800", "image.not_an_image"),
        ("12345", "image.not_an_image"),
        ("data:image/png;base64", "image.bad_base64"),
        ("data:image/png;base64,@@@@", "image.bad_base64"),
        ("data:image/png;base64,AAAA=AAAA", "image.bad_base64"),
        ("data:image/png;base64,Grüße", "image.bad_base64"),
        (PLAIN[:100] + "!" + PLAIN[100:], "image.bad_base64"),
        (PLAIN[:401], "image.bad_base64"),
        ("http://example.org/a.jpg", "image.url_disabled"),
        ("HTTPS://example.org/a.jpg", "image.url_disabled"),
        ("ftp://example.org/a.jpg", "image.url_disabled"),
        ("file:///etc/passwd", "image.path_refused"),
        ("FILE:/etc/passwd", "image.path_refused"),
        ("/etc/passwd", "image.path_disabled"),
        ("../..", "image.path_disabled"),
        ("..", "image.path_disabled"),
        ("./a", "image.path_disabled"),
        ("~/a", "image.path_disabled"),
        ("faces/alex_1.jpg", "image.path_disabled"),
        ("alex.png", "image.path_disabled"),
        ("C:\\Users\\a.png", "image.path_disabled"),
        ("\\\\server\\share\\a.png", "image.path_disabled"),
        ("/9j/pictures/a.jpg", "image.path_disabled"),
        ("//example.org/a.jpg", "image.path_disabled"),
    ],
)
def test_other_text_is_refused_with_its_own_code(text: str, code: str) -> None:
    assert code_of(read_text, text) == code


def test_text_that_holds_too_many_bytes_is_refused(settings: Any) -> None:
    settings.MAX_IMAGE_BYTES = 3000
    assert len(read_text(base64.b64encode(bytes(3000)).decode())) == 3000
    assert len(read_text("data:," + "%00" * 3000)) == 3000
    assert code_of(read_text, base64.b64encode(bytes(3001)).decode()) == "image.too_large"
    assert code_of(read_text, "data:," + "%00" * 3001) == "image.too_large"
    assert code_of(read_text, "A" * 1_000_000) == "image.too_large"


@pytest.fixture
def import_root(settings: Any, tmp_path: Path) -> Path:
    root = tmp_path / "import"
    (root / "sub").mkdir(parents=True)
    (root / "sub" / "a.jpg").write_bytes(JPEG)
    (tmp_path / "secret.jpg").write_bytes(JPEG)
    (tmp_path / "import-sibling").mkdir()
    (tmp_path / "import-sibling" / "a.jpg").write_bytes(JPEG)
    settings.IMPORT_ROOT = root
    return root


def test_file_below_the_import_folder_is_read(import_root: Path) -> None:
    (import_root / "inner.jpg").symlink_to(import_root / "sub" / "a.jpg")
    for text in ("sub/a.jpg", "./sub/a.jpg", "sub/../sub/a.jpg", "inner.jpg", str(import_root / "sub" / "a.jpg")):
        assert read_text(text) == JPEG


def test_everything_outside_the_import_folder_is_refused_alike(import_root: Path) -> None:
    (import_root / "out.jpg").symlink_to(import_root.parent / "secret.jpg")
    (import_root / "outer").symlink_to(import_root.parent)
    (import_root / "loop.jpg").symlink_to(import_root / "loop.jpg")
    os.mkfifo(import_root / "pipe.jpg")
    names = ["../secret.jpg", str(import_root.parent / "secret.jpg"), "out.jpg", "outer/secret.jpg", "loop.jpg"]
    names += ["pipe.jpg", "sub/../../secret.jpg", "sub/.", "./", "none.jpg", "a\0.jpg", "/etc/passwd", "../.."]
    names += [str(import_root) + "-sibling/a.jpg", "file://" + str(import_root / "sub" / "a.jpg"), "x" * 300 + ".jpg"]
    messages = set()
    for name in names:
        with pytest.raises(InvalidImage) as caught:
            read_text(name)
        assert caught.value.code == "image.path_refused", name
        messages.add(str(caught.value))
    assert messages == {IMAGE_ERRORS["image.path_refused"]}


def test_file_over_the_limit_is_refused_unread(import_root: Path, settings: Any) -> None:
    settings.MAX_IMAGE_BYTES = 1000
    with (import_root / "big.jpg").open("wb") as file:
        file.truncate(10 << 30)  # sparse
    assert code_of(read_text, "big.jpg") == "image.too_large"


def test_import_folder_that_is_gone_refuses(settings: Any, tmp_path: Path) -> None:
    settings.IMPORT_ROOT = tmp_path / "gone"
    assert code_of(read_text, "a.jpg") == "image.path_refused"
