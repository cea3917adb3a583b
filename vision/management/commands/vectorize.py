"""`manage.py vectorize`: embeddings of images as one JSON object, for programs that run an algorithm as a command."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from environment import env, read_regular
from environment.terminal import printable
from errors import FaceAppError, InvalidInput
from vision.engines import DEFAULT, engines
from vision.inference import AnalysisOptions, embed_whole, run_engines
from vision.types import DetectedFace


class Command(BaseCommand):
    help = (
        'Print {"faceVectors": […]}: for each image in its order a list with the embedding of each face, empty where'
        " there is none. Runs by itself, without the service. With PREALIGNED=true each image is taken for one face"
        " that was cut out before, and nothing is searched."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="image files")
        parser.add_argument(
            "--engine", default=DEFAULT, choices=engines.aliases(), help="its alias (default: %(default)s)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        def find(data: bytes, *, alias: str) -> list[DetectedFace]:
            return run_engines(data, AnalysisOptions(aliases=[alias])).faces

        read = embed_whole if env.bool("PREALIGNED", default=False) else find
        vectors = []
        with redirect_stdout(sys.stderr):  # libraries greet on standard output, which is for the answer
            for path in tqdm(options["paths"], unit="image", disable=None):
                faces = self.faces_of(path, read, options["engine"])
                vectors.append([vector.tolist() for face in faces for vector in face.embeddings.values()])
        self.stdout.write(json.dumps({"faceVectors": vectors}))

    def faces_of(self, path: Path, read: Callable[..., list[DetectedFace]], alias: str) -> list[DetectedFace]:
        """No face of an image that cannot be used, which is reported on standard error."""
        try:
            return read(read_regular(path), alias=alias)
        except OSError as error:
            raise CommandError(f"{printable(str(path))}: {error.strerror}") from error
        except InvalidInput as error:
            self.stderr.write(f"{printable(str(path))}: {error.message}")
            return []
        except FaceAppError as error:
            raise CommandError(error.message) from error
