"""The photographs: your own, or some that come inside installed packages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

from faceapp_client import FaceApp
from PIL import Image, ImageEnhance

from environment.terminal import printable

MARGIN = 0.5  # around a face that is cut out, as a share of its box
LARGER, BRIGHTER = 1.5, 1.15


class PhotographsMissingError(Exception):
    """There is nothing to screen; the message says what is missing."""


@dataclass(frozen=True)
class Photograph:
    """An encoded image with the name to print."""

    title: str
    content: bytes

    @property
    def name(self) -> str:
        """For the lists of the service: the title without its remark."""
        return self.title.partition(" (")[0]


@dataclass(frozen=True)
class Person:
    """A person to list, with at least one photograph."""

    name: str
    reason: str
    photographs: list[Photograph]


def packaged_path(path: str) -> Path:
    """The path of a file inside an installed package, which is not imported. `path`: package/folder/file.

    Raises `PhotographsMissingError` if the package is not installed.
    """
    package, _, inside = path.partition("/")
    spec = find_spec(package)
    if not spec or not spec.origin:
        message = f"The package {package} is not installed; `make demo` installs requirements-demo.txt."
        raise PhotographsMissingError(message)
    return Path(spec.origin).parent / inside


def packaged(path: str) -> bytes:
    """The content of a file inside an installed package; see `packaged_path`."""
    return packaged_path(path).read_bytes()


def built_in(service: FaceApp) -> tuple[list[Person], list[Photograph]]:
    """People to list and photographs to screen. Each listed person is a face cut out of one of the photographs."""
    astronaut = packaged("skimage/data/astronaut.png")
    group = packaged("insightface/data/images/t1.jpg")
    people = [
        Person("Eileen Collins", "demo: the astronaut", [Photograph("cut-out.jpg", largest_face(service, astronaut))]),
        Person("Guest of the group", "demo: one of six", [Photograph("cut-out.jpg", largest_face(service, group))]),
    ]
    screened = [
        Photograph("astronaut (listed)", astronaut),
        Photograph("group (one of them listed)", group),
        Photograph("Tom Hanks (not listed)", packaged("insightface/data/images/Tom_Hanks_54745.png")),
        Photograph("cat", packaged("skimage/data/chelsea.png")),
        Photograph("cup of coffee", packaged("skimage/data/coffee.png")),
    ]
    return people, screened


def largest_face(service: FaceApp, content: bytes) -> bytes:
    """The largest face of a photograph, cut out with a margin, enlarged and brightened, as a JPEG file."""
    faces = service.detect(content)
    if not faces:
        raise PhotographsMissingError("The service found no face in a photograph that has one.")
    area = max((face.facial_area for face in faces), key=lambda area: area.w * area.h)
    dx, dy = round(area.w * MARGIN), round(area.h * MARGIN)
    with Image.open(BytesIO(content)) as picture:
        right, bottom = min(area.x + area.w + dx, picture.width), min(area.y + area.h + dy, picture.height)
        face = picture.convert("RGB").crop((max(area.x - dx, 0), max(area.y - dy, 0), right, bottom))
    size = (round(face.width * LARGER), round(face.height * LARGER))
    buffer = BytesIO()
    ImageEnhance.Brightness(face.resize(size)).enhance(BRIGHTER).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def of_folder(folder: Path) -> tuple[list[Person], list[Photograph]]:
    """People and photographs of your own: `blacklist/<name>/*` are listed, `screen/*` are screened."""
    people = [
        Person(printable(person.name), "demo", list(_files(person)))
        for person in _sorted(folder / "blacklist")
        if person.is_dir() and any(_files(person))
    ]
    screened = list(_files(folder / "screen"))
    if not people or not screened:
        name = printable(str(folder))
        raise PhotographsMissingError(f"{name} needs photographs in blacklist/<name>/ and in screen/.")
    return people, screened


def _files(folder: Path) -> Iterator[Photograph]:
    return (Photograph(printable(path.name), path.read_bytes()) for path in _sorted(folder) if path.is_file())


def _sorted(folder: Path) -> list[Path]:
    """The files and folders in `folder` that are not hidden; none if it does not exist."""
    return sorted(path for path in folder.iterdir() if path.name[0] != ".") if folder.is_dir() else []
