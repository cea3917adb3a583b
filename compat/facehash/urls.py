"""The paths of both generations, with the key in the path or in the form."""

import re

from django.conf import settings
from django.http import HttpRequest
from django.urls import path, re_path

from compat.dialect import Claimed, Dialect
from compat.facehash.paths import KEY, KEY_IN_TEXT
from compat.facehash.views import RecogniseView, TrainView


def may_be_recognition(request: HttpRequest) -> bool:
    """`GET /` is the service's welcome. A browser asks by OPTIONS whether its page may post."""
    return request.method in {"POST", "OPTIONS"}


dialect = Dialect(
    page="docs/facehash.md",
    prefixes=("",),
    routes=[
        path("", Claimed(may_be_recognition, RecogniseView.as_view()), name="facehash-root"),
        path("train", TrainView.as_view(), name="facehash-train"),
        path("recognize", RecogniseView.as_view(), name="facehash-recognise"),
        re_path(rf"^(?P<key>{KEY})\Z", RecogniseView.as_view(), name="facehash-key-root"),
        re_path(rf"^(?P<key>{KEY})/recognize\Z", RecogniseView.as_view(), name="facehash-key-recognise"),
        re_path(rf"^(?P<key>{KEY})/train\Z", TrainView.as_view(), name="facehash-key-train"),
    ],
    strays=[
        re_path(r"^(?P<key>[^/]+)/?\Z", RecogniseView.as_view(), name="facehash-stray-root"),
        re_path(r"^(?P<key>[^/]+)/recognize/?\Z", RecogniseView.as_view(), name="facehash-stray-recognise"),
        re_path(r"^(?P<key>[^/]+)/train/?\Z", TrainView.as_view(), name="facehash-stray-train"),
    ],
    secrets=[KEY_IN_TEXT, *([re.compile(f"(){re.escape(settings.FACEHASH_KEY)}")] if settings.FACEHASH_KEY else [])],
)
