"""Values that liveness checks take and return."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from calibration.types import OperatingPoint
from clients.models import LivenessPolicy
from vision.engines import DEFAULT
from vision.types import Embedding

Embeddings = Mapping[str, Embedding]  # of one face, by the name of the space


@dataclass(frozen=True)
class Policy:
    """What counts. `demanded`: the policy was set by an administrator, so a call without frames falls short of it."""

    kind: LivenessPolicy
    demanded: bool

    @property
    def frames(self) -> bool:
        return self.kind != LivenessPolicy.PASSIVE

    @property
    def passive(self) -> bool:
        return self.kind != LivenessPolicy.FRAMES


@dataclass(frozen=True)
class PassiveResult:
    """How much a face looks like a picture of a face: `fake_prob` 0 to 100, five decimals."""

    fake_prob: float
    is_fake: bool


@dataclass(frozen=True)
class FrameResult:
    """One frame. `reasons` are the codes of why it does not count as evidence of a living person under the policy.

    `error` is the code of why it could not be read or shows no face; `similarity` is that with the reference.
    """

    reasons: list[str]
    same_person: bool = False
    similarity: float | None = None
    passive: PassiveResult | None = None
    repeated: bool = False
    error: str = ""

    @property
    def counts(self) -> bool:
        return not self.reasons


@dataclass(frozen=True)
class FramesResult:
    """The answer of `check_frames`. `reasons` are the codes of why `is_live` is false; empty when it is true."""

    is_live: bool
    reasons: list[str] = field(default_factory=list)
    frames: list[FrameResult] = field(default_factory=list)
    passive: PassiveResult | None = None  # of the image taken now
    policy: Policy | None = None


@dataclass(frozen=True)
class ActionResult:
    """Frames that were to show an action: whether one of them does, and whether all show the person of the image."""

    is_shown: bool
    same_person: bool


@dataclass(frozen=True)
class FrameRules:
    """How frames are decided: in the space of the engine `alias`, at `point` (None: the client's operating point).

    `min_frames` of them must show the person; 0 means three of five.
    """

    min_frames: int = 0
    alias: str = DEFAULT
    point: OperatingPoint | None = None


@dataclass(frozen=True)
class Binding:
    """What a token must have been made for: the purpose, the person (`subject`) and one of `sources`.

    Several sources are the names of one gallery; a session without a source has the empty one.
    """

    purpose: str
    subject: str
    sources: Collection[str] = ("",)


@dataclass(frozen=True)
class SessionResult:
    """A passed session: the token that endpoints accept instead of frames, once, until it expires."""

    token: str
    token_expires_at: datetime
