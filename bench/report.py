"""One table of all measurements: printed, kept as JSON, and written into docs/benchmarks.md."""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "results"
PAGE = ROOT / "docs" / "benchmarks.md"
COLUMNS = ("what", "ours", "compared with", "result")

Line = tuple[str, str, str, str]


class Row(Protocol):
    """One measurement: a frozen dataclass whose fields are kept as JSON."""

    def line(self) -> Line:
        """What it says under COLUMNS."""
        ...


Rows = Mapping[str, Sequence[Row]]  # by the name of the measurement, in the order of the table


def lines(rows: Rows) -> Iterator[Line]:
    for measured in rows.values():
        yield from (row.line() for row in measured)


def table(found: Iterable[Sequence[str]], columns: Sequence[str]) -> str:
    """A table in Markdown."""
    return "\n".join("| " + " | ".join(line) + " |" for line in (columns, ("---",) * len(columns), *found))


def show(rows: Rows) -> None:
    """Print the table."""
    shown = Table(*COLUMNS, title="Measured in one run")
    for line in lines(rows):
        shown.add_row(*line)
    Console().print(shown)


def save(rows: Rows, seconds: float, file: Path | None = None) -> None:
    """Keep the rows and the conditions as JSON: in `file`, or by default in RESULTS under today's date."""
    now = datetime.now(UTC)
    file = file or RESULTS / f"{now:%Y-%m-%d}.json"
    file.parent.mkdir(exist_ok=True)
    measured: dict[str, Any] = {name: [asdict(row) for row in some] for name, some in rows.items()}  # type: ignore[call-overload]
    conditions = {"when": now.isoformat(timespec="seconds"), "processors": processors()}
    kept = measured | {"seconds": seconds} | conditions | {"python": platform.python_version()}
    file.write_text(json.dumps(kept, indent=1) + "\n")
    Console().print(f"Saved in {file}.")


def write_page(rows: Rows, seconds: float) -> None:
    """Write docs/benchmarks.md."""
    measured = table(lines({name: some for name, some in rows.items() if name != "profile"}), COLUMNS)
    profile = table(
        (line[:2] for line in lines({"profile": rows["profile"]})), ("one screened photograph", "processor")
    )
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    PAGE.write_text(TEXT.format(rows=measured, profile=profile, date=today, processors=processors(), seconds=seconds))


def write_section(page: Path, title: str, text: str) -> None:
    """Replace the section under this heading, or add it at the end."""
    sections = re.split(r"^(?=#+ )", page.read_text() if page.exists() else "", flags=re.MULTILINE)
    places = {section.partition("\n")[0]: section.rstrip("\n") for section in sections if section.strip()}
    places[title] = f"{title}\n\n{text.rstrip(chr(10))}"
    page.write_text("\n\n".join(places.values()) + "\n")


def processors() -> int:
    return len(os.sched_getaffinity(0))


TEXT = """\
# Benchmarks

Written by `make bench`, which measures everything in one run on one machine. This run took
{seconds:.0f} seconds on {date}, with {processors} processors.

{rows}

- **engine**: our engine and `DeepFace.represent`, both with model Dlib and detector dlib, each in a fresh process.
  Median wall and processor time per image, and the peak memory of the process.
- **detection, recall**: the default engine (YuNet and pair128), and mmod with Dlib, both ours, in one process and one
  thread: the mean of the least processor time of several calls on each photograph. Then the share of faces that each
  detector finds when they are reduced to a width in pixels, on a grey canvas of 640x480.
- **descriptor, mmod**: dlib's networks on ONNX Runtime and in the installed dlib, one thread each, in fresh processes.
  The least of several calls, and the largest difference between the resulting numbers.
- **detect-face, process-images**: what one caller waits for over HTTP, with queue, database and file storage, and the
  engine called in a separate process, alternating on the same JPEG file. The result is the median of the time that a
  request takes in addition to its own engine time (`Server-Timing`), and the ratio of the totals. `process-images`
  stores the image, searches 1,000 templates, and records faces and matches. A few calls warm up both sides.
- **job**: images of 640 pixels with one face in one asynchronous job, from the request to the last result.
- **screening**: a job of photographs of 1280 pixels with one face and with six, each stored, searched and recorded. It
  is compared with a loop in one process that finds the faces with dlib's CNN, aligns and describes them, and does
  nothing else: on the images as they are, as dlib's examples do, and on doubled images, on which it finds faces half as
  large, as the service does.
- **job of photographs**: 64 photographs of 1280 pixels with one face in one asynchronous job, liveness included, from
  the request to the last result, of which each is stored, searched among 1,000 templates and recorded. The result is
  the processor time of all processes of the service for each image, minus that of the engine alone on the same file,
  in batches as large as those of a worker. The memory is that of the largest worker child.
- **Nextcloud**: `/detect` over HTTP with three callers per worker, and a loop over dlib's own networks in as many
  processes as there are workers: load the file, find faces, place landmarks, compute descriptors. One face, 640 pixels.
  The memory is that of the largest process that analyses images.
- **search**: `search_blacklist` on synthetic vectors of the default space, and a product of all vectors with the face
  in memory (numpy, single precision, one thread). Recall counts the matches within the threshold. *Indexed*: by the
  search index that a list of `FACEAPP_INDEX_FROM` templates or more gets; the recall of the nearest is what the service
  measures to decide whether it uses the index.
- **album**: what a processed image with one face costs in addition to the engine: its neighbours among the album's
  stored faces, its group and the commit; and the answer to which images match it. Synthetic vectors, ten per person. A
  result is right if a known face joins its person's group, or a stranger's face a group of its own.
- **people**: the ten nearest people of one client, which is the database's part of `/people/search`, and the same with
  vectors in memory: a matrix product in single precision on one thread, and the ten largest. Recall counts those ten.
  With a hundred templates the time is that of the round trips to the database; the point is that other clients add
  nothing. Nothing beats memory if everything fits into it and nothing is shared.
- **page**: every page of the console that a route or a link leads to, and lists with filters, for a manager of a client
  with 100,000 screened images, 20,000 hits, 10,000 blacklist entries and 10,000 people, beside another client with
  30,000 images, and with row-level security: seven requests of each in one process, without network and pictures. What
  pages otherwise remember for half a minute is counted for each request. Processor time is that of the process and of
  its session in the database. The queries include those for session, role, client and audit.
- **rotated**: the ten nearest people, searched exactly for the same faces in two clients, one of which stores them as
  they are, in turn. Distances are those of these people.

## Where the time of a photograph goes

The processor time of one photograph of 1280 pixels with one face in a job, by part. The steps of a worker are measured
in a process of their own, in batches of eight. *Align* cuts out what the networks see, *describe* is the recogniser.

{profile}
"""
