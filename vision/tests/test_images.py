"""The door for images: text forms, header checks, pixels. Every file is really made or really photographed."""

import base64
import io
import os
import random
import struct
import subprocess
import sys
import warnings
import zlib
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from django.conf import settings as django_settings
from PIL import Image as Pillow
from PIL import ImageSequence, PngImagePlugin, TiffImagePlugin

from vision import images
from vision.exceptions import InvalidImage
from vision.images import ImageInfo, decode, identify, read_text, safe_name, sniff
from vision.refusals import REFUSALS

RED, BLUE, WHITE = (255, 0, 0), (0, 0, 255), (255, 255, 255)


def two_colours(size: tuple[int, int] = (64, 48)) -> Pillow.Image:
    """The left half red, the right half blue."""
    picture = Pillow.new("RGB", size, RED)
    picture.paste(BLUE, (size[0] // 2, 0, *size))
    return picture


def save(picture: Pillow.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def code_of(function: Any, *args: Any) -> str:
    with pytest.raises(InvalidImage) as caught:
        function(*args)
    assert caught.value.code in REFUSALS
    assert caught.value.__cause__ is None
    return str(caught.value.code)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, *extra: bytes, rows: int | None = None, depth: int = 8, colour: int = 0) -> bytes:
    """A PNG made by hand: black grey pixels, `extra` chunks before them, only `rows` of the rows if given."""
    packer = zlib.compressobj(9)
    line = bytes(width * {0: 1, 2: 3, 4: 2, 6: 4}[colour] * depth // 8 + 1)
    body = b"".join(packer.compress(line) for _ in range(height if rows is None else rows)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    parts = [chunk(b"IHDR", header), *extra, chunk(b"IDAT", body), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


JPEG = save(two_colours(), "JPEG", quality=95)


# ---- text forms -------------------------------------------------------------------------------------------------
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


# ---- paths ------------------------------------------------------------------------------------------------------
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
    assert messages == {REFUSALS["image.path_refused"]}


def test_file_over_the_limit_is_refused_unread(import_root: Path, settings: Any) -> None:
    settings.MAX_IMAGE_BYTES = 1000
    with (import_root / "big.jpg").open("wb") as file:
        file.truncate(10 << 30)  # sparse
    assert code_of(read_text, "big.jpg") == "image.too_large"


def test_import_folder_that_is_gone_refuses(settings: Any, tmp_path: Path) -> None:
    settings.IMPORT_ROOT = tmp_path / "gone"
    assert code_of(read_text, "a.jpg") == "image.path_refused"


# ---- headers ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("kind", "extension", "content_type"),
    [
        ("JPEG", ".jpg", "image/jpeg"),
        ("PNG", ".png", "image/png"),
        ("WEBP", ".webp", "image/webp"),
        ("GIF", ".gif", "image/gif"),
        ("BMP", ".bmp", "image/bmp"),
        ("TIFF", ".tif", "image/tiff"),
        ("HEIF", ".heic", "image/heic"),
    ],
)
def test_format_and_size_come_from_the_bytes(kind: str, extension: str, content_type: str) -> None:
    data = save(two_colours(), kind)
    assert sniff(data) == ImageInfo(kind, 64, 48, extension, content_type)
    assert decode(data).shape == (48, 64, 3)


def test_pictures_of_several_images_are_their_first(tmp_path: Path) -> None:
    mpo = save(two_colours(), "MPO", save_all=True, append_images=[Pillow.new("RGB", (64, 48))])
    assert sniff(mpo).format == "JPEG"
    assert_two_colours(decode(mpo))


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "image.empty"),
        (b"hello world", "image.not_an_image"),
        (b"BM sounds like a bitmap, but is text", "image.not_an_image"),
        (bytes(1000), "image.not_an_image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image.unsupported_format"),
        (b"<?xml version='1.0'?><svg/>", "image.unsupported_format"),
        (b"%PDF-1.7\n", "image.unsupported_format"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", "image.unsupported_format"),
        (save(two_colours(), "ICO"), "image.unsupported_format"),
        (save(two_colours(), "PPM"), "image.unsupported_format"),
        (save(two_colours(), "EPS"), "image.unsupported_format"),
        (save(two_colours(), "JPEG2000"), "image.unsupported_format"),
        (save(two_colours(), "AVIF"), "image.unsupported_format"),
        (b"\x89PNG\r\n\x1a\n<svg xmlns='http://www.w3.org/2000/svg'/>", "image.truncated"),
        (b"\x89PNG\r\n\x1a\n%PDF-1.7", "image.truncated"),
        (b"\xff\xd8\xff", "image.truncated"),
        (b"GIF89a", "image.truncated"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "image.truncated"),
        (b"II*\0\x08\0\0\0", "image.truncated"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "image.truncated"),
    ],
)
def test_other_files_are_refused_by_their_bytes(data: bytes, code: str) -> None:
    assert code_of(sniff, data) == code
    assert code_of(decode, data) == code


def test_limits_on_bytes_and_pixels_are_inclusive(settings: Any) -> None:
    settings.MAX_IMAGE_PIXELS = 64 * 48
    settings.MAX_IMAGE_BYTES = len(JPEG)
    assert sniff(JPEG).width == 64
    settings.MAX_IMAGE_PIXELS -= 1
    assert code_of(sniff, JPEG) == "image.too_many_pixels"
    settings.MAX_IMAGE_BYTES -= 1
    assert code_of(sniff, JPEG) == "image.too_large"


def test_side_beyond_the_limit_is_refused() -> None:
    assert sniff(png(30_000, 1)).width == 30_000
    assert code_of(sniff, png(30_001, 1)) == "image.too_many_pixels"
    assert code_of(sniff, png(1, 30_001)) == "image.too_many_pixels"


@pytest.mark.parametrize("size", [(8_000, 8_000), (20_000, 20_000)])
def test_warnings_of_the_decoder_are_errors_of_ours_even_when_warnings_are_errors(size: tuple[int, int]) -> None:
    data = png(*size, rows=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert code_of(sniff, data) == "image.too_many_pixels"


HUGE_HEADERS = {
    "GIF": b"GIF89a"
    + struct.pack("<HH", 65535, 65535)
    + b"\0\0\0"
    + b","
    + struct.pack("<HHHHBB", 0, 0, 65535, 65535, 0, 8),
    "BMP": b"BM" + bytes(12) + struct.pack("<IiiHHIIiiII", 40, 29_000, 29_000, 1, 24, 0, 0, 0, 0, 0, 0),
    "WEBP": b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + b"\xff\x3f\0" * 2 + b"VP8 \0\0\0\0",
}


@pytest.mark.parametrize("kind", HUGE_HEADERS)
def test_small_file_that_claims_a_huge_picture_is_refused(kind: str) -> None:
    assert code_of(sniff, HUGE_HEADERS[kind]) == "image.too_many_pixels"


def run_fresh(code: str, *args: str) -> subprocess.CompletedProcess[str]:
    """`code` in an interpreter of its own, which knows the settings and has loaded no app."""
    root = django_settings.BASE_DIR
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "faceapp.settings_testing", "PYTHONPATH": str(root)}
    command = [sys.executable, "-c", "import sys\n" + code, *args]
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=root, check=True)


MEASURE = """
import resource, pathlib
from vision import images
from vision.exceptions import InvalidImage
data = pathlib.Path(sys.argv[1]).read_bytes()
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
before = peak()
try:
    getattr(images, sys.argv[2])(data)
    answer = "ok"
except InvalidImage as error:
    answer = error.code
print(answer, peak() - before)
"""


def measure(tmp_path: Path, data: bytes, function: str) -> tuple[str, float]:
    """The outcome of `images.function(data)` and by how many MB the process grew, in a fresh interpreter."""
    file = tmp_path / "file"
    file.write_bytes(data)
    done = run_fresh(MEASURE, str(file), function)
    assert done.stderr == ""
    answer, growth = done.stdout.split()
    return answer, float(growth)


@pytest.mark.parametrize("function", ["sniff", "decode"])
def test_400_megapixels_in_400_kilobytes_are_refused_without_memory(tmp_path: Path, function: str) -> None:
    bomb = png(20_000, 20_000)
    assert len(bomb) < 450_000
    answer, growth = measure(tmp_path, bomb, function)
    assert answer == "image.too_many_pixels"
    assert growth < 30


@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt", b"iCCP"])
def test_compressed_text_in_a_png_does_not_unfold(tmp_path: Path, kind: bytes) -> None:
    packed = zlib.compress(bytes(100 << 20), 9)
    start = b"key\0\1\0\0\0" if kind == b"iTXt" else b"key\0\0"
    answer, growth = measure(tmp_path, png(10, 10, chunk(kind, start + packed)), "decode")
    assert answer in {"ok", "image.truncated"}
    assert growth < 30


def test_animated_gif_costs_only_its_first_frame(tmp_path: Path) -> None:
    frames = [Pillow.new("RGB", (300, 300), (n, 255 - n, 0)) for n in range(60)]
    data = save(two_colours((300, 300)), "GIF", save_all=True, append_images=frames)
    assert sum(1 for _ in ImageSequence.Iterator(Pillow.open(io.BytesIO(data)))) > 50
    assert_two_colours(decode(data))
    answer, growth = measure(tmp_path, data, "decode")
    assert answer == "ok"
    assert growth < 30


def tiff(tags: list[tuple[int, int, int, int]], *, tail: int = 0) -> bytes:
    """A little-endian TIFF of one directory with (tag, type, count, value) entries."""
    entries = b"".join(struct.pack("<HHII", *tag) for tag in sorted(tags))
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + bytes(4 + tail)


@pytest.mark.parametrize(
    "tags",
    [
        [(40_000 + n, 7, 5 << 20, 8) for n in range(900)],
        [(40_000 + n, 12, 0xFFFFFFFF, 0xFFFFFFF0) for n in range(900)],
        [(40_000 + n % 9, 4, 1, 1) for n in range(60_000)],
        [(273, 4, 600_000, 8), (279, 4, 600_000, 8), (278, 4, 1, 1)],
        [(273, 1, 5_000_000, 8), (278, 4, 1, 1)],
        [(258, 3, 2_500_000, 8)],
        [(256, 4, 1, 0xFFFFFFFF), (257, 4, 1, 0xFFFFFFFF)],
    ],
    ids=["overlapping", "beyond the end", "many", "strips", "strips of bytes", "samples", "size"],
)
def test_absurd_tags_of_a_tiff_cost_nothing(tmp_path: Path, tags: list[tuple[int, int, int, int]]) -> None:
    size = [] if tags[0][0] == 256 else [(256, 4, 1, 10), (257, 4, 1, 10)]
    answer, growth = measure(tmp_path, tiff(size + tags, tail=5 << 20), "sniff")
    assert answer in {"image.truncated", "image.too_many_pixels"}
    assert growth < 40


def test_directory_of_a_large_tiff_is_no_absurdity() -> None:
    for picture in (Pillow.new("L", (4, 20_000)), Pillow.new("L", (2_000, 2_000))):
        data = save(picture, "TIFF", tiffinfo={278: 1})
        assert decode(data).shape == (*picture.size[::-1], 3)
        assert decode(save(picture, "TIFF", big_tiff=True)).shape == (*picture.size[::-1], 3)


BLOCKS = {
    "PNG": b"\x89PNG\r\n\x1a\n"
    + chunk(b"IHDR", struct.pack(">IIBBBBB", 9, 9, 8, 0, 0, 0, 0))
    + chunk(b"teST", b"") * 99_999,
    "JPEG": b"\xff\xd8" + b"\xff\xe5\0\2" * 300_000 + JPEG[2:],
    "GIF": b"GIF89a" + struct.pack("<HH", 9, 9) + b"\0\0\0!\xfe" + b"\x01a" * 600_000 + b"\0;",
}


@pytest.mark.parametrize("kind", BLOCKS)
def test_header_of_countless_blocks_is_given_up(kind: str) -> None:
    assert code_of(sniff, BLOCKS[kind]) == "image.truncated"


def test_nothing_heavy_is_imported() -> None:
    heavy = "{'cv2', 'tensorflow', 'deepface', 'dlib', 'onnxruntime', 'torch'}"
    done = run_fresh(f"from vision import images; print(sorted({heavy} & set(sys.modules)))")
    assert done.stdout.strip() == "[]"


# ---- pixels -----------------------------------------------------------------------------------------------------
def assert_two_colours(image: images.Image, *, left: Any = RED, right: Any = BLUE, tolerance: int = 12) -> None:
    height, width = image.shape[:2]
    assert image.dtype == np.uint8
    assert image.shape[2:] == (3,)
    assert image.flags.c_contiguous
    for x, colour in ((width // 4, left), (3 * width // 4, right)):
        assert np.abs(image[height // 2, x].astype(int) - np.array(colour)).max() <= tolerance


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "HEIF"])
def test_colours_survive(kind: str) -> None:
    assert_two_colours(decode(save(two_colours((128, 96)), kind)))


def test_photographs_decode_as_a_viewer_shows_them(faces: Path) -> None:
    for file in sorted(faces.glob("*.*g")):
        image = decode(file.read_bytes())
        with Pillow.open(file) as picture:
            assert image.shape == (picture.height, picture.width, 3)
            if picture.mode == "RGB":
                assert np.array_equal(image, np.asarray(picture))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_orientation_is_applied_exactly_once(kind: str, orientation: int) -> None:
    turns = images.UPRIGHT
    back = {6: turns[8], 8: turns[6]}.get(orientation, turns.get(orientation))
    upright = two_colours()
    stored = upright if back is None else upright.transpose(back)
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    image = decode(save(stored, kind, exif=exif))
    assert image.shape == (48, 64, 3)
    assert_two_colours(image, tolerance=40)


def test_heic_is_turned_by_its_container_and_not_again_by_its_exif() -> None:
    """Phones write both; ISO/IEC 23008-12 makes `irot` the one that counts."""
    exif = Pillow.Exif()
    exif[0x0112] = 6
    stored = two_colours().transpose(images.UPRIGHT[8])
    data = save(stored, "HEIF", exif=exif)
    assert decode(data).shape == (64, 48, 3)  # EXIF alone turns nothing
    crop = data.index(b"clap") - 4  # the last property, 40 bytes; in its place a turn by 270 degrees and padding
    turn = struct.pack(">I4sB", 9, b"irot", 3) + struct.pack(">I4s23x", 31, b"free")
    image = decode(data[:crop] + turn + data[crop + 40 :])
    assert_two_colours(image, tolerance=40)


def test_damaged_metadata_does_not_spoil_a_picture() -> None:
    for exif in (b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\x01\x12" * 50):
        assert_two_colours(decode(save(two_colours(), "JPEG", exif=exif)))


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_not_clipped(kind: str) -> None:
    grey = np.zeros((48, 64), np.uint16)
    grey[:, :32], grey[:, 32:] = 20_000, 60_000
    image = decode(save(Pillow.fromarray(grey), kind))
    assert_two_colours(image, left=(78,) * 3, right=(234,) * 3, tolerance=1)


@pytest.mark.parametrize(("colour", "samples"), [(0, 1), (2, 3), (4, 2), (6, 4)])
def test_every_sixteen_bit_png_decodes(colour: int, samples: int) -> None:
    line = b"\0" + struct.pack(">H", 40_000) * samples * 10
    header = struct.pack(">IIBBBBB", 10, 10, 16, colour, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(line * 10)) + chunk(b"IEND", b"")
    image = decode(b"\x89PNG\r\n\x1a\n" + body)
    expected = 156 if samples in (1, 3) else 156 * 156 // 255 + 255 - 156  # on white by its alpha of 156
    assert np.abs(image.astype(int) - expected).max() <= 1


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.full((8, 8), 0.5, np.float32), 127),
        (np.full((8, 8), 200.0, np.float32), 200),
        (np.full((8, 8), 40_000.0, np.float32), 156),
        (np.full((8, 8), np.nan, np.float32), 0),
        (np.full((8, 8), np.inf, np.float32), 255),
        (np.full((8, 8), 200, np.int32), 200),
        (np.full((8, 8), 40_000, np.int32), 156),
        (np.full((8, 8), -5, np.int32), 0),
    ],
)
def test_wide_grey_values_become_eight_bits(values: np.ndarray, expected: int) -> None:
    image = decode(save(Pillow.fromarray(values), "TIFF"))
    assert image.shape == (8, 8, 3)
    assert np.abs(image.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "I;16"])
@pytest.mark.parametrize("size", [(1, 1), (31, 17), (64, 48)])
def test_png_of_every_mode_decodes(mode: str, size: tuple[int, int]) -> None:
    source = two_colours(size)
    picture = source.convert("L").convert("I;16") if mode == "I;16" else source.convert(mode)
    image = decode(save(picture, "TIFF" if mode == "PA" else "PNG") if mode != "PA" else save(source, "PNG"))
    assert image.shape == (size[1], size[0], 3)
    assert image.dtype == np.uint8


def test_transparent_parts_become_white() -> None:
    rgba = two_colours().convert("RGBA")
    rgba.putalpha(Pillow.new("L", (64, 48), 255))
    assert_two_colours(decode(save(rgba, "PNG")), tolerance=0)
    rgba.paste((0, 255, 0, 0), (32, 0, 64, 48))
    for kind in ("PNG", "TIFF"):
        assert_two_colours(decode(save(rgba, kind)), right=WHITE, tolerance=0)
    assert_two_colours(decode(save(rgba, "WEBP", lossless=True)), right=WHITE, tolerance=0)


def test_half_transparent_parts_are_mixed_with_white() -> None:
    image = decode(save(Pillow.new("RGBA", (10, 10), (0, 0, 0, 128)), "PNG"))
    assert np.abs(image.astype(int) - 127).max() <= 1


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_transparent_palette_colour_becomes_white(kind: str) -> None:
    picture = Pillow.new("P", (64, 48), 0)
    picture.putpalette([255, 0, 0, 0, 0, 255])
    picture.paste(1, (32, 0, 64, 48))
    assert_two_colours(decode(save(picture, kind, transparency=1)), right=WHITE)
    assert_two_colours(decode(save(picture, kind)))


def test_transparent_grey_and_transparent_colour_become_white() -> None:
    assert decode(save(Pillow.new("L", (8, 8), 7), "PNG", transparency=7)).min() == 255
    assert decode(save(Pillow.new("RGB", (8, 8), (1, 2, 3)), "PNG", transparency=(1, 2, 3))).min() == 255


def test_cmyk_and_grey_become_rgb() -> None:
    assert_two_colours(decode(save(two_colours().convert("CMYK"), "JPEG", quality=95)), tolerance=20)
    assert_two_colours(decode(save(two_colours().convert("CMYK"), "TIFF")), tolerance=20)
    grey = decode(save(two_colours().convert("L"), "JPEG"))
    assert np.array_equal(grey[..., 0], grey[..., 2])


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "HEIF"])
@pytest.mark.parametrize("part", [0.5, 0.9])
def test_truncated_file_is_refused(kind: str, part: float, faces: Path) -> None:
    with Pillow.open(faces / "obama_240p.jpg") as picture:
        data = save(picture, kind)
    assert code_of(decode, data[: int(len(data) * part)]) == "image.truncated"


def test_truncated_progressive_jpeg_is_refused(faces: Path) -> None:
    with Pillow.open(faces / "obama_240p.jpg") as picture:
        data = save(picture, "JPEG", progressive=True)
    assert decode(data).shape == (240, 427, 3)
    assert code_of(decode, data[: len(data) * 2 // 3]) == "image.truncated"


def variants(data: bytes, seed: int, count: int) -> list[bytes]:
    """`data` cut off or with some bits flipped, always the same ones for a seed."""
    chance = random.Random(seed)
    broken = []
    for _ in range(count):
        copy = bytearray(data[: chance.randrange(len(data))] if chance.random() < 0.3 else data)
        for _ in range(chance.choice((0, 1, 3, 20)) if copy else 0):
            place = chance.randrange(min(len(copy), chance.choice((64, 600, len(copy)))))
            copy[place] ^= 1 << chance.randrange(8)
        broken.append(bytes(copy))
    return broken


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "HEIF"])
@pytest.mark.filterwarnings("ignore")
def test_broken_file_gives_an_image_or_a_refusal_and_nothing_else(kind: str, faces: Path) -> None:
    with Pillow.open(faces / "obama_240p.jpg") as picture:
        exif = Pillow.Exif()
        exif[0x0112] = 6
        data = save(picture.resize((107, 60)), kind, **({} if kind in ("GIF", "BMP") else {"exif": exif}))
    refused = 0
    for broken in variants(data, seed=7, count=150):
        try:
            image = decode(broken)
        except InvalidImage as error:
            refused += 1
            assert error.code in REFUSALS
        else:
            assert image.ndim == 3
            assert image.dtype == np.uint8
            assert image.shape[2] == 3
    assert refused > 10


def test_decoder_limits_stay_as_they_are() -> None:
    """Nothing may switch Pillow to filling up truncated files or to unfolding large texts."""
    from PIL import ImageFile

    assert ImageFile.LOAD_TRUNCATED_IMAGES is False
    assert PngImagePlugin.MAX_TEXT_CHUNK <= 1 << 20
    assert TiffImagePlugin.READ_LIBTIFF is False


# ---- names ------------------------------------------------------------------------------------------------------
def test_identifier_is_the_first_hundred_characters() -> None:
    assert identify("short") == "short"
    assert identify("a" * 100) == "a" * 100
    assert identify("a" * 101) == "a" * 100 + "..."
    assert identify("\0\ud800") == "??"


INFO = ImageInfo("JPEG", 1, 1, ".jpg", "image/jpeg")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("face.png", "face.jpg"),
        ("../../x.png", "x.jpg"),
        ("..\\x", "x.jpg"),
        ("..\\..\\x.png", "x.jpg"),
        ("/etc/passwd", "passwd.jpg"),
        ("C:\\Users\\me\\My Face (1).JPEG", "My_Face_1.jpg"),
        ("a\0b\n.png", "a_b.jpg"),
        ("x.php.jpg", "x_php.jpg"),
        (".htaccess", "htaccess.jpg"),
        ("..", "image.jpg"),
        (".", "image.jpg"),
        ("", "image.jpg"),
        (None, "image.jpg"),
        ("-rf", "rf.jpg"),
        ("Jürgen Groß.png", "Jürgen_Groß.jpg"),
        ("顔写真.png", "顔写真.jpg"),
        ("\u202egpj.exe", "gpj.jpg"),
        ("..\uff0fx.png", "x.jpg"),
        ("<script>.png", "script.jpg"),
    ],
)
def test_file_names_are_cleaned(name: str | None, expected: str) -> None:
    assert safe_name(name, INFO) == expected


@pytest.mark.parametrize("name", ["a" * 300 + ".png", "顔" * 300, "\ud800" * 300, "ä" * 99 + ".jpeg"])
def test_long_file_names_fit_into_a_column_and_a_file_system(name: str) -> None:
    safe = safe_name(name, INFO)
    assert len(safe) <= 100
    assert len(safe.encode()) <= 200
    assert safe.endswith(".jpg")


def test_every_code_is_documented() -> None:
    table = (django_settings.BASE_DIR / "docs" / "errors.md").read_text()
    assert [code for code in REFUSALS if f"`{code}`" not in table] == []
