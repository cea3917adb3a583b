"""`manage.py import_compreface`: moves the services, people and keys of a CompreFace server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from tqdm import tqdm

from clients.models import Client
from clients.services import get_or_create_client
from compat.compreface.moving import galleries_for, take_over_key
from environment import read_regular
from environment.terminal import printable
from transfer.compreface.api import Api
from transfer.compreface.catalogue import Kind, Service
from transfer.compreface.database import Database
from transfer.compreface.dump import Dump
from transfer.compreface.people import Checked, Imported, PeopleImport, check_sample
from transfer.compreface.report import Report
from transfer.management.importing import ImportCommand
from transfer.types import Outcome
from vision import inference

URL_VARIABLE, KEY_VARIABLE = "COMPREFACE_DATABASE_URL", "COMPREFACE_API_KEY"
Opened = Dump | Database | Api
KINDS = {Kind.RECOGNITION: "recognition", Kind.DETECTION: "detection", Kind.VERIFICATION: "verification"}


@dataclass
class Moved:
    """What became of a service; `people` None: it knows nobody. `has_key`: callers are known by their key."""

    service: Service
    subjects: int = 0
    examples: int = 0
    gallery: str = ""
    people: Imported | None = None
    has_key: bool = False
    checked: Checked | None = None


class Command(ImportCommand):
    help = (
        "Import the services, subjects, examples and keys of a CompreFace server 1.x, from a plain pg_dump of its"
        " database, from the database itself, or over its API. Photographs are analysed by the workers, so the service"
        " must be running. Can be stopped and repeated: what is there already is skipped. Callers keep their keys."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        source = parser.add_mutually_exclusive_group(required=True)
        source.add_argument("--dump", type=Path, metavar="FILE", help="a dump of the database frs in the plain format")
        source.add_argument(
            "--database",
            nargs="?",
            const="",
            metavar="URL",
            help=f"the database; without a URL that of the variable {URL_VARIABLE}, which no list of processes shows",
        )
        source.add_argument("--api", metavar="URL", help="the server, such as https://compreface.example:8000")
        parser.add_argument(
            "--key-file", type=Path, metavar="FILE", help=f"with --api: its key (otherwise the variable {KEY_VARIABLE})"
        )
        parser.add_argument("--name", default="CompreFace", metavar="NAME", help="with --api: what to call the service")
        parser.add_argument("--client", required=True, metavar="NAME", help="the client; created if it does not exist")
        parser.add_argument("--app", metavar="NAME", help="only the services of this application")
        parser.add_argument("--service", metavar="NAME", help="only services of this name")
        parser.add_argument("--without-keys", action="store_true", help="callers will get other keys")
        parser.add_argument(
            "--with-embeddings",
            action="store_true",
            help="let the keys send and receive embeddings",
        )
        parser.add_argument(
            "--check", type=int, default=100, metavar="COUNT", help="pictures of each service to search for at the end"
        )
        parser.add_argument("--dry-run", action="store_true", help="analyse and count, and store nothing")
        parser.add_argument("--report", type=Path, metavar="FILE.csv", help="save all remarks as a table")

    def handle(self, *args: Any, **options: Any) -> None:
        self.moved: list[Moved] = []
        with Report(options["report"]) as self.remarks:
            super().handle(*args, **options)

    def run(self, outcome: Outcome, options: dict[str, Any]) -> None:
        with self.open_source(options) as source:
            chosen = [one for one in source.catalogue.services() if is_chosen(one, options)]
            if not chosen:
                raise CommandError("There is no such service.")
            inference.require_worker()
            client = self.client(options)
            galleries = galleries_for(client=client, services=chosen)
            for service in chosen:
                self.move(client, source, service, galleries.get(service.key), options)
                outcome.found += 1

    def client(self, options: dict[str, Any]) -> Client:
        name = options["client"]
        if options["dry_run"]:
            return Client.objects.filter(name=name).first() or Client(name=name)
        return get_or_create_client(name=name)

    def open_source(self, options: dict[str, Any]) -> Opened:
        if options["dump"]:
            return Dump(options["dump"])
        if options["database"] is not None:
            url = options["database"] or os.environ.get(URL_VARIABLE, "")
            if not url:
                raise CommandError(f"Name the database, or set {URL_VARIABLE}.")
            return Database(url)
        return Api(options["api"], read_key(options["key_file"]), name=options["name"])

    def move(
        self,
        client: Client,
        source: Dump | Database | Api,
        service: Service,
        gallery: str | None,
        options: dict[str, Any],
    ) -> None:
        subjects, examples = source.catalogue.count(service)
        moved = Moved(service, subjects, examples, gallery or "")
        self.moved.append(moved)
        if not options["dry_run"] and not options["without_keys"]:
            # First, so that a repeated run knows the gallery.
            with_embeddings = options["with_embeddings"]
            moved.has_key = take_over_key(
                client=client, service=service, gallery=gallery, embeddings=with_embeddings, report=self.remarks
            )
        if gallery is None:
            return
        importing = PeopleImport(client, gallery, source, service, self.remarks, options["dry_run"])
        moved.people = importing.done
        with tqdm(total=examples, unit="image", desc=printable(service.name), disable=None) as bar:
            importing.run(advance=bar.update)
        if options["check"] > 0 and not options["dry_run"]:
            moved.checked = check_sample(client=client, gallery=gallery, most=options["check"], report=self.remarks)

    # ---- the report ---------------------------------------------------------------------------------------------
    def report(self, outcome: Outcome, options: dict[str, Any]) -> None:
        for moved in self.moved:
            for line in lines_of(moved, is_dry=options["dry_run"]):
                self.stdout.write(printable(line))
        for code, count in sorted(self.remarks.counts.items()):
            self.stdout.write(f"  {code}: {count}")
        for remark in self.remarks.first:
            self.stdout.write(printable(f"  {remark.name}: {remark.message}"))
        if (more := self.remarks.counts.total() - len(self.remarks.first)) and not options["report"]:
            self.stdout.write(f"  … and {more} more; --report FILE.csv saves all of them.")


def is_chosen(service: Service, options: dict[str, Any]) -> bool:
    wanted = (options["app"], options["service"])
    return all(name in (None, is_) for name, is_ in zip(wanted, (service.app, service.name), strict=True))


def read_key(file: Path | None) -> str:
    try:
        key = read_regular(file).decode() if file else os.environ.get(KEY_VARIABLE, "")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError("The file with the key cannot be read.") from error
    if not key.strip():
        raise CommandError(f"Name a file with the key (--key-file), or set {KEY_VARIABLE}.")
    return key.strip()


def lines_of(moved: Moved, *, is_dry: bool) -> Iterator[str]:
    service, people = moved.service, moved.people
    where = f" of {service.app}" if service.app else ""
    key = "callers keep their key" if moved.has_key else "its key was not taken over"
    yield f"{service.name}{where}, {KINDS[service.kind]}: {'dry run, nothing is stored' if is_dry else key}."
    if people is None:
        return
    would = "would be imported" if is_dry else "imported"
    yield f"  {moved.subjects} subjects: {people.added} {would}, {people.found} were there; gallery {moved.gallery}."
    yield (
        f"  {moved.examples} examples: {people.imported} {would}, {people.known} were there,"
        f" {people.without_picture} without a photograph, {people.without_face} without a usable face,"
        f" {people.refused} refused."
    )
    if people.several:
        yield f"  {people.several} of those imported show several faces; the largest was taken."
    if moved.checked:
        right = moved.checked.searched - moved.checked.wrong
        yield f"  Searched for {moved.checked.searched} stored photographs: {right} found their own person first."
