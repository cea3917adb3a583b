"""Tables for people and JSON for programs."""

from __future__ import annotations

import dataclasses
import json
from datetime import date
from typing import Any

from rich.console import Console
from rich.table import Table

from faceapp_client.cli.escaping import cell, json_safe
from faceapp_client.results import (
    ComparedImage,
    DetectedFace,
    EnrolledPerson,
    Enrolment,
    Person,
    Receipt,
    ScreenedImage,
    SearchedFace,
)

UNDECIDED = {"review": "[yellow]review[/yellow]", "not_recognisable": "[yellow]not recognisable[/yellow]"}


def table(*columns: str, right: int) -> Table:
    """A table whose last `right` columns are numbers. Names may be folded, numbers stay whole."""
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for position, title in enumerate(columns):
        numbers = position >= len(columns) - right
        drawn.add_column(title, justify="right" if numbers else "left", no_wrap=numbers, overflow="fold")
    return drawn


def add_detected(rows: Table, title: str, faces: list[DetectedFace]) -> None:
    if not faces:
        rows.add_row(cell(title), "[dim]none[/dim]")
    for number, face in enumerate(faces, 1):
        area = face.facial_area
        place, size = f"{area.x}, {area.y}", f"{area.w} x {area.h}"
        rows.add_row(_first(number, title), str(number), place, size, f"{face.confidence:.2f}")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def add_compared(rows: Table, title: str, result: ComparedImage) -> None:
    found = result.comparison
    assert found is not None
    verdict = "[bold green]yes[/bold green]" if found.matches else UNDECIDED.get(found.decision, "no")
    rows.add_row(cell(title), verdict, _number(found.similarity), _number(found.distance), f"{found.threshold:.2f}")


def add_searched(rows: Table, title: str, faces: list[SearchedFace]) -> None:
    """The candidates of every face; where none matches, the nearest one and how near it comes."""
    if not faces:
        rows.add_row(cell(title), "[dim]none[/dim]")
    for number, face in enumerate(faces, 1):
        if not face.candidates:
            verdict = UNDECIDED.get(face.decision, "")
            rows.add_row(_first(number, title), str(number), "[dim]unknown[/dim]", "", verdict)
        for place, person in enumerate(face.candidates):
            name = cell(person.name or person.external_id or str(person.person_id))
            if person.comparison.matches:
                who, verdict = f"[bold green]{name}[/bold green]", "match"
            else:
                who = f"[dim]{'' if place else 'unknown, nearest is '}{name}[/dim]"
                verdict = UNDECIDED.get(person.comparison.decision, "")
            label = "" if place else str(number)
            rows.add_row(_first(number + place, title), label, who, _number(person.comparison.similarity), verdict)


def add_enrolled(rows: Table, title: str, person: EnrolledPerson, enrolment: Enrolment | None) -> None:
    remarks = []
    if enrolment:
        remarks += [cell(remark.message) for remark in enrolment.remarks]
        names = [cell(other.name or str(other.person_id)) for other in enrolment.duplicates]
        remarks += [f"[yellow]same face as {name}[/yellow]" for name in names]
    rows.add_row(cell(title), str(person.id), cell(person.name), "\n".join(remarks))


def add_screened(rows: Table, title: str, result: ScreenedImage) -> None:
    found = result.matches
    if not found:
        rows.add_row(cell(title), str(len(result.faces)), "[dim]no match[/dim]" if result.faces else "")
    for number, match in enumerate(found, 1):
        name = f"[bold red]{cell(match.entry_name)}[/bold red]"
        faces = str(len(result.faces)) if number == 1 else ""
        rows.add_row(_first(number, title), faces, name, f"{match.distance:.3f}", f"{match.threshold:.2f}")


def add_person(rows: Table, person: Person) -> None:
    texts = [cell(text) for text in (person.name, person.external_id or "", person.source)]
    rows.add_row(str(person.id), *texts, str(person.image_count), f"{person.created_at:%Y-%m-%d}")


def add_receipt(rows: Table, number: int, receipt: Receipt) -> None:
    rows.add_row(str(number), str(receipt.images), str(receipt.templates), receipt.id)


def _first(number: int, title: str) -> str:
    return cell(title) if number == 1 else ""


# ---- JSON -------------------------------------------------------------------------------------------------------
def print_json(console: Console, answers: Any) -> None:
    """One document, whole lines whatever the width of the terminal."""
    text = json.dumps(answers, default=plain, indent=2, ensure_ascii=False)
    console.print(json_safe(text), markup=False, highlight=False, soft_wrap=True)


def plain(value: Any) -> Any:
    """A result as dictionaries, times as ISO texts."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")
