"""Screening against a blacklist that a remote service keeps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from celery.exceptions import Retry
from django.test import Client as Browser
from pytest_django.fixtures import Settings

from audit.models import Record
from blacklist.models import BlacklistEntry
from blacklist.services import create_entry, delete_entry, set_active
from clients.models import Client
from clients.services import create_api_key
from people.elsewhere.asking import METRIC
from people.elsewhere.tests.conftest import remote  # noqa: F401  a fixture
from people.elsewhere.tests.counted import Counted
from people.elsewhere.tests.test_calls import run_calls, there
from people.models import Gallery, RemoteCall
from recognition.models import ProcessedImage
from recognition.services import look_up, process, screen_images, screening_options, submit_images
from remote.exceptions import AccessRefused, RemoteUnavailable
from vision.tests.drawing import BLUE, DIM, RED, data_url, picture
from vision.types import Upload
from work.submissions import read_submission

pytestmark = pytest.mark.django_db
MAX_ATTEMPTS = 3  # after which an image is given up whose worker died each time


@pytest.fixture
def entry(client_a: Client, remote: Counted) -> BlacklistEntry:  # noqa: F811
    return create_entry(client=client_a, name="Listed", uploads=[Upload(picture(RED), "a.png")]).entry


def screened(client: Client, *images: bytes, **options: Any) -> list[ProcessedImage]:
    submissions = [read_submission(data_url(image)) for image in images]
    chosen = screening_options(client=client, **options)
    job, _ = screen_images(client=client, submissions=submissions, options=chosen, seconds=1)
    return list(job.images.with_results().order_by("position"))


def names(image: ProcessedImage) -> list[list[str]]:
    return [[match.entry.name for match in face.blacklist_matches] for face in image.faces.all()]


def test_hits_of_a_remote_list(client_a: Client, client_b: Client, entry: BlacklistEntry) -> None:
    listed, stranger, dim = screened(client_a, picture(RED), picture(BLUE), picture(DIM))
    assert [names(one) for one in (listed, stranger, dim)] == [[["Listed"]], [[]], [[]]]
    match = listed.faces.all()[0].blacklist_matches[0]
    assert (match.model, match.metric, match.threshold) == ("aws_rekognition", METRIC, pytest.approx(0.2))
    assert match.aws_similarity == pytest.approx(100, abs=0.1) and match.aws_face_id
    assert match.distance == pytest.approx(0, abs=1e-3)
    assert (listed.threshold, listed.false_match_rate, listed.people) == (pytest.approx(0.2), None, 1)
    row = Record.objects.filter(client_id=client_a.pk, action="screen").last()
    assert row is not None
    set_active(entries=[entry], active=False)
    assert names(screened(client_a, picture(RED))[0]) == [[]]
    set_active(entries=[entry], active=True)
    delete_entry(entry=entry)
    assert names(screened(client_a, picture(RED))[0]) == [[]]  # at once, and there soon
    run_calls()
    assert not there(client_b) and not RemoteCall.objects.exists()


def test_thresholds(client_a: Client, entry: BlacklistEntry) -> None:
    near = picture((195, 20, 20))
    assert names(screened(client_a, near)[0]) == [["Listed"]]
    assert names(screened(client_a, near, threshold=0.0001)[0]) == [[]]
    assert names(screened(client_a, picture(BLUE), threshold=2.0)[0]) == [["Listed"]]
    assert screening_options(client=client_a).metric == METRIC


def test_lists_of_both_kinds(client_a: Client, entry: BlacklistEntry) -> None:
    other = Gallery.objects.create(client=client_a, kind="blacklist", name="other")
    BlacklistEntry.objects.filter(pk=entry.pk)
    create_entry(client=client_a, name="Ours", uploads=[Upload(picture(BLUE), "b.png")])
    moved = BlacklistEntry.objects.get(name="Ours")
    moved.gallery = other
    moved.save()
    moved.face_templates.update(gallery=other)
    assert names(screened(client_a, picture(BLUE))[0]) == [["Ours"]]
    assert names(screened(client_a, picture(RED))[0]) == [["Listed"]]


def test_a_look_up(client_a: Client, entry: BlacklistEntry) -> None:
    found = look_up(client=client_a, data=picture(RED))
    [(listed, hit)] = found.faces[0].hits
    assert listed == entry and hit.there is not None and found.point.metric == METRIC


def test_nobody_is_cleared_by_a_list_that_has_not_arrived(client_a: Client, remote: Counted) -> None:  # noqa: F811
    assert look_up(client=client_a, data=picture(RED)).faces[0].hits == []  # there is none
    remote.fail = AccessRefused("Not yet.")
    create_entry(client=client_a, name="Listed", uploads=[Upload(picture(RED), "a.png")])
    remote.fail = None
    with pytest.raises(RemoteUnavailable):
        look_up(client=client_a, data=picture(RED))
    run_calls()
    assert len(look_up(client=client_a, data=picture(RED)).faces[0].hits) == 1


def test_a_service_that_is_away(client_a: Client, entry: BlacklistEntry, remote: Counted) -> None:  # noqa: F811
    remote.fail = AccessRefused("Not any more.")
    [image] = screened(client_a, picture(RED))
    assert (image.status, image.error_code) == ("failed", "remote.access_refused")
    remote.fail = RemoteUnavailable("Away.")
    with pytest.raises(Retry):  # as long as it takes, and without counting the attempts
        screened(client_a, picture(RED))
    waiting = ProcessedImage.objects.order_by("pk").last()
    assert waiting is not None and (waiting.status, waiting.attempts) == ("processing", 0)


def test_a_job_outlasts_an_outage(
    client_a: Client,
    entry: BlacklistEntry,
    remote: Counted,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every image is screened in the end, however often its task was repeated meanwhile."""
    monkeypatch.setattr("recognition.services.enqueue", lambda *_, **__: None)
    images = [picture(colour) for colour in (RED, BLUE) for _ in range(12)]
    job = submit_images(
        client=client_a,
        submissions=[read_submission(data_url(image)) for image in images],
        options=screening_options(client=client_a),
    )
    ids = list(job.images.order_by("position").values_list("pk", flat=True))
    remote.fail = RemoteUnavailable("Away.")
    for _ in range(MAX_ATTEMPTS + 2):
        with pytest.raises(RemoteUnavailable):
            process(image_ids=ids, task_id="a")
    remote.fail = None
    process(image_ids=ids, task_id="a")
    found = [names(image) for image in job.images.with_results().order_by("position")]
    assert found == [[["Listed"]]] * 12 + [[[]]] * 12
    assert set(job.images.values_list("status", "error_code")) == {("done", "")}


def test_the_answers_of_the_older_service(client_a: Client, entry: BlacklistEntry, settings: Settings) -> None:
    settings.AWS_RESULTS = True
    _, key = create_api_key(client_name=client_a.name, scopes=["all"])
    answer = Browser().post(
        "/api/v1/process/process-images/",
        {"images": [data_url(picture(BLUE, RED)), data_url(picture())]},
        content_type="application/json",
        headers={"X-Api-Key": key},
    )
    assert answer.status_code == 200, answer.content
    both, nobody = answer.json()
    assert nobody["faces"] == [] and both["has_blacklist_match"] is True
    [face] = both["faces"]
    assert (face["face_index"], face["confidence"]) == (0, None)
    area = face["facial_area"]
    assert 0.5 < area["x"] < 1 and area["left_eye"] is None  # the second face, as a part of the image
    [match] = face["blacklist_matches"]
    assert match["identity"] == f"aws_rekognition_external_id:{entry.number}"
    assert match["model"] is match["detector_backend"] is match["similarity_metric"] is None
    assert match["aws_similarity"] == pytest.approx(100, abs=0.1) and match["aws_face_id"]
    assert match["distance"] == pytest.approx((100 - match["aws_similarity"]) / 100, abs=1e-6)
    assert match["distance"] <= match["threshold"] == pytest.approx(0.2)


def test_a_threshold_of_a_job_decides_where_it_is_a_distance(
    client_a: Client,
    entry: BlacklistEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A job that was to be screened here, and whose list has become remote: 0.68 is a score of 32 there."""
    monkeypatch.setattr("recognition.services.enqueue", lambda *_, **__: None)
    options = replace(screening_options(client=client_a, threshold=2.0), metric="cosine")
    job = submit_images(client=client_a, submissions=[read_submission(data_url(picture(BLUE)))], options=options)
    process(image_ids=[image.pk for image in job.images.all()], task_id="a")
    [image] = job.images.with_results()
    assert names(image) == [[]]
