"""Client of a faceapp service: `FaceApp` for ordinary programs, `AsyncFaceApp` for asyncio, with the same methods.

faces = FaceApp("http://localhost:8000", "my-key")
faces.people.enrol("jane.jpg", name="Jane Doe")
print(faces.people.search("party.jpg").faces[0].name)
"""

from faceapp_client.clients import AsyncFaceApp, FaceApp
from faceapp_client.errors import (
    AnswerLost,
    Conflict,
    ConnectionFailed,
    FaceAppError,
    InvalidInput,
    JobTimeout,
    NoRoom,
    NotFound,
    NotPermitted,
    RateLimited,
    Unavailable,
)
from faceapp_client.progress import ProgressBar
from faceapp_client.retries import Retries

__all__ = [
    "AnswerLost",
    "AsyncFaceApp",
    "Conflict",
    "ConnectionFailed",
    "FaceApp",
    "FaceAppError",
    "InvalidInput",
    "JobTimeout",
    "NoRoom",
    "NotFound",
    "NotPermitted",
    "ProgressBar",
    "RateLimited",
    "Retries",
    "Unavailable",
]
