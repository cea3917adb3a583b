"""Enrolling many photographs of one person in one step."""

from __future__ import annotations

from collections.abc import Sequence

from clients.models import Client
from errors import InvalidInput, Unavailable
from people.enrolment import Identity, store_portraits
from people.gate import require_quality
from people.portraits import read_portrait
from people.records import checked
from people.types import BatchEnrolment, Gate, Portrait, Refusal
from vision import inference
from vision.types import Upload


def enrol_photographs(
    *,
    client: Client,
    uploads: Sequence[Upload],
    external_id: str,
    source: str = "",
    name: str = "",
    replace: bool = False,
    fewest: int = 1,
    gate: Gate | None = None,
) -> BatchEnrolment:
    """Store the faces of several photographs of the person of this client, source and external id, all in one step.

    What cannot be used (no face, several, a poor one, no image) is refused alone; with less than `fewest` usable
    photographs nothing is stored and `person` is None. Searches see the earlier state or the new one, and the new one
    as soon as this returns. `name`, `replace` and `gate` as in `enrol_face`.

    Raises `SourceReserved`, `UnusableValue`, or `Unavailable`.
    """
    fields = checked(external_id=external_id, source=source, **({"name": name} if name else {}))
    read = inference.several(lambda upload: _read(upload, gate), uploads)
    portraits = [item for item in read if isinstance(item, Portrait)]
    refusals = tuple(item for item in read if isinstance(item, Refusal))
    if len(portraits) < max(fewest, 1):
        return BatchEnrolment(None, len(portraits), refusals)
    person, _, _ = store_portraits(Identity(client, None, fields), portraits, replace=replace)
    return BatchEnrolment(person, len(portraits), refusals)


def _read(upload: Upload, gate: Gate | None) -> Portrait | Refusal:
    """An image over which its worker stopped is no reason to refuse the others."""
    try:
        portrait = read_portrait(upload=upload, queue=inference.PATIENT)
        require_quality(face=portrait.face, gate=gate)
    except InvalidInput as error:
        return Refusal(upload.name, error.code, error.message)
    except Unavailable as error:
        if error.code != "engine.worker_lost":
            raise
        return Refusal(upload.name, error.code, error.message)
    return portrait
