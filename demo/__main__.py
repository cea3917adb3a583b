"""Lists some people, screens some photographs and prints what was found.

FACEAPP_URL and FACEAPP_API_KEY choose the service. By default it is the one on this machine, with a key of the client
'default', to which the key that `make run` prints belongs. `make undemo` removes what the demo has stored.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from faceapp_client import Conflict, FaceApp, FaceAppError
from faceapp_client.results import ScreenedImage
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from demo import made, photographs, server
from demo.photographs import Person, Photograph, PhotographsMissingError
from environment import env

HONEST = (
    "The listed people were enrolled from the same photographs: their faces were cut out, enlarged, brightened and "
    "compressed again. This shows what the service does, not how well it tells people apart. "
    "Use PHOTOS=<folder> to screen your own."
)
console = Console()


@dataclass(frozen=True)
class Screened:
    """A photograph with the result and how long the caller waited for it."""

    photograph: Photograph
    result: ScreenedImage
    threshold: float
    milliseconds: float


def main() -> int:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--photos", type=Path, metavar="FOLDER", help="with blacklist/<name>/ and screen/ inside")
    parser.add_argument("--remove", action="store_true", help="delete what earlier demos have stored in this service")
    options = parser.parse_args()
    local = f"http://localhost:{env.int('FACEAPP_PORT', default=8000)}"
    url = (env.str("FACEAPP_URL", default="") or local).rstrip("/")
    try:
        with server.available(url) as started:
            key = env.str("FACEAPP_API_KEY", default="") or server.new_key(url, client="default")
            service = FaceApp(url, key)
            if options.remove:
                remove(url, service)
            else:
                run(url, service, options.photos)
            if started:
                console.print("The service was started for this demo and stops now. Start it again with `make run`.")
    except (server.NoServerError, PhotographsMissingError, FaceAppError, OSError) as error:
        console.print(f"[red]{escape(str(error))}[/red]", soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def run(url: str, service: FaceApp, folder: Path | None) -> None:
    """The whole demo, against a service that is ready."""
    people, pictures = photographs.of_folder(folder) if folder else photographs.built_in(service)
    for person in people:
        enrol(url, service, person)
    screened = [screen(url, service, picture) for picture in pictures]
    console.print(table(screened))
    if not folder:
        console.print(HONEST)
    print_links(url, screened)


def enrol(url: str, service: FaceApp, person: Person) -> None:
    """List a person, unless an earlier run already did."""
    images = [(picture.title, picture.content) for picture in person.photographs]
    try:
        entry = service.blacklist.add(person.name, images, reason=person.reason)
    except Conflict:
        console.print(f"Already on the blacklist: {escape(person.name)}")
        return
    made.note(url, "entries", entry.id, entry.uuid)
    console.print(f"Added to the blacklist: {escape(person.name)}")
    for refusal in entry.errors:
        console.print(f"  [yellow]{escape(refusal)}[/yellow]", soft_wrap=True)


def screen(url: str, service: FaceApp, picture: Photograph) -> Screened:
    started = time.perf_counter()
    (result,) = service.screening.screen([(picture.name, picture.content)])
    milliseconds = (time.perf_counter() - started) * 1000
    made.note(url, "images", result.db_id, result.uuid)
    return Screened(picture, result, service.screening.job(result.job_id).threshold, milliseconds)


def table(screened: list[Screened]) -> Table:
    """One row for each image, and another for each further match in it."""
    columns = Table("image", "faces", "match", "distance", "threshold", "ms", title="Screened against the blacklist")
    for row in screened:
        found = matches(row.result)
        first, *others = found or [(outcome(row.result), "")]
        numbers = (f"{row.threshold:.2f}", f"{row.milliseconds:.0f}")
        columns.add_row(escape(row.photograph.title), str(len(row.result.faces)), *first, *numbers)
        for other in others:
            columns.add_row("", "", *other, "", "")
    return columns


def matches(result: ScreenedImage) -> list[tuple[str, str]]:
    """Who was found, and at what distance."""
    return [
        (
            f"[bold red]{escape(match.entry_name)}[/bold red] (face {face.face_index + 1})",
            f"{match.distance:.3f}",
        )
        for face in result.faces
        for match in face.blacklist_matches
    ]


def outcome(result: ScreenedImage) -> str:
    """What the table says about an image without a match."""
    if result.error:
        return f"[yellow]{escape(result.error)}[/yellow]"
    return "no match" if result.faces else "no face"


def print_links(url: str, screened: list[Screened]) -> None:
    console.print("\nSee each result in the console, or as JSON with an API key of the same client:")
    for row in screened:
        console.print(f"  {escape(row.photograph.title)}", highlight=False)
        console.print(f"    {url}/console/jobs/{row.result.job_id}/", soft_wrap=True)
        console.print(f"    {url}/api/v1/processed-images/{row.result.db_id}/", soft_wrap=True)


def remove(url: str, service: FaceApp) -> None:
    removed = made.remove(url, service)
    console.print(f"Removed: {removed['entries']} blacklist entries, {removed['images']} screened images.")


if __name__ == "__main__":
    sys.exit(main())
