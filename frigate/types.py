"""What the bridge reads and says."""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass
from enum import StrEnum
from threading import Condition
from typing import Any

ID = re.compile(r"\w[\w.-]{0,99}\Z", re.ASCII)  # it becomes a part of addresses
CAMERA = re.compile(r"[^\w.-]", re.ASCII)  # what neither topics nor ids of sensors may hold


@dataclass(frozen=True)
class Seen:
    """A person in front of a camera, as Frigate's message has it.

    `taken_at`: when the best snapshot so far was taken, in seconds; 0 if Frigate does not say. `is_named`: somebody has
    given it a sub label already. `is_over`: the person is gone.
    """

    event: str
    camera: str
    taken_at: float
    has_snapshot: bool
    is_named: bool
    is_over: bool

    @property
    def place(self) -> str:
        """The camera's name as a part of topics."""
        return CAMERA.sub("_", self.camera)


def seen_in(message: Any) -> Seen | None:
    """The person of a message on `<prefix>/events`; None if it is about something else, or not what Frigate sends."""
    after = message.get("after") if isinstance(message, dict) else None
    if not isinstance(after, dict) or after.get("label") != "person" or after.get("false_positive"):
        return None
    event, camera, snapshot = after.get("id"), after.get("camera"), after.get("snapshot")
    if not (isinstance(event, str) and ID.match(event) and isinstance(camera, str) and camera):
        return None
    taken_at = snapshot.get("frame_time") if isinstance(snapshot, dict) else after.get("snapshot_time")
    return Seen(
        event=event,
        camera=camera[:100],
        taken_at=float(taken_at) if isinstance(taken_at, int | float) else 0.0,
        has_snapshot=bool(after.get("has_snapshot")),
        is_named=bool(after.get("sub_label")),
        is_over=message.get("type") == "end",
    )


class Kind(StrEnum):
    """What is said of a snapshot. `SEVERAL`: it shows several faces, so that no name belongs to the event."""

    MATCH = "match"
    REVIEW = "review"
    UNKNOWN = "unknown"
    NOT_RECOGNISABLE = "not_recognisable"
    SEVERAL = "several"
    NO_FACE = "no_face"


@dataclass(frozen=True)
class Finding:
    """What the service has said. The person is that of a match; `name` is the name, else the external id."""

    kind: Kind
    person: int | None = None
    person_uuid: str | None = None
    name: str = ""
    similarity: float | None = None


class Waiting:
    """Events that wait, the newest message of each. Without room the one that has waited longest goes."""

    def __init__(self, most: int) -> None:
        self._most, self._changed = most, Condition()
        self._events: OrderedDict[str, Seen] = OrderedDict()

    def put(self, seen: Seen) -> Seen | None:
        """Returns the one that had to go."""
        with self._changed:
            self._events[seen.event] = seen
            dropped = self._events.popitem(last=False)[1] if len(self._events) > self._most else None
            self._changed.notify()
            return dropped

    def take(self, seconds: float) -> Seen | None:
        """The next one, as soon as there is one; None after so many seconds."""
        with self._changed:
            if not self._changed.wait_for(lambda: bool(self._events), seconds):
                return None
            return self._events.popitem(last=False)[1]
