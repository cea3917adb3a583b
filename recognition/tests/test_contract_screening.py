"""Checks of the older blacklist server's contract that are about screening, against the whole service."""

from __future__ import annotations

import base64
import json
import statistics
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from faceapp.tests.live_stack import LiveStack
from recognition.tests.contract_api import AREA, MATCH, RESULT, Api, X, data_url

pytestmark = [pytest.mark.models, pytest.mark.timeout(600)]


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
    assert matches[0]["threshold"] == matches[1]["threshold"] == pytest.approx(0.532, abs=1e-3)
    assert api.process(photos["V"], threshold=2.0).json()[0]["has_blacklist_match"] is True


@pytest.mark.usefixtures("real_faces")  # a cascade of another detector has to find the face
def test_df_20_model_metric_and_detector(api: Api, entry: dict[str, Any], photos: dict[str, bytes]) -> None:
    for metric in ("cosine", "euclidean", "euclidean_l2", "angular"):
        [result] = api.process(photos["S2"], model_name="pair128", distance_metric=metric).json()
        [match] = result["faces"][0]["blacklist_matches"]
        assert (match["model"], match["similarity_metric"]) == ("pair128", metric)
        [stranger] = api.process(photos["V"], distance_metric=metric).json()
        assert stranger["has_blacklist_match"] is False
    [result] = api.process(photos["S2"], detector_backend="opencv").json()
    assert result["faces"][0]["blacklist_matches"][0]["detector_backend"] == "opencv"
    for unknown in ({"model_name": "X"}, {"distance_metric": "X"}, {"detector_backend": "X"}):
        assert api.process(photos["S2"], **unknown).status_code == 422
    disabled = api.process(photos["S2"], model_name="ArcFace")
    assert disabled.status_code == 422
    assert "pair128" in disabled.json()["detail"]


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


def test_df_30_no_match_after_deletion(api: Api, entry: dict[str, Any], photos: dict[str, bytes]) -> None:
    assert api.process(photos["S2"]).json()[0]["has_blacklist_match"] is True
    api.call("DELETE", f"/api/v1/blacklist/{entry['id']}/")
    assert api.process(photos["S2"]).json()[0]["has_blacklist_match"] is False


def test_df_32_health_while_a_batch_is_processed(api: Api, photos: dict[str, bytes]) -> None:
    batch = threading.Thread(target=api.process, args=[photos["jpeg"]] * 50)
    batch.start()
    seconds = []
    while batch.is_alive() and len(seconds) < 200:
        started = time.perf_counter()
        assert requests.get(api.live.url + "/healthz", timeout=60).status_code == 200
        seconds.append(time.perf_counter() - started)
        time.sleep(0.02)
    batch.join()
    assert len(seconds) > 20
    assert statistics.median(seconds) < 0.1


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
        response = requests.options(api.live.url + "/api/v1/process/process-images", headers=headers, timeout=60)
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
