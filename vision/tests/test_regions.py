"""Face regions in XMP: both vocabularies, every way in which RDF writes them, all orientations, and hostile packets."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngInfo

from vision import sidecars
from vision.images import packet_of
from vision.pixels import UPRIGHT
from vision.regions import MOST_BYTES, Region, Stored, UnreadableXmp, plain_name, read_regions

STORED = Stored(400, 200, 1)
NAMESPACES = (
    'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:r="http://www.metadataworkinggroup.com/schemas/'
    'regions/" xmlns:a="http://ns.adobe.com/xmp/sType/Area#" xmlns:d="http://ns.adobe.com/xap/1.0/sType/Dimensions#"'
    ' xmlns:MP="http://ns.microsoft.com/photo/1.2/" xmlns:MPRI="http://ns.microsoft.com/photo/1.2/t/RegionInfo#"'
    ' xmlns:MPReg="http://ns.microsoft.com/photo/1.2/t/Region#"'
)


def xmp(inside: str) -> bytes:
    return (
        f'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF {NAMESPACES}>'
        f'<rdf:Description rdf:about="">{inside}</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()


def mwg(*items: str, size: tuple[int, int] = (400, 200), unit: str = "pixel") -> bytes:
    return xmp(
        f'<r:Regions rdf:parseType="Resource"><r:AppliedToDimensions d:w="{size[0]}" d:h="{size[1]}" d:unit="{unit}"/>'
        f"<r:RegionList><rdf:Bag>{''.join(items)}</rdf:Bag></r:RegionList></r:Regions>"
    )


def item(name: str, x: float, y: float, w: float, h: float, kind: str = "Face") -> str:
    return (
        f'<rdf:li><rdf:Description r:Name="{name}" r:Type="{kind}">'
        f'<r:Area a:x="{x}" a:y="{y}" a:w="{w}" a:h="{h}" a:unit="normalized"/></rdf:Description></rdf:li>'
    )


def microsoft(*people: tuple[str, str]) -> str:
    items = "".join(f'<rdf:li MPReg:Rectangle="{place}" MPReg:PersonDisplayName="{name}"/>' for name, place in people)
    return (
        f'<MP:RegionInfo rdf:parseType="Resource"><MPRI:Regions><rdf:Bag>{items}</rdf:Bag></MPRI:Regions>'
        "</MP:RegionInfo>"
    )


def test_areas_of_mwg_are_given_by_their_centres() -> None:
    (found,) = read_regions(mwg(item("Ada", 0.5, 0.5, 0.2, 0.4)), STORED)
    assert found == Region("Ada", pytest.approx(0.4), pytest.approx(0.3), pytest.approx(0.2), pytest.approx(0.4))
    assert found.box(400, 200) == found.box(400, 200).from_edges(160, 60, 239, 139)


def test_structures_may_be_elements_or_attributes() -> None:
    as_elements = (
        '<rdf:li rdf:parseType="Resource"><r:Area rdf:parseType="Resource"><a:x>0.5</a:x><a:y>0.5</a:y><a:w>0.2</a:w>'
        "<a:h>0.4</a:h></r:Area><r:Name>Ada</r:Name><r:Type>Face</r:Type></rdf:li>"
    )
    assert read_regions(mwg(as_elements), STORED) == read_regions(mwg(item("Ada", 0.5, 0.5, 0.2, 0.4)), STORED)


def test_rectangles_of_microsoft_begin_at_their_corner() -> None:
    packet = xmp(microsoft(("Ada", "0.4, 0.3, 0.2, 0.4"), ("ffffffffffffffff", "0, 0, 0.1, 0.1"), ("Eve", "0.1,0.1")))
    assert read_regions(packet, STORED) == [Region("Ada", 0.4, 0.3, pytest.approx(0.2), pytest.approx(0.4))]


def test_mwg_counts_where_both_name_somebody() -> None:
    both = mwg(item("Ada", 0.5, 0.5, 0.2, 0.4)).replace(
        b"</r:Regions>", b"</r:Regions>" + microsoft(("Old", "0,0,1,1")).encode()
    )
    assert [region.name for region in read_regions(both, STORED)] == ["Ada"]
    nameless = both.replace(b'r:Name="Ada"', b"")
    assert [region.name for region in read_regions(nameless, STORED)] == ["Old"]


def test_what_is_no_face_or_has_no_place_is_left_out() -> None:
    items = [
        item("Rex", 0.5, 0.5, 0.2, 0.2, kind="Pet"),
        item("Nan", float("nan"), 0.5, 0.2, 0.2),
        item("Thin", 0.5, 0.5, 0, 0.2),
        item("Outside", 2, 2, 0.1, 0.1),
        item("Edge", 0, 0.5, 0.2, 0.2),
        "<rdf:li/>",
    ]
    (edge,) = read_regions(mwg(*items), STORED)
    assert (edge.name, edge.x, edge.w) == ("Edge", 0, pytest.approx(0.1))


def test_areas_in_pixels() -> None:
    in_pixels = item("Ada", 200, 100, 80, 80).replace("normalized", "pixel")
    assert read_regions(mwg(in_pixels), STORED) == read_regions(mwg(item("Ada", 0.5, 0.5, 0.2, 0.4)), STORED)


def stored_picture(orientation: int, packet: bytes, kind: str = "JPEG") -> bytes:
    """400 by 200 pixels as they are stored, with a white square where `item(0.2, 0.25, 0.1, 0.2)` says."""
    picture = Image.new("RGB", (400, 200))
    picture.paste((255, 255, 255), (60, 30, 100, 70))
    exif = Image.Exif()
    exif[0x0112] = orientation
    if kind == "TIFF":
        exif[700] = packet
    out = io.BytesIO()
    chunks = PngInfo()
    chunks.add_itxt("XML:com.adobe.xmp", packet.decode(errors="replace"))
    picture.save(out, kind, exif=exif, xmp=packet, pnginfo=chunks, quality=95)
    return out.getvalue()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_places_turn_with_the_photograph(orientation: int) -> None:
    data = stored_picture(orientation, mwg(item("Ada", 0.2, 0.25, 0.1, 0.2)))
    (region,) = sidecars.regions_of(data)
    upright = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("L"))
    box = region.box(upright.shape[1], upright.shape[0])
    assert upright[box.top + 4 : box.bottom - 4, box.left + 4 : box.right - 4].min() > 200
    assert (upright > 128).sum() == pytest.approx(box.area, rel=0.05)


def test_regions_that_were_drawn_upright_are_not_turned_again() -> None:
    upright = mwg(item("Ada", 0.3, 0.2, 0.1, 0.1), size=(200, 400))
    assert read_regions(upright, Stored(400, 200, 6))[0] == read_regions(upright, Stored(200, 400, 1))[0]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_packets_of_every_format(kind: str) -> None:
    packet, stored = packet_of(stored_picture(6, mwg(item("Ada", 0.2, 0.25, 0.1, 0.2)), kind))
    assert (stored, [region.name for region in read_regions(packet, stored)]) == (Stored(400, 200, 6), ["Ada"])


@pytest.mark.parametrize(
    "packet",
    [
        b"<x",
        b"\xff\xfe\x00",
        b"<?xml version='1.0' encoding='rot13'?><x/>",
        b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><x>&b;</x>',
        b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>',
        b" " * (MOST_BYTES + 1),
    ],
)
def test_hostile_packets_are_refused(packet: bytes) -> None:
    with pytest.raises(UnreadableXmp):
        read_regions(packet, STORED)


def test_deep_and_long_packets_end() -> None:
    assert read_regions(xmp("<a>" * 20_000 + "</a>" * 20_000), STORED) == []
    assert len(read_regions(mwg(*[item("Ada", 0.5, 0.5, 0.2, 0.4)] * 600), STORED)) == 500


def test_names_are_one_line_and_composed() -> None:
    assert plain_name(" Zoe\u0308\n Quinn\u202e\0 ") == "Zoë Quinn"
    assert len(plain_name("é" * 300)) == 100


@pytest.mark.parametrize("size", [(400, 300), (200, 200), (4000, 1000)])
def test_faces_of_a_picture_that_was_cropped_are_not_looked_for(size: tuple[int, int]) -> None:
    """The marks would lie on somebody else. A sidecar may also belong to another picture of the same name."""
    with pytest.raises(UnreadableXmp):
        read_regions(mwg(item("Ada", 0.5, 0.5, 0.2, 0.4), size=size), STORED)


def test_faces_of_a_picture_that_was_scaled_stay() -> None:
    for size in ((4000, 2000), (2000, 4000), (131, 66), (0, 0)):
        assert read_regions(mwg(item("Ada", 0.5, 0.5, 0.2, 0.4), size=size), STORED)


def test_a_sidecar_goes_before_the_packet(tmp_path: Path) -> None:
    photograph = tmp_path / "one.jpg"
    photograph.write_bytes(stored_picture(1, mwg(item("Inside", 0.2, 0.25, 0.1, 0.2))))
    assert sidecars.sidecar_of(photograph) is None
    (tmp_path / "one.xmp").write_bytes(mwg(item("Short", 0.2, 0.25, 0.1, 0.2)))
    assert [one.name for one in sidecars.regions_of(photograph.read_bytes(), sidecars.sidecar_of(photograph))] == [
        "Short"
    ]
    (tmp_path / "one.jpg.xmp").write_bytes(mwg(item("Long", 0.2, 0.25, 0.1, 0.2)))
    assert [one.name for one in sidecars.regions_of(photograph.read_bytes(), sidecars.sidecar_of(photograph))] == [
        "Long"
    ]
    assert [one.name for one in sidecars.regions_of(photograph.read_bytes(), xmp(""))] == ["Inside"]


def test_one_region_is_named() -> None:
    data = stored_picture(1, mwg(item("Ada", 0.2, 0.25, 0.1, 0.2), item("Eve", 0.7, 0.5, 0.1, 0.2)))
    assert sidecars.named(data, "Eve").x == pytest.approx(0.65)  # type: ignore[union-attr]
    assert sidecars.named(data, "eve") is None
    twice = stored_picture(1, mwg(item("Ada", 0.2, 0.25, 0.1, 0.2), item("Ada", 0.7, 0.5, 0.1, 0.2)))
    assert sidecars.named(twice, "Ada") is None
    assert sidecars.named(stored_picture(1, b"<x"), "Ada") is None
    assert sidecars.named(b"no image", "Ada") is None


# ---- writing ----------------------------------------------------------------------------------------------------
FACES = [Region("Zoë <& \"Quinn'", 0.1, 0.2, 0.3, 0.25), Region("", 0.6, 0.5, 0.2, 0.1)]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_what_is_written_is_read_again(orientation: int) -> None:
    width, height = (200, 400) if orientation in range(5, 9) else (400, 200)
    written = sidecars.sidecar(FACES, width=width, height=height, orientation=orientation)
    found = read_regions(written, Stored(400, 200, orientation))
    for wrote, read in zip(FACES, found, strict=True):
        assert read.name == wrote.name
        assert (read.x, read.y, read.w, read.h) == pytest.approx((wrote.x, wrote.y, wrote.w, wrote.h), abs=1e-5)


def test_pillow_reads_what_is_written() -> None:
    """Its parser is another one, and knows XMP as such."""
    packet = sidecars.sidecar(FACES, width=200, height=400, orientation=6)
    picture = Image.open(io.BytesIO(stored_picture(6, packet)))
    regions = picture.getxmp()["xmpmeta"]["RDF"]["Description"]["Regions"]
    first, second = regions["RegionList"]["Bag"]["li"]
    assert regions["AppliedToDimensions"] == {"w": "400", "h": "200", "unit": "pixel"}
    assert (first["Name"], first["Type"], "Name" in second) == (FACES[0].name, "Face", False)
    # The upright centre (0.25, 0.325) is (0.325, 0.75) before the turn by 90°.
    assert first["Area"] == {"x": "0.325000", "y": "0.750000", "w": "0.250000", "h": "0.300000", "unit": "normalized"}
    assert UPRIGHT[6] == Image.Transpose.ROTATE_270
