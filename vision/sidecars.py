"""XMP of photographs: the packet in the file, the sidecar beside it, and writing a sidecar with face regions."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree as Xml

from environment import read_regular
from vision import images
from vision.exceptions import InvalidImage
from vision.regions import AREA, DIMENSIONS, MOST_BYTES, MWG, RDF, Region, UnreadableXmp, plain_name, read_regions
from vision.types import Box

META = "{adobe:ns:meta/}"
PREFIXES = {"x": META, "rdf": RDF, "mwg-rs": MWG, "stArea": AREA, "stDim": DIMENSIONS}
START = b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
END = b'\n<?xpacket end="w"?>\n'
PARSE = f"{RDF}parseType"

for _prefix, _namespace in PREFIXES.items():
    Xml.register_namespace(_prefix, _namespace[1:-1])


# ---- reading ----------------------------------------------------------------------------------------------------
def regions_of(data: bytes, sidecar: bytes | None = None) -> list[Region]:
    """The face regions of a photograph: those of its sidecar if that has any, or else of the packet in the file.

    Raises `InvalidImage` by the header of the file, or `UnreadableXmp`.
    """
    packet, stored = images.packet_of(data)
    if sidecar and (found := read_regions(sidecar, stored)):
        return found
    return read_regions(packet, stored) if packet else []


def named(data: bytes, name: str) -> Region | None:
    """The one region with this name, letter by letter; None without, with several, or if the metadata is unreadable."""
    try:
        found = [region for region in regions_of(data) if region.name == name]
    except (InvalidImage, UnreadableXmp):
        return None
    return found[0] if len(found) == 1 else None


def sidecar_of(path: Path) -> bytes | None:
    """The file `IMG.jpg.xmp` or `IMG.xmp` beside `IMG.jpg`, in this order. Raises `UnreadableXmp` or OSError."""
    for beside in (path.with_name(f"{path.name}.xmp"), path.with_suffix(".xmp")):
        if beside.is_file() and not beside.is_symlink():
            if beside.stat().st_size > MOST_BYTES:
                raise UnreadableXmp("The sidecar of this photograph is too large to be read.")
            return read_regular(beside)
    return None


# ---- writing ----------------------------------------------------------------------------------------------------
def sidecar(regions: Iterable[Region], *, width: int, height: int, orientation: int) -> bytes:
    """XMP with MWG regions for an upright picture of `width` by `height` pixels that is stored with this orientation.

    MWG counts in the stored picture, so the regions are turned back.
    """
    root = Xml.Element(f"{META}xmpmeta")
    description = _add(_add(root, f"{RDF}RDF"), f"{RDF}Description", **{f"{RDF}about": ""})
    all_regions = _add(description, f"{MWG}Regions", **{PARSE: "Resource"})
    is_sideways = orientation in images.SIDEWAYS
    stored = (height, width) if is_sideways else (width, height)
    size = {f"{DIMENSIONS}w": str(stored[0]), f"{DIMENSIONS}h": str(stored[1]), f"{DIMENSIONS}unit": "pixel"}
    _add(all_regions, f"{MWG}AppliedToDimensions", **size)
    bag = _add(_add(all_regions, f"{MWG}RegionList"), f"{RDF}Bag")
    for region in regions:
        item = _add(bag, f"{RDF}li", **{PARSE: "Resource"})
        x, y = _turned_back(region.x + region.w / 2, region.y + region.h / 2, orientation)
        w, h = (region.h, region.w) if is_sideways else (region.w, region.h)
        shares = {f"{AREA}{name}": f"{value:.6f}" for name, value in zip("xywh", (x, y, w, h), strict=True)}
        _add(item, f"{MWG}Area", **shares, **{f"{AREA}unit": "normalized"})
        _add(item, f"{MWG}Type").text = "Face"
        if region.name:
            _add(item, f"{MWG}Name").text = region.name
    Xml.indent(root)
    written: bytes = Xml.tostring(root, encoding="utf-8")
    return START + written + END


def sidecar_for(data: bytes, faces: Iterable[tuple[str, Box]]) -> bytes:
    """The sidecar of an image file: names (empty: not known) and boxes in pixels of the upright picture.

    Raises `InvalidImage` by the header of the file.
    """
    _, stored = images.packet_of(data)
    width, height, orientation = stored.width, stored.height, stored.orientation
    if orientation in images.SIDEWAYS:
        width, height = height, width
    marked = [
        Region(plain_name(name), box.x / width, box.y / height, box.w / width, box.h / height)
        for name, box in ((name, box.within(width, height)) for name, box in faces)
    ]
    return sidecar(marked, width=width, height=height, orientation=orientation)


def _add(parent: Xml.Element, tag: str, **attributes: str) -> Xml.Element:
    return Xml.SubElement(parent, tag, attributes)


def _turned_back(x: float, y: float, orientation: int) -> tuple[float, float]:
    """Where a point of the upright picture is in the stored one."""
    x = 1 - x if orientation in (2, 3, 6, 7) else x
    y = 1 - y if orientation in (3, 4, 7, 8) else y
    return (y, x) if orientation in images.SIDEWAYS else (x, y)
