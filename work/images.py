"""Analysing the stored files of several claimed images in one go."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TypeVar

from errors import FaceAppError, Unavailable
from storage.files import read_file
from vision import inference
from vision.exceptions import EmbedderUnavailable
from vision.inference import AnalysisOptions
from vision.types import Analysis
from work.models import ClaimedImage
from work.queues import must_make_way

Row = TypeVar("Row", bound=ClaimedImage)


def analyse_files(rows: Sequence[Row], options: AnalysisOptions) -> list[tuple[Row, Analysis | FaceAppError]]:
    """The analysis of each image, or why there is none, for the first and as many more as may be worked on now.

    Images that a server of networks did not describe are left for later. Raises `Unavailable` if the store does not
    answer for the first, and `EmbedderUnavailable` if that server describes none.
    """
    started, begun = time.monotonic(), list[Row]()
    unread: dict[int, FaceAppError] = {}

    def files() -> Iterator[bytes]:
        for row in rows:
            if begun and must_make_way(started):
                return
            try:
                data = read_file(file=row.image)  # type: ignore[attr-defined]
            except Unavailable:
                if not begun:
                    raise
                return
            except FaceAppError as error:
                begun.append(row)
                unread[row.pk] = error
            else:
                begun.append(row)
                yield data

    analyses = iter(inference.run_engines_on(files(), options))
    outcomes = [(row, unread.get(row.pk) or next(analyses)) for row in begun]
    described = [(row, outcome) for row, outcome in outcomes if not isinstance(outcome, EmbedderUnavailable)]
    away = [outcome for _, outcome in outcomes if isinstance(outcome, EmbedderUnavailable)]
    if away and not described:
        raise away[0]
    return described
