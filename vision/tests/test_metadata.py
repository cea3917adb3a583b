"""What a camera adds to a photograph is removed, and nothing else changes."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageCms
from PIL.ExifTags import GPS, IFD
from PIL.ExifTags import Base as Tag

from vision.exceptions import InvalidImage
from vision.images import decode, sniff
from vision.metadata import orientation_of, without_metadata

SERIAL, PLACE, WORDS = b"SN-4711-SECRET", "48 deg 51 min", b"<x:xmpmeta>secret words of xmp</x:xmpmeta>"
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def photograph(kind: str, *, orientation: int = 1, bare: bool = False) -> bytes:
    noise = np.random.default_rng(5).integers(0, 255, (24, 40, 3), np.uint8)
    exif = Pillow.Exif()
    if not bare:
        exif[Tag.Make], exif[Tag.BodySerialNumber] = "Maker", SERIAL.decode()
        exif.get_ifd(IFD.GPSInfo)[GPS.GPSLatitudeRef] = "N"
        exif.get_ifd(IFD.GPSInfo)[GPS.GPSMapDatum] = PLACE
    if orientation != 1:
        exif[Tag.Orientation] = orientation
    options = {} if bare else {"xmp": WORDS, "comment": b"secret comment"}
    out = BytesIO()
    Pillow.fromarray(noise).save(out, kind, exif=exif.tobytes(), icc_profile=PROFILE, **options)
    return out.getvalue()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF", "AVIF"])
def test_only_metadata_goes(kind: str, orientation: int) -> None:
    data = photograph(kind, orientation=orientation)
    assert SERIAL in data and PLACE.encode() in data
    stripped = without_metadata(data)
    assert SERIAL not in stripped and PLACE.encode() not in stripped and b"secret" not in stripped
    with Pillow.open(BytesIO(stripped)) as picture:
        assert not picture.getexif().get_ifd(IFD.GPSInfo)
        assert picture.info["icc_profile"] == PROFILE
    before, after = decode(data), decode(stripped)
    assert np.array_equal(before, after)
    assert sniff(stripped).extension == sniff(data).extension
    assert without_metadata(stripped) == stripped


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_file_without_metadata_stays_as_it_is(kind: str) -> None:
    data = photograph(kind, bare=True)
    assert without_metadata(without_metadata(data)) == without_metadata(data)
    assert orientation_of(without_metadata(data)) == 1


def test_what_follows_the_end_of_a_jpeg_goes() -> None:
    """Where telephones put a second picture, or a video."""
    data = photograph("JPEG")
    assert without_metadata(data + data + b"ftypmp42 video") == without_metadata(data)


def test_progressive_scans_are_kept() -> None:
    out = BytesIO()
    noise = np.random.default_rng(5).integers(0, 255, (64, 64, 3), np.uint8)
    Pillow.fromarray(noise).save(out, "JPEG", progressive=True, exif=Pillow.Exif().tobytes(), comment=b"secret")
    stripped = without_metadata(out.getvalue())
    assert b"secret" not in stripped
    assert np.array_equal(decode(stripped), decode(out.getvalue()))


@pytest.mark.parametrize("data", [b"", b"\xff\xd8", b"\xff\xd8\xff", b"\xff\xd8\xff\xe1", b"\xff\xd8no marker", b"BM12",
                                  b"\x89PNG\r\n\x1a\n", b"RIFF1234WEBP", b"0000ftypheic", b"GIF89a"])  # fmt: skip
def test_what_is_no_image_raises_nothing(data: bytes) -> None:
    assert isinstance(without_metadata(data), bytes)


@pytest.mark.parametrize("cut", range(20, 400, 37))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF", "AVIF"])
def test_a_file_that_is_cut_off_is_refused_as_before(kind: str, cut: int) -> None:
    data = photograph(kind)[:cut]
    assert refusal(without_metadata(data)) == refusal(data)


def refusal(data: bytes) -> str:
    with pytest.raises(InvalidImage) as refused:
        decode(data)
    return refused.value.code
