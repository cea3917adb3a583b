"""What each command does: one row of output for each face or file, and a file that fails does not stop the others."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import track
from rich.table import Table

from faceapp_client.cli import output
from faceapp_client.cli.escaping import cell
from faceapp_client.cli.pictures import Picture, find
from faceapp_client.clients import FaceApp
from faceapp_client.errors import FOREIGN, Conflict, FaceAppError, InvalidInput, NotFound
from faceapp_client.progress import ProgressBar
from faceapp_client.results import EnrolledPerson, Enrolment

BATCH_FILES, BATCH_BYTES = 20, 40 * 1024 * 1024
Batch = list[tuple[Picture, tuple[str, bytes]]]
Item = TypeVar("Item")


@dataclass
class Run:
    """One call of the command. `failed`: something was reported on the error output."""

    service: FaceApp
    options: argparse.Namespace
    console: Console
    errors: Console
    failed: bool = False
    table: Table = field(default_factory=Table)
    answers: list[dict[str, Any]] = field(default_factory=list)  # what --json prints

    def pictures(self) -> list[Picture]:
        """The files to be sent. Of folders it says which files are left out, and that they hold no image."""
        pictures = []
        for name in self.options.files:
            found = find(name)
            pictures += found.pictures
            if found.skipped:
                kinds = ", ".join(suffix or "no suffix" for suffix in sorted(found.skipped))
                count = found.skipped.total()
                files = "1 file that is not named as an image" if count == 1 else f"{count} files not named as images"
                self.errors.print(f"[dim]{cell(name)}: skipped {files} ({cell(kinds)}).[/dim]")
            if not found.pictures:
                self.report(name, "There is no image in this folder.", "client.no_images")
        return pictures

    def fail(self, title: str, error: FaceAppError | OSError) -> None:
        """Report what is wrong with a file or person, and go on."""
        code = error.code if isinstance(error, FaceAppError) else "client.unreadable_file"
        message = error.message if isinstance(error, FaceAppError) else str(error.strerror or error)
        self.report(title, message, code)

    def report(self, title: str, message: str, code: str) -> None:
        self.failed = True
        self.answers.append({"file": title, "error": {"code": code, "message": message}})
        self.errors.print(f"[yellow]{cell(title)}: {cell(message)} ({cell(code)})[/yellow]")

    def each(self, work: Callable[[Picture], object]) -> None:
        """Do something with every file. Errors of a file are reported, errors of the service raised."""
        files = self.pictures()
        hidden = not self.errors.is_terminal or len(files) < 2
        for picture in track(files, "Sending", console=self.errors, transient=True, disable=hidden):
            self.attempt(picture.title, work, picture)

    def attempt(self, title: str, work: Callable[[Item], object], item: Item) -> None:
        try:
            work(item)
        except (InvalidInput, Conflict, NotFound, OSError) as error:
            if getattr(error, "code", "") == FOREIGN:
                raise
            self.fail(title, error)

    def show(self) -> None:
        """Print what there is, at the end: the table, or JSON."""
        if self.options.json:
            output.print_json(self.console, self.answers)
        elif self.table.rows:
            self.console.print(self.table)


def detect(run: Run) -> None:
    run.table = output.table("file", "face", "position", "size", "confidence", right=3)

    def one(picture: Picture) -> None:
        faces = run.service.detect(picture.read(), detector=run.options.detector)
        run.answers.append({"file": picture.title, "faces": faces})
        output.add_detected(run.table, picture.title, faces)

    run.each(one)


def compare(run: Run) -> None:
    run.table = output.table("file", "same person", "similarity", "distance", "threshold", right=3)
    first = Picture(Path(run.options.image)).read()

    def one(picture: Picture) -> None:
        (result,) = run.service.compare(first, [picture.read()], threshold=run.options.threshold).results
        if result.error:
            run.report(picture.title, result.error.message, result.error.code)
        else:
            run.answers.append({"file": picture.title, "comparison": result.comparison})
            output.add_compared(run.table, picture.title, result)

    run.each(one)


def search(run: Run) -> None:
    run.table = output.table("file", "face", "who", "similarity", "", right=2)
    options = {"sources": run.options.sources, "threshold": run.options.threshold, "limit": run.options.limit}

    def one(picture: Picture) -> None:
        found = run.service.people.search(picture.read(), **options)
        run.answers.append({"file": picture.title, "faces": found.faces})
        output.add_searched(run.table, picture.title, found.faces)

    run.each(one)


# ---- enrolment --------------------------------------------------------------------------------------------------
def enrol(run: Run) -> None:
    run.table = output.table("file", "number", "person", "remarks", right=0)
    options, enrolled = run.options, dict[str, EnrolledPerson]()

    def one(picture: Picture) -> None:
        name, photograph = options.name or picture.person, picture.read()
        enrolment: Enrolment | None
        if name in enrolled:
            enrolment = run.service.people.add_image(enrolled[name].id, photograph, quality_gate=options.quality)
        else:
            enrolled[name] = run.service.people.enrol(
                photograph,
                name=name,
                external_id=options.external_id or name,
                source=options.source,
                on_existing=options.on_existing,
                quality_gate=options.quality,
            )
            enrolment = enrolled[name].enrolment
        run.answers.append({"file": picture.title, "person_id": enrolled[name].id, "enrolment": enrolment})
        output.add_enrolled(run.table, picture.title, enrolled[name], enrolment)

    run.each(one)


# ---- screening --------------------------------------------------------------------------------------------------
def screen(run: Run) -> None:
    """By jobs of a few images each, so that the number of images does not matter."""
    run.table = output.table("file", "faces", "match", "distance", "threshold", right=2)
    files = run.pictures()
    with ProgressBar(total=len(files), console=run.errors) as bar:
        for batch in _batches(run, files):
            job = run.service.screening.submit([data for _, data in batch], threshold=run.options.threshold)
            results = run.service.screening.wait(job, progress=bar.show)
            bar.advance(len(batch))
            for (picture, _), result in zip(batch, results, strict=True):
                if result.error:
                    run.report(picture.title, result.error, result.error_code or "")
                else:
                    run.answers.append({"file": picture.title, "result": result})
                    output.add_screened(run.table, picture.title, result)


def _batches(run: Run, files: list[Picture]) -> Iterator[Batch]:
    """Readable files with their content, some at a time."""
    batch: Batch = []
    for picture in files:
        try:
            batch.append((picture, picture.read()))
        except OSError as error:
            run.fail(picture.title, error)
        if len(batch) >= BATCH_FILES or sum(len(content) for _, (_, content) in batch) >= BATCH_BYTES:
            yield batch
            batch = []
    if batch:
        yield batch


# ---- people -----------------------------------------------------------------------------------------------------
def people(run: Run) -> None:
    if run.options.action == "list":
        list_people(run)
    else:
        delete_people(run)


def list_people(run: Run) -> None:
    run.table = output.table("number", "name", "id", "source", "photographs", "since", right=0)
    options = run.options
    for person in run.service.people.list(name=options.name, external_id=options.external_id, source=options.source):
        run.answers.append(output.plain(person))
        output.add_person(run.table, person)


def delete_people(run: Run) -> None:
    run.table = output.table("number", "photographs", "embeddings", "receipt", right=3)

    def one(number: int) -> None:
        receipt = run.service.people.delete(number, keep_record=run.options.keep_record)
        run.answers.append({"person_id": number, "receipt": receipt})
        output.add_receipt(run.table, number, receipt)

    for number in run.options.people:
        run.attempt(f"person {number}", one, number)


COMMANDS: dict[str, Callable[[Run], None]] = {
    "detect": detect, "compare": compare, "enrol": enrol, "search": search, "screen": screen, "people": people,
}  # fmt: skip
