"""Every back end with a service behind it that recognises real faces, for tests that hold for all of them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

from botocore.config import Config

from compat.rekognition.tests.wire import QUICK, client_for
from faceapp.tests.live_stack import LiveStack
from remote.aws import Rekognition
from remote.azure import AzureFace
from remote.azure_http import Account, Connection
from remote.contract import Abilities, RemoteBackend, RemoteFace
from remote.fitting import fitted
from remote.scores import Scale
from remote.tests.stand_ins.azure import KEY, AzureFaceService
from remote.tests.stand_ins.faces import Recogniser
from remote.tests.stand_ins.rekognition import ACCESS_KEY, SECRET, RekognitionService
from remote.tests.stand_ins.serving import serving

STAND_INS = ("rekognition", "azure")
CASES = (*STAND_INS, "own endpoint")
MAKE_KEY = (
    "import uuid; from clients.services import create_api_key as k; "
    "from compat.rekognition.secrets import make_secret; "
    "row, _ = k(client_name='remote-' + uuid.uuid4().hex); print(row.prefix, make_secret(key=row))"
)
LAG = 2  # reads that do not see a new face


@dataclass
class Case:
    """A back end, and the stand-in that it calls, where it is one. `new_collection` gives an empty one."""

    name: str
    backend: RemoteBackend
    service: AzureFaceService | RekognitionService | None = None
    collections: list[str] = field(default_factory=list)

    @property
    def abilities(self) -> Abilities:
        return self.backend.abilities

    @property
    def scale(self) -> Scale:
        return Scale(point=self.abilities.score_at_point, largest=self.abilities.largest_score)

    def new_collection(self) -> str:
        name = f"c-{uuid.uuid4()}"
        self.backend.ensure(name)
        self.collections.append(name)
        return name

    def enrol(self, collection: str, *portraits: bytes) -> list[RemoteFace]:
        """New faces with ids of ours, once they are found."""
        faces = [
            self.backend.add(collection, fitted(one, self.abilities), str(uuid.uuid4()), is_first=True)
            for one in portraits
        ]
        self.backend.train(collection)
        for _ in range(LAG + 1):
            if set(faces) <= set(self.backend.faces(collection)):
                return faces
        raise AssertionError("enrolled faces do not appear")

    def similarities(self, collection: str, image: bytes) -> dict[str, float]:
        """By our own ids, on our scale."""
        hits = self.backend.search(collection, fitted(image, self.abilities), limit=100, score=0.0)
        return {hit.face.own_id: self.scale.similarity_of(hit.score) for hit in hits}


@contextmanager
def rekognition(recogniser: Recogniser, *, lag: int = LAG) -> Iterator[Case]:
    service = RekognitionService(recogniser, lag=lag, page=2)
    with serving(service) as url:
        yield Case("rekognition", Rekognition(client_for(url, ACCESS_KEY, SECRET, config=QUICK)), service)


@contextmanager
def azure(recogniser: Recogniser) -> Iterator[Case]:
    service = AzureFaceService(recogniser, looks=2)
    with serving(service) as url:
        connection = Connection(Account(url, KEY, seconds=60.0, allow_loopback=True))
        yield Case("azure", AzureFace(connection, pause=lambda seconds: None), service)


def own_endpoint(live: LiveStack) -> Case:
    """Ours, as programs of AWS call it."""
    access_key, secret = live.manage("shell", "--no-imports", "-c", MAKE_KEY).stdout.split()
    return Case("own endpoint", Rekognition(client_for(live.url, access_key, secret, config=Config())))


MAKERS: dict[str, Callable[..., AbstractContextManager[Case]]] = {"rekognition": rekognition, "azure": azure}
