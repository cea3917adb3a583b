"""How Azure Face is reached, and what its refusals and the answers of others mean."""

from __future__ import annotations

import logging
import ssl
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from remote.azure import AzureFace, connect
from remote.azure_http import APPLY, MOST_OF_ANSWER, Account, Connection
from remote.exceptions import (
    AccessRefused,
    AnswerUnreadable,
    CertificateRefused,
    CollectionGone,
    ImageRefused,
    NotConfigured,
    QuotaExceeded,
    RemoteError,
    RemoteRefusal,
    RemoteUnavailable,
    Throttled,
)
from remote.tests.conftest import ENDPOINT
from remote.tests.stand_ins.azure import KEY, AzureFaceService
from remote.tests.stand_ins.serving import HTML, Answer, Call, html, serving, session_with
from remote.tests.test_azure import GROUP, OWN, photograph
from vision.tests.drawing import RED
from vision.tests.picture_server import make_certificate


class Saying:
    """A service that gives one answer to every call."""

    def __init__(self, answer: Answer) -> None:
        self.answer, self.seen = answer, list[Call]()

    def handle(self, call: Call) -> Answer:
        self.seen.append(call)
        return self.answer


def refusal(answer: Answer, **account: Any) -> RemoteError:
    connection = Connection(Account(ENDPOINT, KEY, **account), lambda: session_with(Saying(answer)))
    with pytest.raises(RemoteError) as caught:
        AzureFace(connection).drop("g-1")
    assert KEY not in str(caught.value) and "cognitiveservices" not in str(caught.value)
    assert caught.value.__cause__ is None
    return caught.value


def error(status: int, code: str, message: str = "secret detail", **headers: str) -> Answer:
    return Answer.of({"error": {"code": code, "message": message}}, status, **headers)


# ---- refusals ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (error(401, "401"), AccessRefused, "remote.access_refused"),
        (error(401, "PermissionDenied"), AccessRefused, "remote.access_refused"),
        (error(403, "403"), AccessRefused, "remote.access_refused"),
        (error(403, "QuotaExceeded"), QuotaExceeded, "remote.quota_exceeded"),
        (error(400, "LargePersonGroupNotFound"), CollectionGone, None),
        (error(400, "InvalidImage"), ImageRefused, "remote.image_refused"),
        (error(400, "InvalidImageSize"), ImageRefused, "remote.image_refused"),
        (error(400, "FaceNotFound"), RemoteUnavailable, "remote.unavailable"),
        (error(400, "BadArgument"), RemoteRefusal, "remote.refused"),
        (error(404, "404"), RemoteRefusal, "remote.refused"),
        (error(409, "LargePersonGroupTrainingNotFinished"), RemoteUnavailable, "remote.training"),
        (error(409, "ConcurrentOperationConflict"), Throttled, "remote.throttled"),
        (error(429, "429"), Throttled, "remote.throttled"),
        (Answer(429, b"slow down"), Throttled, "remote.throttled"),
        (error(500, "InternalServerError"), RemoteUnavailable, "remote.unavailable"),
        (Answer(503), RemoteUnavailable, "remote.unavailable"),
        (html(500), RemoteUnavailable, "remote.unavailable"),
        (html(502), RemoteUnavailable, "remote.unavailable"),
        (html(200), AnswerUnreadable, "remote.answer_unreadable"),
        (html(403), AnswerUnreadable, "remote.answer_unreadable"),
        (html(404), AnswerUnreadable, "remote.answer_unreadable"),
        (Answer(302, headers={"Location": "https://elsewhere.example.org/"}), AnswerUnreadable, None),
        (Answer.of({"error": "text"}, 400), AnswerUnreadable, "remote.answer_unreadable"),
        (Answer.of(["error"], 400), AnswerUnreadable, "remote.answer_unreadable"),
        (Answer(200, b"x" * (MOST_OF_ANSWER + 1)), AnswerUnreadable, "remote.answer_unreadable"),
    ],
)  # fmt: skip
def test_what_a_refusal_means(answer: Answer, kind: type[RemoteError], code: str | None) -> None:
    if kind is CollectionGone:  # which `drop` takes for done
        connection = Connection(Account(ENDPOINT, KEY), lambda: session_with(Saying(answer)))
        with pytest.raises(CollectionGone):
            list(AzureFace(connection).faces("g-1"))
        return
    found = refusal(answer)
    assert isinstance(found, kind) and (code is None or found.code == code)
    assert "secret" not in found.message and found.is_temporary == isinstance(found, RemoteUnavailable)


@pytest.mark.parametrize("value", ["7", "7 ", "date"])
def test_how_long_to_wait(value: str) -> None:
    header = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True) if value == "date" else value
    found = refusal(error(429, "429", **{"Retry-After": header}))
    assert isinstance(found, Throttled) and found.wait is not None
    assert found.wait == 7.0 if value != "date" else 0 < found.wait <= 60


@pytest.mark.parametrize("value", ["", "soon", "-1", "nan", "Mon, 99 Foo"])
def test_how_long_to_wait_is_unknown(value: str) -> None:
    found = refusal(error(503, "ServerBusy", **{"Retry-After": value}))
    assert isinstance(found, RemoteUnavailable) and found.wait is None
    far = refusal(error(429, "429", **{"Retry-After": "9" * 30}))
    assert isinstance(far, Throttled) and far.wait == 3600.0


# ---- Limited Access ---------------------------------------------------------------------------------------------
def test_limited_access_is_explained(azure: AzureFace, azure_service: AzureFaceService) -> None:
    azure_service.is_limited = True
    azure.ensure(GROUP)
    azure.add(GROUP, photograph(RED), OWN)  # nothing is identified by it, and Azure allows it
    for call in (
        lambda: azure.search(GROUP, photograph(RED), limit=1, score=0),
        lambda: azure.compare(photograph(RED), photograph(RED)),
    ):
        with pytest.raises(AccessRefused, match="Limited Access") as caught:
            call()
        assert caught.value.code == "remote.not_approved" and APPLY in caught.value.message
        assert not caught.value.is_temporary


@pytest.mark.parametrize(
    ("message", "address"),
    [
        ("Please apply at https://aka.ms/face-new?x=1.", "https://aka.ms/face-new?x=1"),
        (
            "See https://learn.microsoft.com/legal/limited-access, please",
            "https://learn.microsoft.com/legal/limited-access",
        ),
        ("Register at https://microsoft.com.evil.example/form", APPLY),
        ("Register at https://aka.ms.evil.example/form", APPLY),
        ("Register at http://aka.ms/form", APPLY),
        ("", APPLY),
    ],
)
@pytest.mark.parametrize("inner", [True, False])
def test_the_address_is_microsofts(message: str, address: str, inner: bool) -> None:
    detail = {"code": "UnsupportedFeature", "message": message}
    body = {"code": "InvalidRequest", "message": "Invalid request", "innererror": detail} if inner else detail
    found = refusal(Answer.of({"error": body}, 403))
    assert found.code == "remote.not_approved" and f"{address}, or" in found.message


# ---- endpoint and key -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "endpoint",
    ["", "faces.example.org", "http://faces.example.org", "ftp://faces.example.org", "https://", "https://u:p@host",
     "https://host?key=1", "https://host#1", "https://host:port", "https://[::1", "http://127.0.0.1:8000",
     "http://localhost.example.org"],
)  # fmt: skip
def test_the_endpoint_is_https(endpoint: str) -> None:
    with pytest.raises(NotConfigured) as caught:
        Connection(Account(endpoint, KEY))
    assert caught.value.code == "remote.not_configured" and KEY not in caught.value.message


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:8000", "http://localhost:8000/", "http://[::1]:8000"])
def test_loopback_needs_a_setting(endpoint: str) -> None:
    Connection(Account(endpoint, KEY, allow_loopback=True))
    with pytest.raises(NotConfigured):
        Connection(Account("http://faces.example.org", KEY, allow_loopback=True))


@pytest.mark.parametrize("key", ["", "two words", "line\nbreak", "schlüssel"])
def test_a_key_that_cannot_be_one(key: str) -> None:
    with pytest.raises(NotConfigured) as caught:
        Connection(Account(ENDPOINT, key))
    assert not key or key not in caught.value.message


def test_the_key_is_shown_nowhere(azure_service: AzureFaceService, caplog: pytest.LogCaptureFixture) -> None:
    assert KEY not in repr(Account(ENDPOINT, KEY)) and KEY not in repr(Connection(Account(ENDPOINT, KEY)))
    with caplog.at_level(logging.DEBUG), serving(azure_service) as url:
        AzureFace(Connection(Account(url, KEY, allow_loopback=True))).ensure(GROUP)
    assert KEY not in caplog.text


def test_a_redirect_does_not_carry_the_key_away() -> None:
    elsewhere = Saying(Answer(200))
    with serving(elsewhere) as url:
        with serving(Saying(Answer(307, headers={"Location": url}))) as redirecting, pytest.raises(AnswerUnreadable):
            AzureFace(Connection(Account(redirecting, KEY, allow_loopback=True))).ensure(GROUP)
        assert elsewhere.seen == []


def test_segments_of_a_path_are_quoted() -> None:
    service = Saying(Answer(200))
    face = AzureFace(Connection(Account(f"{ENDPOINT}/proxied/", KEY), lambda: session_with(service)))
    face.remove("a/../b", ["../c?d"])
    [call] = service.seen
    assert call.path == "/proxied/face/v1.2-preview.1/largepersongroups/a%2F..%2Fb/persons/..%2Fc%3Fd"
    assert call.headers["ocp-apim-subscription-key"] == KEY


def test_settings_make_the_connection(settings: Settings, azure_service: AzureFaceService) -> None:
    settings.AZURE_FACE_KEY, settings.AZURE_FACE_ALLOW_LOOPBACK, settings.REMOTE_READ_SECONDS = KEY, True, 10.0
    with serving(azure_service) as url:
        settings.AZURE_FACE_ENDPOINT = url
        connect().ensure(GROUP)
    assert GROUP in azure_service.groups
    settings.AZURE_FACE_KEY = ""
    with pytest.raises(NotConfigured):
        connect()


# ---- the network ------------------------------------------------------------------------------------------------
def test_a_certificate_that_does_not_verify(
    azure_service: AzureFaceService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = make_certificate(tmp_path, "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with serving(azure_service, context) as url:
        for host in ("127.0.0.1", "localhost"):
            with pytest.raises(CertificateRefused) as caught:
                AzureFace(Connection(Account(url.replace("127.0.0.1", host), KEY))).ensure(GROUP)
            assert caught.value.code == "remote.certificate_refused"
        assert azure_service.calls == []  # and so nobody has seen the key
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        AzureFace(Connection(Account(url.replace("127.0.0.1", "localhost"), KEY))).ensure(GROUP)
    assert GROUP in azure_service.groups


def test_nobody_answers() -> None:
    with serving(Saying(Answer(200))) as url:
        pass
    with pytest.raises(RemoteUnavailable) as caught:
        AzureFace(Connection(Account(url, KEY, allow_loopback=True))).ensure(GROUP)
    assert caught.value.code == "remote.unavailable" and url not in caught.value.message


def test_no_answer_in_time() -> None:
    end = threading.Event()

    class Silent:
        def handle(self, call: Call) -> Answer:
            end.wait(60)
            return Answer(200)

    with serving(Silent()) as url:
        with pytest.raises(RemoteUnavailable):
            AzureFace(Connection(Account(url, KEY, seconds=0.1, allow_loopback=True))).ensure(GROUP)
        end.set()


def test_an_answer_that_trickles_is_given_up() -> None:
    """By the clock, which here is past the end when the first piece arrives."""
    assert refusal(Answer(200, HTML), seconds=-1.0).code == "remote.unavailable"


def test_each_thread_has_its_own_session(azure_service: AzureFaceService) -> None:
    made = []

    def new_session() -> Any:
        made.append(session_with(azure_service))
        return made[-1]

    azure = AzureFace(Connection(Account(ENDPOINT, KEY), new_session))
    threads = [threading.Thread(target=azure.ensure, args=(f"g-{number}",)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    azure.ensure("g-0")
    azure.ensure("g-1")
    assert len(made) == 4 and set(azure_service.groups) == {"g-0", "g-1", "g-2"}
