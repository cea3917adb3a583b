"""Headers, pixels and names of image files, each of them really made or really photographed."""

import struct
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import settings as django_settings
from PIL import Image as Pillow
from PIL.ExifTags import Base as Tag
from PIL.PngImagePlugin import PngInfo

from vision import images
from vision.exceptions import IMAGE_ERRORS, InvalidImage
from vision.images import ImageInfo, Limits, decode, decode_at_least, decode_reduced, identify, safe_name, sniff
from vision.pixels import UPRIGHT
from vision.tests.pictures import JPEG, RED, WHITE, assert_two_colours, chunk, code_of, png, save, two_colours


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
        ("AVIF", ".avif", "image/avif"),
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
        (b"\xff\x0a\xfa\x1f\x01", "image.unsupported_format"),  # JPEG XL, bare and in boxes
        (b"\0\0\0\x0cJXL \x0d\x0a\x87\x0a", "image.unsupported_format"),
        (b"\x89PNG\r\n\x1a\n<svg xmlns='http://www.w3.org/2000/svg'/>", "image.truncated"),
        (b"\x89PNG\r\n\x1a\n%PDF-1.7", "image.truncated"),
        (b"\xff\xd8\xff", "image.truncated"),
        (b"GIF89a", "image.truncated"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "image.truncated"),
        (b"II*\0\x08\0\0\0", "image.truncated"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "image.truncated"),
        (b"\0\0\0\x18ftypavif\0\0\0\0", "image.truncated"),
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


def test_what_is_decoded_whole_has_a_limit_of_its_own(settings: Any) -> None:
    settings.MAX_WHOLE_PIXELS = 64 * 48 - 1
    picture = Pillow.new("RGB", (64, 48))
    for kind in ("PNG", "WEBP", "GIF", "BMP", "TIFF", "HEIF", "AVIF"):
        assert code_of(decode, save(picture, kind)) == "image.too_many_pixels"
    assert decode(save(picture, "JPEG")).shape == (48, 64, 3)
    assert decode(save(picture, "PNG"), limits=Limits(10_000, 64 * 48)).shape == (48, 64, 3)


@pytest.mark.parametrize("kind", ["WEBP", "AVIF"])
def test_decoders_that_take_more_memory_have_two_thirds_of_the_pixels(kind: str) -> None:
    data = save(two_colours(), kind)
    assert decode(data, limits=Limits(10_000, 64 * 48 * 3 // 2)).shape == (48, 64, 3)
    assert code_of(lambda: sniff(data, limits=Limits(10_000, 64 * 48 * 3 // 2 - 2))) == "image.too_many_pixels"


@pytest.mark.parametrize("size", [(1000, 1001), (3000, 2000)])
def test_a_file_far_too_small_for_its_pixels_is_refused(size: tuple[int, int]) -> None:
    flat = save(Pillow.new("RGB", size, RED), "WEBP", lossless=True)
    assert len(flat) < size[0] * size[1] // 2000
    assert code_of(sniff, flat) == code_of(decode, flat) == "image.blank"
    assert decode(flat + bytes(size[0] * size[1] // 2000)).shape == (*size[::-1], 3)


def test_below_a_million_pixels_every_file_is_large_enough() -> None:
    assert decode(save(Pillow.new("RGB", (1000, 1000), RED), "WEBP", lossless=True)).shape == (1000, 1000, 3)


@pytest.mark.parametrize("options", [{"kind": "HEIF", "quality": 0}, {"kind": "AVIF", "quality": 0, "speed": 10}])
def test_photographs_of_the_lowest_quality_are_large_enough(options: dict[str, Any], faces: Path) -> None:
    with Pillow.open(faces / "obama_240p.jpg") as picture:
        data = save(picture.resize((1708, 960)), **options)
    assert len(data) * images.MAX_PIXELS_PER_BYTE > 3 * 1708 * 960
    assert sniff(data).width == 1708


def test_side_beyond_the_limit_is_refused() -> None:
    assert sniff(png(30_000, 1)).width == 30_000
    assert code_of(sniff, png(30_001, 1)) == "image.too_many_pixels"
    assert code_of(sniff, png(1, 30_001)) == "image.too_many_pixels"


# ---- pixels -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "HEIF", "AVIF"])
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
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_orientation_is_applied_exactly_once(kind: str, orientation: int) -> None:
    turns = UPRIGHT
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
    stored = two_colours().transpose(UPRIGHT[8])
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


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
@pytest.mark.parametrize("size", [(1, 1), (31, 17), (64, 48)])
def test_png_of_every_mode_decodes(mode: str, size: tuple[int, int]) -> None:
    source = two_colours(size)
    picture = source.convert("L").convert("I;16") if mode == "I;16" else source.convert(mode)
    image = decode(save(picture, "PNG"))
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


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "HEIF", "AVIF"])
@pytest.mark.parametrize("part", [0.5, 0.8])
def test_truncated_file_is_refused(kind: str, part: float, faces: Path) -> None:
    with Pillow.open(faces / "obama_240p.jpg") as picture:
        data = save(picture, kind)
    assert code_of(decode, data[: int(len(data) * part)]) == "image.truncated"


def test_truncated_progressive_jpeg_is_refused(faces: Path) -> None:
    with Pillow.open(faces / "obama_240p.jpg") as picture:
        data = save(picture, "JPEG", progressive=True)
    assert decode(data).shape == (240, 427, 3)
    assert code_of(decode, data[: len(data) * 2 // 3]) == "image.truncated"


# ---- names ------------------------------------------------------------------------------------------------------
def test_identifier_is_the_first_hundred_characters() -> None:
    assert identify("short") == "short"
    assert identify("a" * 100) == "a" * 100
    assert identify("a" * 101) == "a" * 100 + "..."
    assert identify("\0\ud800") == "??"
    assert identify("https://example.org/a.jpg?X-Amz-Signature=SECRET#x") == "https://example.org/a.jpg"
    assert identify("HTTP://ann:secret@example.org/a@b.jpg") == "HTTP://example.org/a@b.jpg"
    assert identify("what?.jpg") == "what?.jpg"


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
    assert [code for code in IMAGE_ERRORS if f"`{code}`" not in table] == []


# ---- files that every viewer opens ------------------------------------------------------------------------------
def photograph(**options: Any) -> bytes:
    """A JPEG file without a plain part."""
    noise = np.random.default_rng(1).integers(0, 256, (60, 80, 3), np.uint8)
    saved = BytesIO()
    Pillow.fromarray(noise).resize((320, 240)).save(saved, "JPEG", **options)
    return saved.getvalue()


@pytest.mark.parametrize("options", [{}, {"quality": 95}, {"subsampling": 0}])
def test_a_jpeg_without_its_end_marker_is_read(options: dict[str, Any]) -> None:
    data = photograph(**options)
    assert np.array_equal(decode(data[:-2]), decode(data))
    assert decode_at_least(data[:-2], side=80)[0].shape == decode_at_least(data, side=80)[0].shape


@pytest.mark.parametrize("part", [0.4, 0.6, 0.8])
def test_a_jpeg_without_its_lower_part_is_refused(part: float) -> None:
    data = photograph()
    for read in (decode, lambda data: decode_at_least(data, side=80)):
        with pytest.raises(InvalidImage) as refused:
            read(data[: int(len(data) * part)])
        assert refused.value.code == "image.truncated"


def test_what_follows_the_end_of_a_jpeg_does_not_matter() -> None:
    data = save(Pillow.new("RGB", (64, 64), "white"), "JPEG")
    assert np.array_equal(decode(data + bytes(1_000_000)), decode(data))


def test_a_blank_line_before_the_file_is_skipped() -> None:
    data = photograph()
    assert np.array_equal(decode(b"\r\n" + data), decode(data))


def test_a_png_with_much_text_is_read() -> None:
    text = PngInfo()
    text.add_text("workflow", "x" * 3_000_000, zip=True)
    saved = BytesIO()
    Pillow.new("RGB", (8, 8), "red").save(saved, "PNG", pnginfo=text)
    assert decode(saved.getvalue())[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize(("tag", "value"), [(50706, b"\1\4\0\0"), (254, 1)])
def test_raw_files_are_refused_rather_than_their_thumbnail(tag: int, value: Any) -> None:
    saved = BytesIO()
    Pillow.new("RGB", (8, 8)).save(saved, "TIFF", tiffinfo={tag: value})
    with pytest.raises(InvalidImage) as refused:
        sniff(saved.getvalue())
    assert refused.value.code == "image.unsupported_format"


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
def test_bright_parts_are_bright_however_many_of_sixteen_bits_are_used(bits: int) -> None:
    grey = np.zeros((8, 8), np.uint16)
    grey[4:] = 2**bits - 1
    assert decode(save(Pillow.fromarray(grey), "PNG"))[[0, 7], 0, 0].tolist() == [0, 255]


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_picture_for_people_has_the_scale_of_the_upright_one(kind: str, orientation: int) -> None:
    exif = Pillow.Exif()
    exif[Tag.Orientation] = orientation
    saved = BytesIO()
    Pillow.new("RGB", (64, 32)).save(saved, kind, exif=exif)
    picture, scale = decode_reduced(saved.getvalue(), side=1000)
    assert scale == 1 and picture.size == ((64, 32) if orientation == 1 else (32, 64))
