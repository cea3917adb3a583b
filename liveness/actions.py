"""Single actions that frames are to show, without a session: who asks chose the actions, so that they prove little."""

from __future__ import annotations

from collections.abc import Sequence

from audit.services import record, require_searching
from audit.types import Action as Recorded
from clients.models import Client
from liveness.challenge import shown, usual_expression
from liveness.faces import compare, point_of, read_face, read_frames
from liveness.models import Action
from liveness.types import ActionResult
from vision.types import DetectedFace


def check_actions(
    *, client: Client, image: bytes, asked: Sequence[tuple[Action, Sequence[bytes]]]
) -> list[ActionResult]:
    """For each action with its frames, whether they show it, and the person of `image`.

    A frame without a usable face shows nothing. Raises `InvalidImage` or `UnusableFace` for the image,
    `SearchingStopped`, or `Unavailable`.
    """
    require_searching(client.pk)
    reference, point = read_face(data=image), point_of(client=client)
    read = iter(read_frames(frames=[frame for _, frames in asked for frame in frames], only_recognisable=False))
    faces = [[face for face in (next(read) for _ in frames) if isinstance(face, DetectedFace)] for _, frames in asked]
    usual = usual_expression([reference, *(face for of_one in faces for face in of_one)])
    results = [
        ActionResult(
            any(action in shown(face, usual) for face in of_one),
            len(of_one) == len(frames) > 0
            and all(
                face.is_recognisable and compare(face.embeddings, reference.embeddings, point).matches
                for face in of_one
            ),
        )
        for (action, frames), of_one in zip(asked, faces, strict=True)
    ]
    record(Recorded.LIVENESS, client_id=client.pk, results=sum(one.is_shown and one.same_person for one in results))
    return results
