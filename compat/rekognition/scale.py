"""Our similarity, 0 to 1, as Rekognition's, 0 to 100, and back: `remote.scores`. Published in docs/rekognition.md."""

from __future__ import annotations

from remote.scores import REKOGNITION

to_aws, from_aws = REKOGNITION.score_of, REKOGNITION.similarity_of
