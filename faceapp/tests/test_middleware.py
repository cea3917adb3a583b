"""What every answer has in common."""

from __future__ import annotations

import gzip
import logging
from io import BytesIO
from typing import Any

import pytest
from django.core.wsgi import get_wsgi_application
from django.test import Client as Browser
from django.test import RequestFactory


def exchange(method: str, path: str) -> tuple[str, dict[str, str], bytes]:
    """Status, headers and body as the server gets them; Django's test client would cut the body of HEAD itself."""
    answer: list[Any] = []
    environ = RequestFactory().generic(method, path, headers={"X-Request-ID": "of-the-test"}).environ | {
        "wsgi.input": BytesIO()
    }  # type: ignore[attr-defined]
    parts = get_wsgi_application()(environ, lambda status, headers, exc=None: answer.extend((status, dict(headers))))  # type: ignore[arg-type, return-value]
    return answer[0], answer[1], b"".join(parts)


@pytest.mark.parametrize("path", ["/health", "/healthz", "/nextcloud/health/", "/", "/nowhere", "/api/v1/nowhere"])
@pytest.mark.django_db
def test_head_is_answered_with_the_headers_of_get_and_no_body(path: str) -> None:
    status, headers, body = exchange("GET", path)
    assert body and headers["Content-Length"] == str(len(body))
    assert exchange("HEAD", path) == (status, headers, b"")


def test_a_foreign_host_is_one_line_of_warning(caplog: pytest.LogCaptureFixture) -> None:
    response = Browser().get("/healthz", headers={"Host": "scanner.example"})
    assert response.status_code == 400
    [record] = [one for one in caplog.records if one.name == "django.security.DisallowedHost"]
    assert (record.levelno, record.levelname, record.exc_info) == (logging.WARNING, "WARNING", None)
    assert "scanner.example" in record.getMessage()
    assert "Traceback" not in caplog.text and "ERROR" not in caplog.text


def test_pages_are_compressed_and_answers_of_the_api_are_not(admin_client: Browser) -> None:
    compressed = admin_client.get("/admin/recognition/processedimage/", headers={"Accept-Encoding": "gzip"})
    assert compressed["Content-Encoding"] == "gzip"
    plain = admin_client.get("/admin/recognition/processedimage/")
    assert b"Screened images" in gzip.decompress(compressed.content)
    assert len(compressed.content) < len(plain.content) / 3
    answer = admin_client.get("/api/schema/", headers={"Accept-Encoding": "gzip"})
    assert answer.status_code == 200 and "Content-Encoding" not in answer
