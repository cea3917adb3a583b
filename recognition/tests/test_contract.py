"""The checks DF-01 to DF-36 of the older blacklist server's contract, over HTTP against the whole service.

S1 and S2 show one person, V another, M three people, N nobody, and X is no image.
"""

from __future__ import annotations

import base64
import json
import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from faceapp.tests.live_stack import LiveStack
from recognition.tests.photographs import faceless, side_by_side

pytestmark = [pytest.mark.models, pytest.mark.timeout(600)]

RECORD = {"name", "reason", "id", "added_date", "reference_image_dir"}
RESULT = {
    "image_path_or_identifier", "faces", "error", "db_id", "saved_image_path", "processing_timestamp",
    "has_blacklist_match", "cropped_face_path",
}  # fmt: skip
MATCH = {
    "identity", "target_x", "target_y", "target_w", "target_h", "source_x", "source_y", "source_w", "source_h",
    "threshold", "distance", "aws_similarity", "aws_face_id", "model", "detector_backend", "similarity_metric",
}  # fmt: skip
AREA = {"x", "y", "w", "h", "left_eye", "right_eye", "nose", "mouth_left", "mouth_right"}
X = b"this is not an image"


class Api:
    """A client of its own on the running service."""

    def __init__(self, live: LiveStack, key: str) -> None:
        self.live, self.key = live, key

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = {"X-API-Key": self.key} | options.pop("headers", {})
        return requests.request(
            method, self.live.url + path, headers=headers, timeout=120, allow_redirects=False, **options
        )

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.call("GET", path, **options)

    def enlist(self, name: str, *images: Any, reason: str | None = None) -> requests.Response:
        fields = {"name": name} | ({"reason": reason} if reason is not None else {})
        return self.call("POST", "/api/v1/blacklist/", data=fields, files=parts(*images))

    def add(self, entry: Any, *images: Any) -> requests.Response:
        return self.call("POST", f"/api/v1/blacklist/{entry}/images", files=parts(*images))

    def process(self, *images: Any, **fields: Any) -> requests.Response:
        body = {"images": [data_url(image) if isinstance(image, bytes) else image for image in images]} | fields
        return self.call("POST", "/api/v1/process/process-images", json=body)

    def detect(self, image: Any, **fields: Any) -> requests.Response:
        text = data_url(image) if isinstance(image, bytes) else image
        return self.call("POST", "/api/v1/detect/detect-face", json={"image": text} | fields)


def parts(*images: Any) -> list[tuple[str, tuple[str, bytes, str]]]:
    """Multipart `images`; bytes alone are declared a JPEG named photo.jpg."""
    return [("images", image if isinstance(image, tuple) else ("photo.jpg", image, "image/jpeg")) for image in images]


def data_url(data: bytes, kind: str = "jpeg") -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


@pytest.fixture(scope="module")
def keys(live: LiveStack) -> Iterator[str]:
    """Keys of clients that nobody has used."""
    code = (
        "from clients.services import create_api_key as k; import uuid; "
        "print('\\n'.join(k(client_name='df-' + uuid.uuid4().hex)[1] for _ in range(60)))"
    )
    return iter(live.manage("shell", "--no-imports", "-c", code).stdout.split())


@pytest.fixture
def api(live: LiveStack, keys: Iterator[str]) -> Api:
    return Api(live, next(keys))


@pytest.fixture(scope="module")
def photos() -> dict[str, bytes]:
    from conftest import FACES

    if not FACES.is_dir():
        pytest.skip(f"the test photographs are not at {FACES}")
    read = {name: (FACES / file).read_bytes() for name, file in FILES.items()}
    read["M"] = side_by_side(*(FACES / name for name in ("alex_1.jpg", "biden_2.jpg", "obama_2.jpg")))
    return read | {"N": faceless()}


FILES = {"S1": "obama_2_rgba.png", "S2": "obama_1.jpg", "V": "rose_2.jpg", "jpeg": "obama_3.jpg"}


@pytest.fixture
def entry(api: Api, photos: dict[str, bytes]) -> dict[str, Any]:
    """The person of S1 and S2 is listed from S1."""
    response = api.enlist("Listed", photos["S1"], reason="a reason")
    assert response.status_code == 201, response.text
    return dict(response.json())


def test_df_01_health(api: Api) -> None:
    response = requests.get(api.live.url + "/", timeout=10)
    assert response.status_code == 200
    assert response.json()["message"].startswith("Welcome")


def test_df_02_empty_blacklist(api: Api) -> None:
    response = api.get("/api/v1/blacklist/")
    assert (response.status_code, response.json()) == (200, [])


def test_df_03_create_an_entry_from_a_png_declared_jpeg(api: Api, photos: dict[str, bytes]) -> None:
    response = api.enlist("Listed", photos["S1"], reason="a reason")
    assert response.status_code == 201
    record = response.json()
    assert set(record) >= RECORD
    assert (record["name"], record["reason"], record["reference_image_dir"]) == (
        "Listed", "a reason", str(record["id"]),
    )  # fmt: skip
    assert len(record["added_date"]) == len("2025-05-12T12:00:00")


def test_df_04_same_name_again(api: Api, entry: dict[str, Any], photos: dict[str, bytes]) -> None:
    response = api.enlist("Listed", photos["S2"])
    assert response.status_code == 409
    assert isinstance(response.json()["detail"], str)


def test_df_05_invalid_fields(api: Api, photos: dict[str, bytes]) -> None:
    photo = photos["S1"]
    responses = [
        api.call("POST", "/api/v1/blacklist/", files=parts(photo)),
        api.enlist("", photo),
        api.enlist("n" * 101, photo),
        api.enlist("Name", photo, reason="r" * 256),
        api.call("POST", "/api/v1/blacklist/", files={"name": (None, "Name")}),
    ]
    assert [response.status_code for response in responses] == [422] * 5
    for response in responses:
        assert set(response.json()["detail"][0]) >= {"type", "loc", "msg"}


def test_df_06_no_usable_image(api: Api, photos: dict[str, bytes]) -> None:
    for image in (("a.txt", b"text", "text/plain"), X, photos["N"]):
        assert api.enlist("Free", image).status_code in {400, 422}
    assert api.get("/api/v1/blacklist/").json() == []
    assert api.enlist("Free", photos["S1"]).status_code == 201


def test_df_07_one_of_several_images_is_bad(api: Api, photos: dict[str, bytes]) -> None:
    record = api.enlist("Listed", photos["S1"], ("bad.jpg", X, "image/jpeg"), photos["S2"]).json()
    assert [error.partition(":")[0] for error in record["errors"]] == ["bad.jpg"]
    assert len(api.get(f"/api/v1/blacklist/{record['id']}/images").json()) == 2


def test_df_08_one_entry(api: Api, entry: dict[str, Any]) -> None:
    for slash in ("", "/"):
        response = api.get(f"/api/v1/blacklist/{entry['id']}{slash}")
        assert (response.status_code, response.json()["name"]) == (200, "Listed")
    paths = ["0", "-1", "abc", "99999999"]
    assert [api.get(f"/api/v1/blacklist/{path}/").status_code for path in paths] == [422, 422, 422, 404]


def test_df_09_change_an_entry(api: Api, entry: dict[str, Any], photos: dict[str, bytes]) -> None:
    api.enlist("Taken", photos["V"])
    path = f"/api/v1/blacklist/{entry['id']}/"
    changed = api.call("PUT", path, json={"name": "Renamed", "reason": "other"})
    assert (changed.status_code, changed.json()["name"], changed.json()["reason"]) == (200, "Renamed", "other")
    assert api.call("PUT", path, json={"reason": "x"}).status_code == 422
    assert api.call("PUT", path, json={"name": "Taken"}).status_code == 409
    assert api.call("PUT", "/api/v1/blacklist/99999999/", json={"name": "x"}).status_code == 404


def test_df_10_omitted_reason_becomes_null(api: Api, entry: dict[str, Any]) -> None:
    response = api.call("PUT", f"/api/v1/blacklist/{entry['id']}/", json={"name": "Listed"})
    assert (response.status_code, response.json()["reason"]) == (200, None)


def test_df_11_add_an_image(api: Api, entry: dict[str, Any], photos: dict[str, bytes]) -> None:
    response = api.add(entry["id"], photos["S2"])
    assert response.status_code == 200
    assert isinstance(response.json()["message"], str)
    assert response.json()["errors"] == []


def test_df_12_add_unusable_images(api: Api, entry: dict[str, Any], photos: dict[str, bytes]) -> None:
    text = ("a.txt", b"text", "text/plain")
    assert api.add(entry["id"], text).status_code == 400
    mixed = api.add(entry["id"], photos["S2"], text)
    assert (mixed.status_code, len(mixed.json()["errors"])) == (200, 1)
    assert api.add(99999999, photos["S2"]).status_code == 404
    assert api.call("POST", f"/api/v1/blacklist/{entry['id']}/images", files={"x": b"x"}).status_code == 422


def test_df_13_listed_person_matches(api: Api, entry: dict[str, Any], photos: dict[str, bytes]) -> None:
    response = api.process(photos["S2"])
    assert response.status_code == 200
    [result] = response.json()
    assert set(result) >= RESULT
    assert result["has_blacklist_match"] is True
    [face] = result["faces"]
    assert set(face) >= {"face_index", "facial_area", "confidence", "blacklist_matches"}
    assert set(face["facial_area"]) == AREA
    [match] = face["blacklist_matches"]
    assert set(match) >= MATCH
    folder, number, file = match["identity"].split("/")
    assert (folder, number) == ("blacklist_db", str(entry["id"]))
    assert file.endswith(".png")
    assert 0 <= match["distance"] <= match["threshold"]


def test_df_14_stranger_does_not_match(api: Api, entry: dict[str, Any], photos: dict[str, bytes]) -> None:
    [result] = api.process(photos["V"]).json()
    assert result["has_blacklist_match"] is False
    assert [face["blacklist_matches"] for face in result["faces"]] == [[]]


def test_df_15_match_stands_at_the_right_face(api: Api, entry: dict[str, Any], photos: dict[str, bytes]) -> None:
    [result] = api.process(photos["M"]).json()
    assert [face["face_index"] for face in result["faces"]] == [0, 1, 2]
    assert [len(face["blacklist_matches"]) for face in result["faces"]] == [0, 0, 1]


def test_df_16_no_face(api: Api, entry: dict[str, Any], photos: dict[str, bytes]) -> None:
    [result] = api.process(photos["N"]).json()
    assert (result["faces"], result["error"], result["has_blacklist_match"]) == ([], None, False)


def test_df_17_bad_image_in_a_batch(api: Api, entry: dict[str, Any], photos: dict[str, bytes]) -> None:
    response = api.process(photos["S2"], X, photos["N"], photos["V"])
    assert response.status_code == 200
    results = response.json()
    assert [result["error"] is not None for result in results] == [False, True, False, False]
    assert [len(result["faces"]) for result in results] == [1, 0, 0, 1]
    assert [result["has_blacklist_match"] for result in results] == [True, False, False, False]


def test_df_18_no_list_of_images(api: Api) -> None:
    path = "/api/v1/process/process-images"
    bodies: list[Any] = [{"images": []}, {}, {"images": "text"}]
    assert [api.call("POST", path, json=body).status_code for body in bodies] == [400, 422, 422]
    assert api.call("POST", path, data="{", headers={"Content-Type": "application/json"}).status_code == 422


def test_df_19_threshold(api: Api, entry: dict[str, Any], photos: dict[str, bytes]) -> None:
    assert api.process(photos["S2"], threshold=0.0001).json()[0]["has_blacklist_match"] is False
    [calibrated] = api.process(photos["S2"]).json()
    [zero] = api.process(photos["S2"], threshold=0).json()
    matches = [result["faces"][0]["blacklist_matches"][0] for result in (zero, calibrated)]
    assert matches[0]["threshold"] == matches[1]["threshold"] == 0.6
    assert api.process(photos["V"], threshold=2.0).json()[0]["has_blacklist_match"] is True


def test_df_20_model_metric_and_detector(api: Api, entry: dict[str, Any], photos: dict[str, bytes]) -> None:
    for metric in ("cosine", "euclidean", "euclidean_l2", "angular"):
        [result] = api.process(photos["S2"], model_name="Dlib", distance_metric=metric).json()
        [match] = result["faces"][0]["blacklist_matches"]
        assert (match["model"], match["similarity_metric"]) == ("Dlib", metric)
        [stranger] = api.process(photos["V"], distance_metric=metric).json()
        assert stranger["has_blacklist_match"] is False
    [result] = api.process(photos["S2"], detector_backend="opencv").json()
    assert result["faces"][0]["blacklist_matches"][0]["detector_backend"] == "opencv"
    for unknown in ({"model_name": "X"}, {"distance_metric": "X"}, {"detector_backend": "X"}):
        assert api.process(photos["S2"], **unknown).status_code == 422
    disabled = api.process(photos["S2"], model_name="ArcFace")
    assert disabled.status_code == 422
    assert "Dlib" in disabled.json()["detail"]


def test_df_21_text_forms(api: Api, entry: dict[str, Any], photos: dict[str, bytes]) -> None:
    data = photos["jpeg"]
    bare = base64.b64encode(data).decode()
    forms = [data_url(data), bare, base64.encodebytes(data).decode(), data_url(data, "jpg")]
    results = api.process(*forms).json()
    assert [result["error"] for result in results] == [None] * 4
    distances = {result["faces"][0]["blacklist_matches"][0]["distance"] for result in results}
    assert len(distances) == 1


def test_df_22_server_paths(api: Api) -> None:
    paths = ["/etc/passwd", "file:///etc/passwd", "../../../../etc/passwd", "~/.ssh/id_rsa", "etc/passwd"]
    results = api.process(*paths).json()
    assert all(result["error"] and not result["saved_image_path"] for result in results)
    assert not any("root:" in json.dumps(result) for result in results)
    assert [api.detect(path).status_code for path in paths] == [400] * len(paths)


def test_df_23_urls(api: Api, live: LiveStack) -> None:
    port = live.port
    urls = [
        f"http://127.0.0.1:{port}/healthz", f"http://localhost:{port}/healthz", "http://169.254.169.254/latest/",
        "http://10.0.0.1/", f"http://[::1]:{port}/", f"http://2130706433:{port}/", "https://example.org/a.jpg",
        "ftp://example.org/a.jpg", f"http://user@127.0.0.1:{port}/healthz",
    ]  # fmt: skip
    results = api.process(*urls).json()
    assert all(result["error_code"].startswith("image.") for result in results)
    assert "alive" not in json.dumps(results)


def test_df_24_detect(api: Api, photos: dict[str, bytes]) -> None:
    [face] = api.detect(photos["S1"]).json()
    area = face["facial_area"]
    assert set(area) == AREA
    assert area["w"] > 50
    assert area["h"] > 50
    assert area["left_eye"][0] > area["right_eye"][0]
    for x, y in (area["left_eye"], area["right_eye"]):
        assert area["x"] < x < area["x"] + area["w"]
        assert area["y"] < y < area["y"] + area["h"]
    assert 0 < face["confidence"] <= 1


def test_df_25_detect_several_none_and_no_image(api: Api, photos: dict[str, bytes]) -> None:
    assert len(api.detect(photos["M"]).json()) == 3
    assert api.detect(photos["N"]).json() == []
    assert api.detect(X).status_code == 400
    assert api.detect(photos["S1"], detector_backend="nonsense").status_code == 422


def test_df_26_stored_results(api: Api, entry: dict[str, Any], photos: dict[str, bytes]) -> None:
    api.process(photos["V"])
    api.process(photos["S2"], photos["N"])
    body = api.get("/api/v1/processed-images/").json()
    assert body["total_items"] == 3
    assert set(body) == {"total_items", "items", "limit", "offset"}
    ids = [item["db_id"] for item in body["items"]]
    assert ids == sorted(ids, reverse=True)
    assert all(set(item) >= RESULT and item["processing_timestamp"] for item in body["items"])
    assert [item["has_blacklist_match"] for item in body["items"]] == [False, True, False]


def test_df_27_pages(api: Api, photos: dict[str, bytes]) -> None:
    api.process(*[photos["N"]] * 7)
    page = api.get("/api/v1/processed-images/?limit=5&offset=5").json()
    assert (len(page["items"]), page["total_items"], page["limit"], page["offset"]) == (2, 7, 5, 5)
    for query in ("limit=0", "limit=101", "offset=-1"):
        assert api.get(f"/api/v1/processed-images/?{query}").status_code == 422


def test_df_28_default_page(api: Api) -> None:
    body = api.get("/api/v1/processed-images/").json()
    assert (body["limit"], body["offset"]) == (20, 0)


def test_df_29_delete(api: Api, entry: dict[str, Any]) -> None:
    path = f"/api/v1/blacklist/{entry['id']}/"
    deleted = api.call("DELETE", path)
    assert (deleted.status_code, deleted.json()["id"]) == (200, entry["id"])
    assert api.call("DELETE", path).status_code == 404
    assert api.get(path).status_code == 404
    assert api.get("/api/v1/blacklist/").json() == []


def test_df_30_no_match_after_deletion(api: Api, entry: dict[str, Any], photos: dict[str, bytes]) -> None:
    assert api.process(photos["S2"]).json()[0]["has_blacklist_match"] is True
    api.call("DELETE", f"/api/v1/blacklist/{entry['id']}/")
    assert api.process(photos["S2"]).json()[0]["has_blacklist_match"] is False


def test_df_31_simultaneous_creations(api: Api, photos: dict[str, bytes]) -> None:
    with ThreadPoolExecutor(2) as pool:
        calls = [pool.submit(api.enlist, "Twice", photos["jpeg"]) for _ in range(2)]
    assert sorted(call.result().status_code for call in calls) == [201, 409]
    assert len(api.get("/api/v1/blacklist/").json()) == 1


def test_df_32_health_while_a_batch_is_processed(api: Api, photos: dict[str, bytes]) -> None:
    batch = threading.Thread(target=api.process, args=[photos["jpeg"]] * 50)
    batch.start()
    seconds = []
    while batch.is_alive() and len(seconds) < 200:
        started = time.perf_counter()
        assert requests.get(api.live.url + "/healthz", timeout=10).status_code == 200
        seconds.append(time.perf_counter() - started)
        time.sleep(0.02)
    batch.join()
    assert len(seconds) > 20
    assert statistics.median(seconds) < 0.1


def test_df_33_file_names(api: Api, photos: dict[str, bytes], live: LiveStack) -> None:
    names = ["../../x.png", "..\\x", "/etc/x.png", "n" * 300 + ".png", " ", "ö\u202egpj.exe"]
    entry = api.enlist("Listed", *[(name, photos["jpeg"], "image/jpeg") for name in names]).json()
    images = api.get(f"/api/v1/blacklist/{entry['id']}/images").json()
    assert len(images) == len(names)
    for image in images:
        assert "/" not in image["original_name"]
        assert "\\" not in image["original_name"]
        assert api.call("GET", image["url"].removeprefix(live.url)).content == photos["jpeg"]
    assert not list(live.var.parent.glob("**/x.png"))


def test_df_34_no_server_paths_in_answers(
    api: Api, entry: dict[str, Any], photos: dict[str, bytes], live: LiveStack
) -> None:
    answers = [
        api.process(photos["S2"], X, "/etc/passwd").text,
        api.get("/api/v1/processed-images/").text,
        api.get("/api/v1/blacklist/").text,
        api.get(f"/api/v1/blacklist/{entry['id']}/images").text,
        api.get("/api/v1/jobs/").text,
    ]
    root = str(Path(__file__).resolve().parents[2])
    for answer in answers:
        for path in (str(live.var), root, "/var/", "/home/", "/root/", "/tmp/"):
            assert path not in answer
    assert not json.loads(answers[0])[0]["saved_image_path"].startswith("/")


def test_df_35_preflight(api: Api) -> None:
    def allowed(origin: str) -> str | None:
        headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        response = requests.options(api.live.url + "/api/v1/process/process-images", headers=headers, timeout=10)
        return response.headers.get("Access-Control-Allow-Origin")

    assert allowed("https://app.example.org") == "https://app.example.org"
    assert allowed("https://evil.example.org") is None


def test_df_36_restart(api: Api, entry: dict[str, Any], photos: dict[str, bytes], live: LiveStack) -> None:
    before = api.process(photos["S2"]).json()[0]["faces"]
    stored = api.get("/api/v1/processed-images/").json()
    live.stop()
    live.start()
    assert [record["id"] for record in api.get("/api/v1/blacklist/").json()] == [entry["id"]]
    assert api.get("/api/v1/processed-images/").json() == stored
    assert api.process(photos["S2"]).json()[0]["faces"] == before
