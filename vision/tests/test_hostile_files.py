"""Files made to exhaust memory or time, or to crash a decoder: refused early, or decoded like any other."""

import io
import os
import random
import struct
import subprocess
import sys
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings as django_settings
from PIL import Image as Pillow
from PIL import ImageSequence, PngImagePlugin, TiffImagePlugin

from vision.exceptions import IMAGE_ERRORS, InvalidImage
from vision.images import decode, sniff
from vision.tests.pictures import JPEG, assert_two_colours, chunk, code_of, png, save, two_colours


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
from vision.exceptions import IMAGE_ERRORS, InvalidImage
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


@pytest.mark.parametrize("colour", [4, 6])
def test_transparency_costs_no_more_than_the_picture_and_the_result(tmp_path: Path, colour: int) -> None:
    answer, growth = measure(tmp_path, png(4000, 3000, colour=colour), "decode")
    assert answer == "ok"
    assert growth < 9 * 12_000_000 / 2**20  # 7 bytes for each pixel; as a whole it took 16


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


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "HEIF", "AVIF"])
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
            assert error.code in IMAGE_ERRORS
        else:
            assert image.ndim == 3
            assert image.dtype == np.uint8
            assert image.shape[2] == 3
    assert refused > 10


def test_decoder_limits_stay_as_they_are() -> None:
    """Nothing may switch Pillow to filling up truncated files or to unfolding large texts."""
    from PIL import ImageFile

    assert ImageFile.LOAD_TRUNCATED_IMAGES is False
    assert PngImagePlugin.MAX_TEXT_CHUNK <= 1 << 24 and PngImagePlugin.MAX_TEXT_MEMORY <= 1 << 26
    assert TiffImagePlugin.READ_LIBTIFF is False
