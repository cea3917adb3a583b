"""Writes one of our networks as a SavedModel for TensorFlow Serving."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from errors import FaceAppError


class Command(BaseCommand):
    help = "Writes a network as the next version of a SavedModel for TensorFlow Serving, which then changes to it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("model", help="pair128, fr512, mobilefacenet192, Dlib, or a network of FACEAPP_NETWORKS")
        parser.add_argument("folder", type=Path, help="the model's base path: TensorFlow Serving's --model_base_path")
        parser.add_argument("--number", type=int, help="the version; default: the one after the newest")

    def handle(self, *, model: str, folder: Path, number: int | None = None, **_: Any) -> None:
        if number is not None and number < 1:
            raise CommandError("A version is a whole number from 1.")
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")  # the model runs on whatever its server has
        from vision.engines.serving.export import ExportFailed, export

        try:
            written = export(model, folder.expanduser(), version=number)
        except FaceAppError as error:
            raise CommandError(error.message) from error
        except ExportFailed as error:
            raise CommandError(f"Nothing was written: {error}.") from error
        self.stdout.write(f"{written}: {model}, compared with ONNX Runtime")
