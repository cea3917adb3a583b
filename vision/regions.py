"""Faces that a photograph's metadata names: regions of the Metadata Working Group and of Microsoft, in XMP.

Rules, also told in docs/photo-libraries.md: MWG regions of type Face, and Microsoft's where MWG names nobody. Positions
are those of the stored picture, which are turned with its EXIF orientation; if a region list says that it was made for
a picture of the upright size, they are upright already. A list that was made for other proportions is refused: the
picture was cropped since, or the sidecar belongs to another one.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from errors import InvalidInput
from vision.pixels import SIDEWAYS
from vision.types import Box

MOST_BYTES = 4 * 1024 * 1024  # of a packet; years of edits in one photograph take some hundred kilobytes
MOST_REGIONS = 500  # of a photograph
PROPORTIONS = 0.03  # by which those of a scaled picture may differ, whose sides were rounded
LONGEST_NAME = 100  # characters, as the gallery has it

RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
MWG = "{http://www.metadataworkinggroup.com/schemas/regions/}"
AREA = "{http://ns.adobe.com/xmp/sType/Area#}"
DIMENSIONS = "{http://ns.adobe.com/xap/1.0/sType/Dimensions#}"
MICROSOFT = "{http://ns.microsoft.com/photo/1.2/}"
REGION_INFO = "{http://ns.microsoft.com/photo/1.2/t/RegionInfo#}"
REGION = "{http://ns.microsoft.com/photo/1.2/t/Region#}"
IGNORED_NAME = "ffffffffffffffff"  # Microsoft's for a face that is to be ignored


class UnreadableXmp(InvalidInput):
    """A packet that is too large or no XML, that declares a document type, or that is about another picture."""

    code = "image.bad_xmp"


@dataclass(frozen=True)
class Region:
    """A face with a name (empty: it has none), in shares of the upright picture; (x, y) is the top left corner."""

    name: str
    x: float
    y: float
    w: float
    h: float

    def box(self, width: int, height: int) -> Box:
        """Its place in pixels of an upright picture of this size."""
        return Box(round(self.x * width), round(self.y * height), round(self.w * width), round(self.h * height))


@dataclass(frozen=True)
class Stored:
    """Size and EXIF orientation of a picture as it is stored."""

    width: int
    height: int
    orientation: int


def read_regions(packet: bytes, stored: Stored) -> list[Region]:
    """The faces that an XMP packet or sidecar marks, in its order. Raises `UnreadableXmp`."""
    if len(packet) > MOST_BYTES:
        raise UnreadableXmp("The metadata of this photograph is too large to be read.")
    try:
        root = fromstring(packet.strip(b"\0 \t\r\n"), forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):  # LookupError: of an unknown encoding
        raise UnreadableXmp("The metadata of this photograph is damaged.") from None
    descriptions = list(root.iter(f"{RDF}Description"))
    by_group = [one for item in descriptions for one in _mwg(item, stored)][:MOST_REGIONS]
    if any(one.name for one in by_group):
        return by_group
    by_microsoft = [one for item in descriptions for one in _microsoft(item, stored)][:MOST_REGIONS]
    return by_microsoft if any(one.name for one in by_microsoft) else by_group or by_microsoft


# ---- the two vocabularies ---------------------------------------------------------------------------------------
def _mwg(description: Element, stored: Stored) -> Iterator[Region]:
    if (regions := description.find(f"{MWG}Regions")) is None:
        return
    size = _structure(_child(regions, f"{MWG}AppliedToDimensions"))
    width, height = _number(size.get(f"{DIMENSIONS}w")), _number(size.get(f"{DIMENSIONS}h"))
    if _is_of_another(width, height, stored):
        raise UnreadableXmp(
            "Faces were marked on a picture of other proportions: before it was cropped, or on another."
        )
    turn = 1 if _is_upright(width, height, stored) else stored.orientation
    for item in _items(_child(regions, f"{MWG}RegionList")):
        fields, area = _structure(item), _structure(_child(item, f"{MWG}Area"))
        if fields.get(f"{MWG}Type", "Face").casefold() != "face":
            continue
        x, y, w, h = (_number(area.get(f"{AREA}{name}")) for name in "xywh")
        if area.get(f"{AREA}unit") == "pixel":
            x, y, w, h = x / (width or math.nan), y / (height or math.nan), w / (width or math.nan), h / (height or 1)
        yield from _turned(fields.get(f"{MWG}Name", ""), (x - w / 2, y - h / 2, w, h), turn)


def _is_of_another(width: float, height: float, stored: Stored) -> bool:
    """Whether regions were drawn on a picture of other proportions: they are not where the faces are on this one."""
    if not (width > 0 and height > 0 and math.isfinite(width) and math.isfinite(height)):
        return False
    drawn, found = (max(sides) / min(sides) for sides in ((width, height), (stored.width, stored.height)))
    return abs(drawn / found - 1) > PROPORTIONS


def _is_upright(width: float, height: float, stored: Stored) -> bool:
    """Whether regions were drawn on a picture that had been turned upright: its sides are swapped."""
    if stored.orientation not in SIDEWAYS or not (width > 0 and height > 0) or stored.width == stored.height:
        return False
    return (width > height) != (stored.width > stored.height)


def _microsoft(description: Element, stored: Stored) -> Iterator[Region]:
    if (info := description.find(f"{MICROSOFT}RegionInfo")) is None:
        return
    for item in _items(_child(info, f"{REGION_INFO}Regions")):
        fields = _structure(item)
        name, parts = fields.get(f"{REGION}PersonDisplayName", ""), fields.get(f"{REGION}Rectangle", "").split(",")
        if name == IGNORED_NAME or len(parts) != 4:
            continue
        x, y, w, h = map(_number, parts)
        yield from _turned(name, (x, y, w, h), stored.orientation)


def _turned(name: str, place: tuple[float, float, float, float], orientation: int) -> Iterator[Region]:
    """The region in the upright picture, cut at its edges; nothing if that leaves nothing."""
    left, top, right, bottom = place[0], place[1], place[0] + place[2], place[1] + place[3]
    if not all(map(math.isfinite, (left, top, right, bottom))):
        return
    (left, top), (right, bottom) = _point(left, top, orientation), _point(right, bottom, orientation)
    left, right = (min(max(value, 0.0), 1.0) for value in sorted((left, right)))
    top, bottom = (min(max(value, 0.0), 1.0) for value in sorted((top, bottom)))
    if right > left and bottom > top:
        yield Region(plain_name(name), left, top, right - left, bottom - top)


def _point(x: float, y: float, orientation: int) -> tuple[float, float]:
    """Where a point of the stored picture is in the upright one (CIPA DC-008, tag 0x0112)."""
    if orientation in SIDEWAYS:
        x, y = y, x
    return 1 - x if orientation in (2, 3, 6, 7) else x, 1 - y if orientation in (3, 4, 7, 8) else y


def plain_name(text: str) -> str:
    """A name in one line, composed (NFC), without characters that nobody sees, at most as long as the gallery's."""
    printable = "".join(" " if one.isspace() else one for one in text if one.isprintable() or one.isspace())
    return " ".join(unicodedata.normalize("NFC", printable).split())[:LONGEST_NAME].strip()


# ---- RDF --------------------------------------------------------------------------------------------------------
def _inner(element: Element) -> Sequence[Element]:
    """The element and the description in it: a structure is written either way."""
    return [element, *element.findall(f"{RDF}Description")]


def _structure(element: Element | None) -> dict[str, str]:
    """Simple properties of a structure, written as attributes or as elements."""
    found: dict[str, str] = {}
    for one in _inner(element) if element is not None else ():
        found |= {child.tag: (child.text or "").strip() for child in one if not len(child)} | dict(one.attrib)
    return found


def _child(element: Element, tag: str) -> Element | None:
    return next((found for one in _inner(element) if (found := one.find(tag)) is not None), None)


def _items(element: Element | None) -> Iterator[Element]:
    """The items of a list, of whichever kind."""
    if element is None:
        return
    for kind in ("Bag", "Seq", "Alt"):
        for container in element.findall(f"{RDF}{kind}"):
            yield from container.findall(f"{RDF}li")


def _number(text: str | None) -> float:
    """NaN for what is no number."""
    try:
        return float(text or "nan")
    except ValueError:
        return math.nan
