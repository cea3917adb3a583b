"""CompreFace's paths, with and without a slash at their end; names of subjects may hold slashes."""

from __future__ import annotations

import re
from typing import Any

from django.urls import URLPattern, re_path

from compat.compreface import one_image as images
from compat.compreface import recognition as r
from compat.compreface.views import ConfigView, ConsistenceView, UnknownPathView
from compat.dialect import Dialect

API = "api/v1"
ID = r"(?P<uuid>[^/]+)"


def route(path: str, view: Any, name: str) -> URLPattern:
    pattern: URLPattern = re_path(rf"^{API}/{path}/?\Z", view.as_view(), name=f"compreface-{name}")
    return pattern


dialect = Dialect(
    page="docs/compreface.md",
    prefixes=("compreface/", ""),
    routes=[
        route("recognition/subjects", r.SubjectsView, "subjects"),
        route(r"recognition/subjects/(?P<subject>.+?)", r.SubjectView, "subject"),
        route("recognition/faces", r.ExamplesView, "faces"),
        route("recognition/faces/delete", r.DeleteExamplesView, "faces-delete"),
        route(f"recognition/faces/{ID}", r.ExampleView, "face"),
        route(f"recognition/faces/{ID}/img", r.ExampleImageView, "face-image"),
        route(f"recognition/faces/{ID}/verify", r.VerifyExampleView, "face-verify"),
        route("recognition/recognize", r.RecogniseView, "recognise"),
        route("recognition/embeddings/recognize", r.RecogniseEmbeddingsView, "embeddings-recognise"),
        route(f"recognition/embeddings/faces/{ID}/verify", r.VerifyEmbeddingsView, "embeddings-face-verify"),
        route("detection/detect", images.DetectView, "detect"),
        route("verification/verify", images.VerifyView, "verify"),
        route("verification/embeddings/verify", images.VerifyEmbeddingsView, "embeddings-verify"),
        route(rf"static/(?P<key>[^/]+)/images/{ID}", r.StaticImageView, "static"),
        route("config", ConfigView, "config"),
        route("consistence/status", ConsistenceView, "consistence"),
        route("(?:recognition|detection|verification)(?:/.*)?", UnknownPathView, "unknown"),
    ],
    secrets=[re.compile(r"(\bapi/+v1/+static/+)[^/?\s]+")],
)
