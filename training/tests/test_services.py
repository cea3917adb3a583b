"""The life of a version: queued, trained, judged, put into use, taken back. The training itself is in test_fit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.db import connection
from django.test import Client as Browser
from django.utils import timezone
from pytest_django.fixtures import Settings

from clients.models import Client
from clients.services import create_api_key
from people.models import FaceTemplate, Person
from people.services import delete_reference_image, enrol_face, erase_faces, erase_person
from people.types import EnrolmentRules, Whom
from training import recognition, services
from training.evaluation import spread
from training.exceptions import GalleryTooSmall, NotReady, TrainingFailed
from training.models import Recogniser, TrainingOptions
from training.network import Network
from training.tests.galleries import enrol
from training.types import Options, Split
from vision.engines import engines
from vision.tests.drawing import BLUE, GREEN, RED, YELLOW, picture
from vision.types import Upload
from work import services as work
from work.models import Status

pytestmark = pytest.mark.django_db

SOURCE = "staff"
COLOURS = {"red": RED, "green": GREEN, "blue": BLUE}


def prototypes(*, parts: Split, options: Options, tell: Callable[[dict[str, Any]], None]) -> Network:
    """A network by hand: the more probable a person, the nearer the average face; strangers are far from all."""
    mean, scale = spread(parts.vectors)
    people = int(parts.labels.max()) + 1
    middles = np.stack([parts.vectors[parts.labels == label].mean(axis=0) for label in range(people)])
    middles = (middles - mean) / scale
    output = np.concatenate([2 * middles.T, np.zeros((len(mean), 1))], axis=1) * 4
    bias = np.concatenate([-(middles**2).sum(axis=1), [-0.3]]) * 4
    tell({"epoch": 1, "loss": 1.0, "accuracy": 0.5, "held_out_loss": 1.1, "held_out_accuracy": 0.4})
    both = np.concatenate([np.eye(len(mean)), -np.eye(len(mean))], axis=1)  # x = relu(x) - relu(-x)
    arrays = (mean, scale, both, np.zeros(2 * len(mean)), np.concatenate([output, -output]), bias)
    return Network(*(np.asarray(array, np.float32) for array in arrays))


@pytest.fixture(autouse=True)
def by_hand(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    monkeypatch.setattr(services, "fit", prototypes)
    settings.TRAINING = settings.TRAINING | {"min_images": 4, "min_people": 2}


@pytest.fixture
def gallery(client_a: Client) -> dict[str, Person]:
    """Three people with eight photographs each, as the fake engine sees them."""
    chance, made = np.random.default_rng(3), {}
    for name, colour in COLOURS.items():
        vectors = np.ones((8, 4), np.float32)
        vectors[:, :3] = np.asarray(colour) / 255 + chance.normal(0, 0.01, (8, 3))
        made[name] = enrol(client_a, source=SOURCE, name=name, vectors=vectors, space=space())
    return made


def space() -> str:
    return engines["default"].space.name


def ask(client: Client) -> Recogniser:
    """Train now: tasks run in place."""
    queued = services.request_training(client=client, source=SOURCE)
    assert queued is not None
    return Recogniser.objects.get(pk=queued.pk)


def people_of(version: Recogniser) -> list[int | None]:
    """Ids of the people whom it knows, in the order of its classes."""
    return list(version.known.values_list("person_id", flat=True))


def who(client: Client, *colours: tuple[int, int, int]) -> list[str]:
    faces = services.recognise(client=client, source=SOURCE, data=picture(*colours))
    return [face.person.name if face.person else "" for face in faces]


def test_a_good_version_is_put_into_use(client_a: Client, gallery: dict[str, Person]) -> None:
    first = ask(client_a)
    assert (first.version, first.status, first.is_active, first.error) == (1, Status.DONE, True, "")
    assert people_of(first) == sorted(person.pk for person in gallery.values())
    assert first.metrics["accuracy"] == first.metrics["nearest_accuracy"] == 1.0
    assert first.curves[0]["epoch"] == 1
    assert who(client_a, RED, BLUE, YELLOW) == ["red", "blue", ""]
    [face] = services.recognise(client=client_a, source=SOURCE, data=picture(RED))
    assert face.version == 1
    assert face.probability is not None and face.probability > 0.9
    assert face.similarity is not None and face.similarity > 0.9


def test_the_next_version_is_swapped_in_and_rolled_back(client_a: Client, gallery: dict[str, Person]) -> None:
    first, second = ask(client_a), ask(client_a)
    assert [r.version for r in Recogniser.objects.active()] == [second.version] == [2]
    services.activate(recogniser=first)
    assert [r.version for r in Recogniser.objects.active()] == [1]
    services.deactivate(recogniser=first)
    assert not Recogniser.objects.active().exists()
    [face] = services.recognise(client=client_a, source=SOURCE, data=picture(RED))
    assert (face.person, face.probability, face.version) == (gallery["red"], None, None)


def test_a_version_worse_than_the_nearest_template_is_never_used(
    client_a: Client, gallery: dict[str, Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = ask(client_a)

    def nobody(**given: Any) -> Network:
        network = prototypes(**given)
        return Network(**vars(network) | {"output_bias": network.output_bias + np.array([0, 0, 0, 500], np.float32)})

    monkeypatch.setattr(services, "fit", nobody)
    worse = ask(client_a)
    assert (worse.status, worse.is_active) == (Status.REJECTED, False)
    assert worse.metrics["accuracy"] < worse.metrics["nearest_accuracy"]
    assert Recogniser.objects.active().get() == kept
    with pytest.raises(NotReady):
        services.activate(recogniser=worse)


def test_the_classifier_has_no_say_about_who_changed_since(client_a: Client, gallery: dict[str, Person]) -> None:
    """Enrolled or retrained a moment ago: the nearest template decides, until the next version is there."""
    version = ask(client_a)
    Recogniser.objects.filter(pk=version.pk).update(min_probability=1.1)  # it accepts nobody
    assert who(client_a, RED, GREEN) == ["", ""]
    new = np.append(np.asarray(YELLOW, np.float32) / 255, np.float32(1))[None]
    enrol(client_a, source=SOURCE, name="yellow", vectors=new, space=space())
    enrol(client_a, source=SOURCE, name="red", vectors=new * 0 + np.float32([0.86, 0.08, 0.08, 1]), space=space())
    assert who(client_a, RED, GREEN, YELLOW) == ["red", "", "yellow"]
    gallery["green"].delete()
    assert who(client_a, GREEN, RED) == ["", "red"]


def test_who_has_few_photographs_is_recognised_but_not_trained(client_a: Client, gallery: dict[str, Person]) -> None:
    new = np.append(np.asarray(YELLOW, np.float32) / 255, np.float32(1))[None]
    yellow = enrol(client_a, source=SOURCE, name="yellow", vectors=new, space=space())
    assert yellow.pk not in people_of(ask(client_a))
    assert who(client_a, YELLOW, RED) == ["yellow", "red"]


def test_small_galleries_are_refused_with_the_reason(client_a: Client, settings: Settings) -> None:
    vectors = np.ones((8, 4), np.float32)
    enrol(client_a, source=SOURCE, name="red", vectors=vectors, space=space())
    with pytest.raises(GalleryTooSmall, match="1 people have 4 images or more; training needs 2"):
        services.request_training(client=client_a, source=SOURCE)
    assert services.request_training(client=client_a, source=SOURCE, by_itself=True) is None


def test_a_clients_options_win_over_the_deployments(client_a: Client, gallery: dict[str, Person]) -> None:
    TrainingOptions.objects.create(client=client_a, epochs=7, dropout=0.0, enabled=False)
    options = services.options_of(client=client_a)
    assert (options.epochs, options.dropout, options.hidden_units, options.enabled) == (7, 0.0, 64, False)
    assert services.request_training(client=client_a, source=SOURCE, by_itself=True) is None
    assert ask(client_a).options["epochs"] == 7


def test_one_training_at_most_waits(
    client_a: Client, gallery: dict[str, Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "enqueue", lambda kind, **sent: None)
    asked = {services.request_training(client=client_a, source=SOURCE) for _ in range(3)}
    assert len(asked) == Recogniser.objects.count() == 1
    [queued] = asked
    assert queued is not None
    assert Recogniser.objects.claim([queued.pk], task_id="one")
    assert not Recogniser.objects.claim([queued.pk], task_id="two")
    assert Recogniser.objects.claim([queued.pk], task_id="one")  # delivered again
    assert services.request_training(client=client_a, source=SOURCE) != queued


def test_failures_are_the_versions_own(
    client_a: Client, gallery: dict[str, Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(**given: Any) -> Network:
        raise TrainingFailed("It ended.")

    monkeypatch.setattr(services, "fit", fails)
    failed = ask(client_a)
    assert (failed.status, failed.error_code, failed.error) == (Status.FAILED, "training.failed", "It ended.")
    monkeypatch.setattr(services, "fit", lambda **given: 1 / 0)
    assert ask(client_a).error_code == "internal"
    assert who(client_a, RED) == ["red"]


def test_the_sweep_gives_back_what_dead_workers_held(
    client_a: Client, gallery: dict[str, Person], monkeypatch: pytest.MonkeyPatch, redis_flush: None
) -> None:
    sent: list[int] = []

    def record(kind: type[Recogniser], *, ids: Iterable[int], queue: str, client: str | None = None) -> None:
        sent.extend(ids)

    monkeypatch.setattr(services, "enqueue", record)
    monkeypatch.setattr(work, "enqueue", record)
    queued = services.request_training(client=client_a, source=SOURCE)
    assert queued is not None
    long_ago = timezone.now() - timedelta(hours=1)
    row = Recogniser.objects.filter(pk=queued.pk)
    row.update(status=Status.PROCESSING, claim="dead", attempts=1, started_at=long_ago)
    work.sweep()
    assert row.get().status == Status.PENDING
    row.update(queued_at=long_ago)
    work.sweep()
    assert sent == [queued.pk, queued.pk]
    row.update(status=Status.PROCESSING, claim="dead", attempts=3, started_at=long_ago)
    work.sweep()
    services.train(recogniser_ids=[queued.pk], task_id="another")
    assert (row.get().status, row.get().error_code) == (Status.FAILED, "training.given_up")


def test_a_version_of_a_dead_worker_goes_when_a_newer_one_waits(
    client_a: Client, gallery: dict[str, Person], monkeypatch: pytest.MonkeyPatch, redis_flush: None
) -> None:
    """Both would learn the same gallery."""
    monkeypatch.setattr(services, "enqueue", lambda kind, **sent: None)
    first = services.request_training(client=client_a, source=SOURCE)
    assert first is not None
    assert Recogniser.objects.claim([first.pk], task_id="dead")
    second = services.request_training(client=client_a, source=SOURCE)
    Recogniser.objects.filter(pk=first.pk).update(started_at=timezone.now() - timedelta(hours=1))
    work.sweep()
    assert Recogniser.objects.get() == second


def test_a_version_that_is_deleted_while_a_picture_is_recognised_has_no_say(
    client_a: Client, gallery: dict[str, Person]
) -> None:
    """As after the erasure of a person, between the choice of the version and the reading of its weights."""
    version = ask(client_a)
    Recogniser.objects.filter(pk=version.pk).update(min_probability=1.1)  # it would accept nobody

    pending = [version]

    def deleting(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if pending and sql.startswith("SELECT") and '"weights"' in sql:
            pending.clear()
            Recogniser.objects.filter(pk=version.pk).delete()
        return execute(sql, *rest)

    with connection.execute_wrapper(deleting):
        [face] = services.recognise(client=client_a, source=SOURCE, data=picture(RED))
    assert (face.person, face.probability, face.version) == (gallery["red"], None, None)


def test_who_is_erased_is_forgotten_by_every_version(
    client_a: Client, gallery: dict[str, Person], monkeypatch: pytest.MonkeyPatch, redis_flush: None
) -> None:
    ask(client_a), ask(client_a)
    assert Recogniser.objects.count() == 2
    receipt = erase_person(person=gallery["blue"])
    assert receipt.count("recognisers") == 2
    [version] = Recogniser.objects.all()
    assert (version.version, version.is_active) == (1, True)
    assert people_of(version) == [gallery["red"].pk, gallery["green"].pk]


@pytest.mark.parametrize("lost", ["faces", "photograph", "replaced"])
def test_photographs_that_go_take_the_classifiers_along(
    client_a: Client, gallery: dict[str, Person], redis_flush: None, lost: str
) -> None:
    old = ask(client_a)
    person = gallery["blue"]
    if lost == "faces":
        erase_faces(person=person)
    elif lost == "photograph":
        delete_reference_image(person=person, image_id=person.reference_images.all()[0].number)
    else:
        whom, rules = Whom(person), EnrolmentRules(replace=True)
        enrol_face(client=client_a, upload=Upload(picture(BLUE), "a.png"), whom=whom, rules=rules)
    assert not Recogniser.objects.filter(uuid=old.uuid)
    services.recognise(client=client_a, source=SOURCE, data=picture(RED))


def test_faces_that_are_erased_during_the_training_are_not_stored(
    client_a: Client, gallery: dict[str, Person], monkeypatch: pytest.MonkeyPatch, redis_flush: None
) -> None:
    blue = [gallery["blue"]]

    def erasing(**parts: Any) -> Network:
        if blue:
            erase_faces(person=blue.pop())
        return prototypes(**parts)

    monkeypatch.setattr(services, "fit", erasing)
    version = ask(client_a)
    assert (version.status, version.images) == (Status.DONE, 16)
    assert people_of(version) == [gallery["red"].pk, gallery["green"].pk]


@pytest.mark.django_db(transaction=True)
def test_a_person_who_is_erased_while_the_gallery_is_read_is_not_learned(
    client_a: Client, gallery: dict[str, Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = services.read_gallery

    def erasing(**options: Any) -> Any:
        read = real(**options)
        Person.objects.filter(pk=gallery["blue"].pk).delete()
        return read

    monkeypatch.setattr(services, "read_gallery", erasing)
    version = ask(client_a)
    assert (version.status, version.images) == (Status.DONE, 16)
    assert people_of(version) == [gallery["red"].pk, gallery["green"].pk]


def test_old_versions_go(client_a: Client, gallery: dict[str, Person], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "KEPT_VERSIONS", 2)
    first = ask(client_a)
    for _ in range(4):
        ask(client_a)
    with pytest.raises(NotReady):
        services.activate(recogniser=first)
    assert sorted(Recogniser.objects.values_list("version", flat=True)) == [4, 5]


def test_asking_costs_a_fixed_number_of_queries(
    client_a: Client,
    gallery: dict[str, Person],
    monkeypatch: pytest.MonkeyPatch,
    django_assert_max_num_queries: Any,
) -> None:
    monkeypatch.setattr(recognition, "CHECK_SECONDS", float("inf"))  # another query every half minute
    ask(client_a)
    data = picture(RED, GREEN, BLUE, YELLOW)
    services.recognise(client=client_a, source=SOURCE, data=data)
    # One counts the people of the gallery, one looks for its index, one for a respace.
    with django_assert_max_num_queries(17):
        services.recognise(client=client_a, source=SOURCE, data=data)
    assert FaceTemplate.objects.count() == 24


# ---- API -------------------------------------------------------------------------------------------------------
def test_the_api_trains_lists_and_rolls_back(client_a: Client, gallery: dict[str, Person], browser: Browser) -> None:
    for _ in range(2):
        queued = browser.post("/api/v1/recognisers/train", {"source": SOURCE}, "application/json")
        assert queued.status_code == 202
    listed = browser.get("/api/v1/recognisers/", {"source": SOURCE}).json()
    assert [(item["version"], item["is_active"]) for item in listed["items"]] == [(2, True), (1, False)]
    assert browser.get("/api/v1/recognisers/", {"source": "other"}).json()["total_items"] == 0
    older = listed["items"][1]["id"]
    assert browser.post(f"/api/v1/recognisers/{older}/activate").json()["is_active"] is True
    detail = browser.get(f"/api/v1/recognisers/{older}/").json()
    assert (detail["is_active"], detail["curves"][0]["epoch"]) == (True, 1)
    assert "weights" not in detail
    assert browser.post(f"/api/v1/recognisers/{older}/deactivate").json()["is_active"] is False
    small = browser.post("/api/v1/recognisers/train", {"source": "nobody"}, "application/json")
    assert (small.status_code, small.json()["code"]) == (409, "training.too_small")
    assert browser.get("/api/v1/recognisers/999999/").status_code == 404


@pytest.fixture
def browser(client_a: Client) -> Browser:
    return Browser(headers={"X-API-Key": create_api_key(client_name=client_a.name)[1]})


# ---- admin -----------------------------------------------------------------------------------------------------
def test_the_admin_shows_curves_and_rolls_back(
    client_a: Client, gallery: dict[str, Person], admin_client: Browser
) -> None:
    first, second = ask(client_a), ask(client_a)
    listed = admin_client.get("/admin/training/recogniser/").content.decode()
    assert "100.0\N{NO-BREAK SPACE}%" in listed
    page = admin_client.get(f"/admin/training/recogniser/{second.pk}/change/").content.decode()
    assert page.count("<polyline") == 4
    assert "Made-up strangers rejected" in page
    admin_client.post("/admin/training/recogniser/", {"action": "activate", "_selected_action": [first.pk]})
    assert Recogniser.objects.active().get() == first
    admin_client.post("/admin/training/recogniser/", {"action": "deactivate", "_selected_action": [first.pk]})
    assert not Recogniser.objects.active().exists()
    admin_client.post("/admin/training/recogniser/", {"action": "train_again", "_selected_action": [first.pk]})
    assert Recogniser.objects.active().get().version == 3
    assert admin_client.get("/admin/training/trainingoptions/add/").status_code == 200
