"""The language of pages."""

from __future__ import annotations

import re

from django.http import HttpRequest, HttpResponseBase
from django.middleware.locale import LocaleMiddleware

PAGES = re.compile(r"/+(?:console(?:/|\Z)|\Z)")


class PageLanguage(LocaleMiddleware):
    """The browser's language on the console's pages, if there is one; the API answers everybody in English."""

    def process_request(self, request: HttpRequest) -> None:
        if PAGES.match(request.path_info):
            super().process_request(request)

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        return super().process_response(request, response) if PAGES.match(request.path_info) else response
