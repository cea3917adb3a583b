"""What is recorded: actions, and the galleries that a search looked at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import TextChoices


class Action(TextChoices):
    """Everything that the audit knows. A new action is a migration, and a row in docs/audit.md."""

    SEARCH = "search", "Searched (1:N)"
    VERIFY = "verify", "Verified a person (1:1)"
    COMPARE = "compare", "Compared images (1:1)"
    SCREEN = "screen", "Screened images"
    MATCH = "match", "Matched the images of an album"
    DETECT = "detect", "Computed embeddings of faces"
    LIVENESS = "liveness", "Checked liveness"
    VIEW = "view", "Viewed a photograph"
    ENROL = "enrol", "Enrolled faces"
    CREATE = "create", "Created"
    CHANGE = "change", "Changed"
    MERGE = "merge", "Merged groups or people"
    SPLIT = "split", "Split a group or a person"
    DECIDE = "decide", "Decided a hit"
    TRAIN = "train", "Trained a recogniser"
    EXPORT = "export", "Exported"
    IMPORT = "import", "Imported"
    ERASE = "erase", "Erased"
    LOGIN = "login", "Logged in"
    FAILED_LOGIN = "failed_login", "Failed to log in"
    LOGOUT = "logout", "Logged out"
    KEY_MADE = "key_made", "Made an API key or path token"
    KEY_REVOKED = "key_revoked", "Revoked an API key or path token"
    KEY_CHANGED = "key_changed", "Changed an API key"
    KEY_ROTATED = "key_rotated", "Replaced an API key"
    ROLE_CHANGED = "role_changed", "Changed what a user may do"
    SETTINGS_CHANGED = "settings_changed", "Changed settings"
    STOP = "stop", "Stopped all searching"
    GO = "go", "Let searching go on"


class Erased(TextChoices):
    """What a receipt is about."""

    PERSON = "person", "A person"
    FACES = "faces", "The faces of a person, whose record stays"
    PHOTOGRAPHS = "photographs", "Single photographs"
    ENTRY = "entry", "A blacklist entry"
    ALBUM = "album", "An album with its images"
    ALBUM_IMAGE = "album_image", "An image of an album"
    SCREENED_IMAGE = "screened_image", "A screened image"
    FOUND = "found", "Faces found by a search for an erased person"
    RESET = "reset", "Everything that a client had stored"
    CLIENT = "client", "A client with everything it had stored"


SEARCHING = frozenset({Action.SEARCH, Action.VERIFY, Action.COMPARE, Action.SCREEN, Action.MATCH})


@dataclass(frozen=True)
class Searched:
    """Where a search looked, and how strictly.

    `people` is how many people the galleries held. `version` is a short hash that changes with every photograph that
    the client enrols, with the number of people, and with the galleries; it does not change when a single photograph
    is removed.
    """

    galleries: tuple[int, ...] = ()
    people: int | None = None
    version: str = ""
    space: str = ""
    threshold: float | None = None


@dataclass(frozen=True)
class Finding:
    """Something that a verification found. A `note` does not make the audit invalid."""

    client_id: int | None
    kind: str
    text: str
    is_note: bool = False

    def __str__(self) -> str:
        owner = "deployment" if self.client_id is None else f"client {self.client_id}"
        return f"{owner}: {self.kind}: {self.text}"


@dataclass(frozen=True)
class Verified:
    """What was checked. `heads` is the last seal of each chain, to be written down elsewhere."""

    records: int
    seals: int
    unsealed: int
    heads: dict[int | None, str]
    findings: tuple[Finding, ...]
    oldest_unsealed: datetime | None = None

    @property
    def is_intact(self) -> bool:
        return all(finding.is_note for finding in self.findings)
