"""The people of a CompreFace service, example by example, so that a run may be stopped anywhere and repeated.

An example keeps its id, by which it is recognised in the next run. Its picture is analysed anew: CompreFace's
embeddings are comparable with nothing that is computed here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

from django.db import IntegrityError, transaction

from audit.services import record
from audit.types import Action
from clients.models import Client
from errors import InvalidInput, Unavailable
from errors.text import is_storable
from people.exceptions import ExternalIdTaken, UnusableFace
from people.models import Gallery, GalleryKind, Person, ReferenceImage
from people.services import checked, create_person, read_portrait, save_reference_images, search_each, written_files
from people.types import LONGEST, Portrait, Refusal, SearchedFace, SourcedImage
from storage.files import read_file
from transfer.compreface.catalogue import Example, Service
from transfer.compreface.report import Report
from transfer.compreface.source import Source
from transfer.folders import BadLayout
from vision import dispatch, inference
from vision.selection import FaceChoice
from vision.types import Upload

LOOKED_UP = 500  # examples of which is asked at once whether they are known
AT_ONCE = 16  # pictures in memory, at most this many
MOST_BYTES = 32 * 1024 * 1024  # and this large together, but for one
Item = TypeVar("Item")
NO_FACE = ("face.none", "face.not_recognisable")


@dataclass
class Imported:
    """What became of a service, in numbers of examples; `added` and `found` are subjects.

    `imported` would be, in a dry run. `several` of those show several faces, of which the largest was taken.
    """

    added: int = 0
    found: int = 0
    imported: int = 0
    known: int = 0
    several: int = 0
    without_picture: int = 0
    without_face: int = 0
    refused: int = 0


@dataclass(frozen=True)
class Checked:
    """How many stored pictures of a service were searched for, and how many found somebody else than their own person
    or nobody first.
    """

    searched: int
    wrong: int


@dataclass(frozen=True)
class _Read:
    """An example with what a worker said of its picture."""

    example: Example
    portrait: Portrait | Refusal
    has_several: bool = False


@dataclass
class PeopleImport:
    """Subjects of `service` become people of the client's gallery `gallery`. A dry run stores nothing; its client need
    not be saved.
    """

    client: Client
    gallery: str
    source: Source
    service: Service
    report: Report
    is_dry: bool = False
    done: Imported = field(default_factory=Imported)

    def run(self, *, advance: Callable[[int], object]) -> Imported:
        """`advance` is called with numbers of examples. Raises `Unavailable`, or what a quota raises."""
        gallery = self._gallery()
        for name in self.source.catalogue.subjects(self.service):
            self._import_subject(name, gallery)
        for name in self.source.catalogue.alike(self.service):
            message = "Another subject's name differs from this one in its case alone. Both were imported."
            self.report.add(self._shown(name), "import.same_name", message)
        for some in _parts(self.source.catalogue.examples(self.service), LOOKED_UP):
            left = len(some)
            for few in self._in_memory(self._unknown(some)):
                for read in inference.several(_read, few):
                    self._take_in(read, gallery)
                advance(len(few))
                left -= len(few)
            advance(left)
        if not self.is_dry:
            record(Action.IMPORT, client_id=self.client.pk, results=self.done.imported)
        return self.done

    def _gallery(self) -> Gallery | None:
        """None in a dry run of a client or gallery that does not exist yet."""
        if not self.is_dry:
            return Gallery.objects.named(self.client, self.gallery)
        of_people = Gallery.objects.filter(client_id=self.client.pk, kind=GalleryKind.PEOPLE)
        found: Gallery | None = of_people.filter(name=self.gallery).first()
        return found

    def _shown(self, subject: str, example: Example | None = None) -> str:
        """How the report names a subject or one of its examples."""
        return "/".join([self.service.name, subject, *([str(example.id)] if example else [])])

    # ---- subjects -----------------------------------------------------------------------------------------------
    def _import_subject(self, name: str, gallery: Gallery | None) -> None:
        if not _is_name(name):
            self.report.add(self._shown(name), "import.bad_record", "The subject has no name that can be stored.")
            return
        if gallery and Person.objects.filter(gallery=gallery, external_id=name).exists():
            self.done.found += 1
            return
        try:
            if self.is_dry:
                checked({"external_id": name})
            else:
                create_person(client=self.client, external_id=name, name=_short(name), source=self.gallery)
        except ExternalIdTaken:  # another run was faster
            self.done.found += 1
        except InvalidInput as error:
            self.report.add(self._shown(name), error.code, error.message)
        else:
            self.done.added += 1

    # ---- examples -----------------------------------------------------------------------------------------------
    def _unknown(self, some: list[Example]) -> Iterator[Example]:
        """Those that are not stored yet, without those that cannot be."""
        stored = ReferenceImage.objects.filter(uuid__in=[example.id for example in some])
        owners = dict(stored.values_list("uuid", "person__client_id"))
        for example in some:
            owner = owners.get(example.id)
            if owner is not None and owner == self.client.pk:
                self.done.known += 1
            elif owner is not None:
                message = "Another client has this example already; an id belongs to one photograph only."
                self._refuse(Refusal(self._shown(example.subject, example), "import.id_taken", message))
            elif _is_name(example.subject):
                yield example

    def _in_memory(self, examples: Iterator[Example]) -> Iterator[list[tuple[Example, Upload]]]:
        """With their pictures, so many at a time that the memory does not grow."""
        few: list[tuple[Example, Upload]] = []
        size = 0
        for example in examples:
            try:
                data = self.source.picture(example.picture) if example.picture else None
            except BadLayout as error:
                self._refuse(Refusal(self._shown(example.subject, example), "import.unreadable", error.message))
                continue
            if not data:
                self.done.without_picture += 1
                message = "The server has no picture of this example. Enrol the person with a new photograph."
                self.report.add(self._shown(example.subject, example), "import.needs_photograph", message)
                continue
            if few and (len(few) >= AT_ONCE or size + len(data) > MOST_BYTES):
                yield few
                few, size = [], 0
            few.append((example, Upload(data, f"{example.id}")))
            size += len(data)
        if few:
            yield few

    def _take_in(self, read: _Read, gallery: Gallery | None) -> None:
        example, portrait = read.example, read.portrait
        shown = self._shown(example.subject, example)
        if isinstance(portrait, Refusal):
            self._refuse(Refusal(shown, portrait.code, portrait.message))
            return
        try:
            if gallery and not self.is_dry:
                self._store(example, portrait, gallery)
        except IntegrityError as error:
            if "uuid" not in str(error):
                raise
            self.done.known += 1  # another run was faster
            return
        self.done.imported += 1
        if read.has_several:
            self.done.several += 1
            message = "The picture shows several faces. The largest was taken; look whether it is the right one."
            self.report.add(shown, "import.several_faces", message)

    def _store(self, example: Example, portrait: Portrait, gallery: Gallery) -> None:
        with written_files(client=self.client, portraits=[portrait]) as references, transaction.atomic():
            name = {"name": _short(example.subject)}
            person, _ = Person.objects.locked_or_created(gallery, example.subject, name)
            person.client, person.gallery = self.client, gallery
            references[0].uuid = example.id
            save_reference_images(person=person, references=references, portraits=[portrait])

    def _refuse(self, refusal: Refusal) -> None:
        if refusal.code in NO_FACE:
            self.done.without_face += 1
        else:
            self.done.refused += 1
        self.report.add(refusal.name, refusal.code, refusal.message)


def _read(item: tuple[Example, Upload]) -> _Read:
    """Raises `Unavailable`, unless it is this picture that stops its worker."""
    example, upload = item
    try:
        try:
            return _Read(example, _portrait(upload, "only"))
        except UnusableFace as error:
            if error.code != "face.several":
                raise
            return _Read(example, _portrait(upload, "largest"), has_several=True)
    except InvalidInput as error:
        return _Read(example, Refusal("", error.code, error.message))
    except Unavailable as error:
        if error.code != "engine.worker_lost":
            raise
        return _Read(example, Refusal("", error.code, error.message))


def _is_name(name: str) -> bool:
    return bool(name.strip()) and is_storable(name) and len(name) <= LONGEST["external_id"]


def _short(name: str) -> str:
    """A subject's name as a person's: its external id keeps all of it."""
    return name[: LONGEST["name"]]


def _portrait(upload: Upload, face_choice: FaceChoice) -> Portrait:
    return read_portrait(upload=upload, face_choice=face_choice, queue=dispatch.PATIENT)


def check_sample(*, client: Client, gallery: str, most: int, report: Report) -> Checked:
    """Search for stored pictures of a gallery, at most so many of them and evenly spread: each must find its own person
    first. Those that do not are reported. Raises `Unavailable`.
    """
    stored = ReferenceImage.objects.filter(person__client=client, person__gallery__name=gallery).exclude(image="")
    stored = stored.filter(person__kind=GalleryKind.PEOPLE).select_related("person__client").order_by("pk")
    step = max(-(-stored.count() // max(most, 1)), 1)
    searched = wrong = 0
    for few in _parts(islice(stored.iterator(), 0, None, step), AT_ONCE):
        pictures = [SourcedImage(_data_of(image), gallery) for image in few]
        for image, found in zip(few, search_each(client=client, images=pictures, limit=1, tells=False), strict=True):
            searched += 1
            first = found.candidates[0].person.pk if isinstance(found, SearchedFace) and found.candidates else None
            if first != image.person_id:
                wrong += 1
                name = f"{gallery}/{image.person.external_id}/{image.uuid}"
                report.add(name, "import.not_found_again", "A search for this picture does not find its person first.")
    return Checked(searched, wrong)


def _parts(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    left = iter(items)
    while part := list(islice(left, size)):
        yield part


def _data_of(image: ReferenceImage) -> bytes | InvalidInput:
    try:
        return read_file(file=image.image)
    except InvalidInput as error:
        return error
