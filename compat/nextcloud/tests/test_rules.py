"""The rules of the API, with pictures of squares: fast, and without model weights."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from PIL import Image
from pytest_django.fixtures import DjangoAssertNumQueries, Settings
from rest_framework.test import APIClient

from clients.models import ApiKey, Client, Scope
from clients.services import create_api_key, revoke_api_key
from compat.nextcloud.checks import check_nextcloud
from compat.nextcloud.models import FaceModel, KeyModel
from compat.nextcloud.services import largest_area
from vision.tests.drawing import BLUE, RED, picture

pytestmark = pytest.mark.django_db
CHOSEN = "8Jq0t+gN2/5mVb1xKz7RwLcY4eUa3hDs9pFoTi6nQEk="


@pytest.fixture
def row(client_a: Client) -> ApiKey:
    return create_api_key(client_name=client_a.name, name="cloud", scopes=[Scope.NEXTCLOUD])[0]


@pytest.fixture
def api(client_a: Client) -> APIClient:
    _, key = create_api_key(client_name=client_a.name, scopes=[Scope.NEXTCLOUD])
    return APIClient(headers={"X-API-Key": key})


def key_row(api: APIClient) -> ApiKey:
    return ApiKey.objects.get(prefix=api._credentials.get("x") or api.defaults["HTTP_X_API_KEY"].partition(".")[0])


def upload(data: bytes, name: str = "tmp1") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data, "application/octet-stream")


def detect(api: APIClient, data: bytes, path: str = "/detect") -> Any:
    return api.post(path, {"file": upload(data)}, format="multipart")


def compute(api: APIClient, data: bytes, face: Any) -> Any:
    text = face if isinstance(face, str) else json.dumps(face)
    return api.post("/compute", {"file": upload(data), "face": text}, format="multipart")


@pytest.mark.parametrize(
    "path", ["/open", "/open/", "//open", "/nextcloud/open", "/nextcloud//open/", "//nextcloud/open"]
)
def test_every_form_of_a_path_answers_without_a_redirect(api: APIClient, path: str) -> None:
    response = api.get(f"http://testserver{path}")
    assert response.status_code == 200
    assert response.json() == {"preferred_mimetype": "image/jpeg", "maximum_area": 8294400}
    assert response.headers["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize("path", ["/nextcloud/nothing", "/nextcloud/"])
def test_unknown_path_is_404_in_json(api: APIClient, path: str) -> None:
    assert api.get(path).json() == {"detail": "Not found.", "code": "not_found"}


@pytest.mark.parametrize("accept", ["text/html", "image/png", "*/*", "nonsense"])
def test_answer_is_json_whatever_is_asked_for(api: APIClient, accept: str) -> None:
    assert api.get("/open", headers={"Accept": accept}).json()["maximum_area"] == 8294400


def test_faces_are_counted_and_complete(api: APIClient) -> None:
    body = detect(api, picture(RED, BLUE)).json()
    assert body["faces-count"] == len(body["faces"]) == 2
    for face in body["faces"]:
        assert set(face) == {"left", "top", "right", "bottom", "detection_confidence", "landmarks", "descriptor"}
        assert len(face["landmarks"]) == 5
        assert len(face["descriptor"]) == 128


@pytest.mark.parametrize(
    ("model", "small", "large", "points"),
    [
        (FaceModel.CNN, 1.05, 1.05, 5),
        (FaceModel.CNN_68, 1.05, 1.05, 68),
        (FaceModel.HOG, None, 1.1, 5),
        (FaceModel.CNN_HOG, 1.05 * 0.8, 1.05, 5),
    ],
)
def test_models_differ_in_detector_landmarks_and_confidence(
    api: APIClient, settings: Settings, model: FaceModel, small: float | None, large: float, points: int
) -> None:
    """The fake HOG overlooks squares under 20 pixels."""
    settings.NEXTCLOUD_68_POINTS = True
    KeyModel.objects.create(api_key=key_row(api), model=model)
    for side, expected in ((12, small), (40, large)):
        faces = detect(api, picture(RED, side=side)).json()["faces"]
        assert [face["detection_confidence"] for face in faces] == (
            [] if expected is None else [pytest.approx(expected)]
        )
        assert all(len(face["landmarks"]) == points for face in faces)


def test_area_may_exceed_what_open_says_by_the_apps_own_rounding(api: APIClient, settings: Settings) -> None:
    for width, height in ((3326, 2494), (3527, 2352), (13052, 636)):
        assert width * height <= largest_area(width, height)
    settings.NEXTCLOUD_MAX_AREA = 307_200
    assert largest_area(30_000, 10) >= 30_000 * 10 + 7_300
    assert detect(api, plain(640, 484)).status_code == 200
    response = detect(api, plain(640, 600))
    assert (response.status_code, response.json()["code"]) == (412, "nextcloud.area_too_large")


def test_compute_takes_originals_that_detect_refuses(api: APIClient, settings: Settings) -> None:
    settings.NEXTCLOUD_MAX_AREA = 307_200
    settings.MAX_IMAGE_PIXELS = 400_000
    settings.MAX_IMAGE_BYTES = 100
    face = {"left": 10, "top": 10, "right": 50, "bottom": 50, "detection_confidence": 1.02}
    assert compute(api, plain(1000, 1000), face).status_code == 200
    settings.MAX_ORIGINAL_PIXELS = 900_000
    response = compute(api, plain(1000, 1000), face)
    assert (response.status_code, response.json()["code"]) == (412, "image.too_many_pixels")


def test_compute_echoes_the_face_to_the_letter(api: APIClient) -> None:
    sent = {"right": 61, "left": 20, "bottom": 60, "top": 20, "detection_confidence": 1.0625, "id": 7, "née": "ü"}
    body = compute(api, picture(RED), sent).json()
    face = body["face"]
    assert {name: face[name] for name in sent} == sent
    assert all(type(face[side]) is int for side in ("left", "top", "right", "bottom"))
    found = detect(api, picture(RED)).json()["faces"][0]
    assert face["descriptor"] == found["descriptor"]


@pytest.mark.parametrize(
    "face",
    [
        "", "{", "null", "[1]", '"x"', "1", '{"left": 1}', '{"left":NaN,"top":1,"right":2,"bottom":2}', "[" * 100_000,
        '{"left":1,"top":1,"right":2,"bottom":1e999}', '{"left":true,"top":1,"right":9,"bottom":9}',
        '{"left":1.5,"top":1,"right":9,"bottom":9}', '{"left":"1","top":1,"right":9,"bottom":9}',
        '{"left":9,"top":1,"right":9,"bottom":9}', '{"left":9,"top":1,"right":1,"bottom":9}',
        '{"left":5000,"top":1,"right":5009,"bottom":9}', '{"left":-50,"top":1,"right":-9,"bottom":9}',
        '{"left":1,"top":1,"right":' + "9" * 5000 + ',"bottom":9}',
        '{"left":-900000,"top":1,"right":900000,"bottom":9}',
        '{"left":1,"top":1,"right":9,"bottom":9,"x":"\\ud800"}', '{"left":1,"top":1,"right":9,"bottom":9,"x":1e999}',
    ],
)  # fmt: skip
def test_unusable_face_is_refused(api: APIClient, face: str) -> None:
    response = compute(api, picture(RED), face)
    assert response.status_code == 400, response.content
    assert response.json()["code"] in {"nextcloud.bad_face", "face.outside"}


def test_missing_parts_are_refused(api: APIClient) -> None:
    face = json.dumps({"left": 1, "top": 1, "right": 9, "bottom": 9})
    codes = [
        api.post(path, body, format="multipart").json()["code"]
        for path, body in (
            ("/detect", {}),
            ("/detect", {"file": "text"}),
            ("/detect", {"image": upload(picture(RED))}),
            ("/compute", {"face": face}),
            ("/compute", {"file": upload(picture(RED))}),
            ("/compute", {"file": upload(picture(RED)), "face": upload(face.encode())}),
        )
    ]
    assert codes == ["nextcloud.no_file"] * 4 + ["nextcloud.no_face"] * 2


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"x", "multipart/form-data"),
        (b"x", "multipart/form-data; boundary="),
        (b"--b\r\nbroken", "multipart/form-data; boundary=b"),
        (b"{}", "application/json"),
        (b"", ""),
    ],
)
def test_broken_uploads_are_refused(api: APIClient, body: bytes, content_type: str) -> None:
    assert api.generic("POST", "/detect", body, content_type=content_type).status_code == 400


@pytest.mark.parametrize(
    "disposition",
    [
        'filename=".."', 'filename="../../x"', 'filename="api.key"', 'filename=""', f'filename="{"x" * 5000}"',
        'filename="a\0b"', "filename*=bogus''x", "filename*=utf-8''%ff", "filename*=x", 'filename="C:\\dir\\x"',
    ],
)  # fmt: skip
def test_hostile_file_names_do_no_harm(api: APIClient, disposition: str) -> None:
    head = f'--b\r\nContent-Disposition: form-data; name="file"; {disposition}\r\n\r\n'.encode()
    body = head + picture(RED) + b"\r\n--b--\r\n"
    response = api.generic("POST", "/detect", body, content_type="multipart/form-data; boundary=b")
    assert response.status_code in {200, 400}
    if response.status_code == 200:
        assert not set("/\\") & set(response.json()["filename"])


@pytest.mark.parametrize(
    ("data", "status"),
    [(b"", 400), (b"nothing", 415), (b"%PDF-1.7", 415), (picture(RED)[:100], 422), (picture(RED, kind="GIF"), 200)],
)
def test_status_says_what_is_wrong_with_the_bytes(api: APIClient, data: bytes, status: int) -> None:
    assert detect(api, data).status_code == status


def test_uploads_never_touch_the_disk(api: APIClient, settings: Settings) -> None:
    settings.FILE_UPLOAD_TEMP_DIR = "/nonexistent"
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 0
    assert detect(api, picture(RED)).status_code == 200


def test_other_methods_are_405(api: APIClient) -> None:
    assert {api.get(path).status_code for path in ("/detect", "/compute")} == {405}
    assert {api.post(path).status_code for path in ("/open", "/welcome", "/health")} == {405}


def test_welcome_and_health_want_no_key(settings: Settings) -> None:
    api = APIClient()
    assert api.get("/welcome").json() == {"facerecognition-external-model": "welcome", "version": "1.0.0", "model": 4}
    health = api.get("/health")
    assert (health.content, health.headers["Content-Type"]) == (b"ok", "text/plain")
    settings.NEXTCLOUD_MODEL = 2
    body = api.get("/welcome").json()
    assert "switched off" in body["facerecognition-external-model"]
    assert "model" not in body


# ---- keys ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("headers", [{}, {"X-API-Key": ""}, {"X-API-Key": "wrong"}, {"X-API-Key": CHOSEN}])
def test_without_a_good_key_is_401(db: None, settings: Settings, headers: dict[str, str]) -> None:
    settings.ANONYMOUS_CLIENT = "anybody"
    settings.FAILED_KEY_LIMIT = "1/min"
    for _ in range(3):
        for method, path in (("get", "/open"), ("post", "/detect"), ("post", "/compute")):
            assert getattr(APIClient(headers=headers), method)(path).status_code == 401


def test_refused_keys_count_for_the_other_routes(db: None, settings: Settings, api: APIClient) -> None:
    settings.FAILED_KEY_LIMIT = "2/min"
    wrong = APIClient(headers={"X-API-Key": "wrong"})
    assert [wrong.get("/open").status_code for _ in range(3)] == [401] * 3
    assert wrong.get("/api/v1/people/").status_code == 429
    assert api.get("/open").status_code == 200


def test_key_needs_the_scope(client_a: Client) -> None:
    _, key = create_api_key(client_name=client_a.name, scopes=[Scope.DETECT])
    assert APIClient(headers={"X-API-Key": key}).get("/open").status_code == 403


def test_rate_limits_do_not_hold(api: APIClient, settings: Settings, redis_flush: None) -> None:
    settings.RATE_LIMIT = "1/day"
    assert [detect(api, picture(RED)).status_code for _ in range(4)] == [200] * 4


def test_chosen_key_acts_as_its_client(settings: Settings) -> None:
    settings.NEXTCLOUD_KEY, settings.NEXTCLOUD_CLIENT = CHOSEN, "cloud"
    api = APIClient(headers={"X-API-Key": f" {CHOSEN} "})
    assert [api.get("/open").status_code for _ in range(2)] == [200, 200]
    row = ApiKey.objects.get()
    assert (row.client.name, row.scopes, row.last_used_at is not None) == ("cloud", ["nextcloud"], True)
    assert api.get("/api/v1/jobs/").status_code == 401  # it is for this API alone
    revoke_api_key(key=row)
    assert api.get("/open").status_code == 401
    assert APIClient(headers={"X-API-Key": CHOSEN.lower()}).get("/open").status_code == 401


@pytest.mark.parametrize("key", ["some-super-secret-api-key", "short", "", " ", "a" * 40, "ü" * 10 + "0123456789abc"])
def test_weak_chosen_key_opens_nothing(settings: Settings, key: str) -> None:
    settings.NEXTCLOUD_KEY = key
    assert APIClient(headers={"X-API-Key": key}).get("/open").status_code == 401
    assert bool([problem for problem in check_nextcloud() if problem.id == "nextcloud.E005"]) == bool(key)


def test_settings_that_spoil_faces_are_found(settings: Settings) -> None:
    assert check_nextcloud() == []
    settings.NEXTCLOUD_MODEL, settings.NEXTCLOUD_MAX_AREA, settings.NEXTCLOUD_WAIT_SECONDS = 5, 307_199, 0
    settings.NEXTCLOUD_CLIENT = "not a name"
    assert [problem.id for problem in check_nextcloud()] == [f"nextcloud.E00{n}" for n in (1, 3, 4, 6)]
    settings.NEXTCLOUD_MODEL = 2
    assert check_nextcloud()[0].id == "nextcloud.E002"


# ---- models ----------------------------------------------------------------------------------------------------
def test_first_face_pins_the_model(api: APIClient, settings: Settings) -> None:
    """An image without faces leaves nothing to spoil."""
    settings.NEXTCLOUD_MODEL = 3
    assert detect(api, picture()).json()["faces-count"] == 0
    assert not KeyModel.objects.exists()
    detect(api, picture(RED))
    settings.NEXTCLOUD_MODEL = 1
    assert detect(api, picture(RED)).json()["faces"][0]["detection_confidence"] == 1.1
    assert KeyModel.objects.get(api_key=key_row(api)).computed_at


def test_second_key_of_a_client_continues_with_its_model(api: APIClient, client_b: Client, settings: Settings) -> None:
    settings.NEXTCLOUD_MODEL = 3
    detect(api, picture(RED))
    settings.NEXTCLOUD_MODEL = 1
    confidences = []
    for name in ("alice", "bob"):
        other = APIClient(headers={"X-API-Key": create_api_key(client_name=name, scopes=[Scope.NEXTCLOUD])[1]})
        confidences.append(detect(other, picture(RED)).json()["faces"][0]["detection_confidence"])
    assert confidences == [1.1, pytest.approx(1.05)]


def test_model_that_is_switched_off_ends_the_job_at_open(api: APIClient, settings: Settings) -> None:
    KeyModel.objects.create(api_key=key_row(api), model=FaceModel.CNN_68)
    response = api.get("/open")
    assert (response.status_code, response.json()["code"]) == (503, "nextcloud.model_disabled")


def test_pinned_key_costs_few_queries(api: APIClient, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    detect(api, picture(RED))
    with django_assert_max_num_queries(3):  # the key, its model, and the row of the audit
        detect(api, picture(RED))


def plain(width: int, height: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), (128, 128, 128)).save(buffer, "PNG")
    return buffer.getvalue()


def test_migrations_are_complete() -> None:
    call_command("makemigrations", "nextcloud", check=True, dry_run=True)
