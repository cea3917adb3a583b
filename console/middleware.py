"""The language of pages."""

from __future__ import annotations

import re
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import patch_vary_headers

PAGES = re.compile(r"/+(?:(?:console|login|choose-client)(?:/|\Z)|\Z)")


class PageLanguage:
    """The console and the login speak the language that was chosen (`login.urls`), or that of the browser.

    Everything else, such as the API and the admin, is in English for everybody, whatever the browser asks for. The
    language ends with the request: the next one in the same thread begins without it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        is_page = PAGES.match(request.path_info)
        language = translation.get_language_from_request(request) if is_page else settings.LANGUAGE_CODE
        with translation.override(language):
            response = self.get_response(request)
        if is_page and response.get("Content-Type", "").startswith("text/html"):
            response.headers.setdefault("Content-Language", language)
            patch_vary_headers(response, ("Accept-Language", "Cookie"))
        return response
