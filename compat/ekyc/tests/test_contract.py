"""The contract of the older eKYC service, check by check, against the running service with real weights."""

from __future__ import annotations

import base64
import io
import signal
import struct
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psutil
import pytest
import requests
from PIL import Image

from compat.ekyc.tests.wire import Ekyc, text
from faceapp.tests.live_stack import eventually

pytestmark = pytest.mark.models
Photos = dict[str, bytes]
COMPARISON = {
    "status", "msg", "message", "compare_result", "similator_percent", "feature_vector", "is_live", "liveness_reasons",
}  # fmt: skip


def refusal(response: requests.Response) -> tuple[int, str]:
    """HTTP status and text of a call that fails; the human text is there under both names."""
    body = response.json()
    assert body["msg"] and body["message"] and body["code"], body
    return response.status_code, body["status"]


# ---- /check-2-face ----------------------------------------------------------------------------------------------
def test_ek_01_one_person_matches(ekyc: Ekyc, people: Photos) -> None:
    answer = ekyc.compare(people["P1a"], people["P1b"])
    assert set(answer) == COMPARISON
    assert (answer["compare_result"], answer["feature_vector"]) == ("MATCH", [])
    assert 0.7 < answer["similator_percent"] <= 1


def test_ek_02_two_people_do_not(ekyc: Ekyc, people: Photos) -> None:
    answer = ekyc.compare(people["P1a"], people["P2"])
    assert (answer["compare_result"], answer["is_live"]) == ("DO_NOT_MATCH", None)
    assert answer["similator_percent"] < 0.7


def test_ek_03_one_photograph_twice(ekyc: Ekyc, people: Photos) -> None:
    answer = ekyc.compare(people["P1a"], people["P1a"])
    assert answer["compare_result"] == "MATCH" and answer["similator_percent"] >= 0.99


@pytest.mark.usefixtures("real_faces")  # copies of one photograph are no frames of a camera
def test_ek_04_frames_of_the_person(ekyc: Ekyc, people: Photos) -> None:
    answer = ekyc.compare(people["P1a"], people["P1b"], people["P1c"], people["P1d"])
    assert (answer["compare_result"], answer["is_live"]) == ("MATCH", True)


@pytest.mark.usefixtures("real_faces")  # stand-ins look presented
def test_ek_05_frames_of_another_person(ekyc: Ekyc, people: Photos) -> None:
    answer = ekyc.compare(people["P1a"], people["P1b"], people["P2"], people["P2b"])
    assert (answer["compare_result"], answer["is_live"]) == ("MATCH", False)
    assert answer["liveness_reasons"] == ["liveness.other_face"]


@pytest.mark.usefixtures("real_faces")  # copies of one photograph are no frames of a camera
def test_ek_06_three_of_five_frames(ekyc: Ekyc, people: Photos) -> None:
    half = ekyc.compare(people["P1a"], people["P1b"], people["P1c"], people["P2"])
    more = ekyc.compare(people["P1a"], people["P1b"], people["P1c"], people["P1d"], people["P2"])
    assert (half["is_live"], more["is_live"]) == (False, True)


@pytest.mark.parametrize("more", [{}, {"people_2_liveness": []}, {"people_2_liveness": None}])
def test_ek_07_live_check_without_frames(ekyc: Ekyc, people: Photos, more: dict[str, Any]) -> None:
    body = {"people_1": people["P1a"], "people_2": people["P1b"], "is_live_check": True} | more
    assert refusal(ekyc.post("/check-2-face", **body)) == (400, "INPUT_ERROR")


def test_ek_08_arguments_are_checked(ekyc: Ekyc, people: Photos) -> None:
    good = {"people_1": text(people["P1a"]), "people_2": text(people["P1b"]), "is_live_check": False}
    for change in ({"people_2": None}, {"is_live_check": None}, {"people_1": 5}, {"is_live_check": [1]},
                   {"people_2_liveness": 5}, {"people_2_liveness": [5]}):  # fmt: skip
        for path in ("/check-2-face", "/face-otp"):
            body = good | ({"people_1": {"image": good["people_1"]}} if path == "/face-otp" else {}) | change
            response = ekyc.send(path, json={key: value for key, value in body.items() if value is not None})
            assert refusal(response) == (400, "INPUT_ERROR"), (path, change)
            assert set(response.json()["message"]) == set(change)
    for body in ("{", "[1]", '"text"', "", "null", "[" * 50_000):
        assert refusal(_raw(ekyc, body)) == (400, "INPUT_ERROR"), body[:10]
    assert refusal(_raw(ekyc, "people_1=a", kind="application/x-www-form-urlencoded")) == (400, "INPUT_ERROR")
    assert refusal(_raw(ekyc, "<a/>", kind="text/xml")) == (400, "INPUT_ERROR")


def _raw(ekyc: Ekyc, body: str, *, kind: str = "application/json", path: str = "/check-2-face") -> requests.Response:
    headers = {"X-API-Key": ekyc.key, "Content-Type": kind}
    return requests.post(ekyc.live.url + path, data=body, headers=headers, timeout=60)


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "!!!",
        "data:text/plain;base64,aGVsbG8=",
        "data:image/png;base64,",
        "http://127.0.0.1/a.jpg",
        "/etc/passwd",
    ],
)
def test_ek_09_what_is_no_image(ekyc: Ekyc, people: Photos, value: str) -> None:
    for first, second in ((value, text(people["P1a"])), (text(people["P1a"]), value), (text(people["X"]), value)):
        response = ekyc.post("/check-2-face", people_1=first, people_2=second, is_live_check=False)
        assert refusal(response) == (400, "INPUT_ERROR")


def test_ek_10_nobody_on_the_image(ekyc: Ekyc, people: Photos) -> None:
    for one, other in (("P1a", "N"), ("N", "P1a")):
        response = ekyc.post("/check-2-face", people_1=people[one], people_2=people[other], is_live_check=False)
        assert refusal(response) == (200, "NO_FACE_ERROR")
        assert response.json()["compare_result"] is None


def test_ek_11_forms_of_base64(ekyc: Ekyc, people: Photos) -> None:
    plain = text(people["P1b"])
    wrapped = "\r\n".join(plain[start : start + 76] for start in range(0, len(plain), 76))
    forms = [plain, f" {plain}", wrapped, f"data:image/jpeg;base64,{plain}", f"data:image/png;base64,{plain}"]
    scores = {
        ekyc.ok("/check-2-face", people_1=people["P1a"], people_2=form, is_live_check=False)["similator_percent"]
        for form in forms
    }
    assert len(scores) == 1


@pytest.mark.parametrize("value", ["false", "False", " FALSE "])
def test_ek_12_false_as_text(ekyc: Ekyc, people: Photos, value: str) -> None:
    body = {"people_1": people["P1a"], "people_2": people["P1b"], "is_live_check": value}
    assert ekyc.ok("/check-2-face", **body)["compare_result"] == "MATCH"


# ---- /register-face and /search ---------------------------------------------------------------------------------
def test_ek_13_registration_echoes_id_and_source(ekyc: Ekyc, people: Photos) -> None:
    answer = ekyc.register(people["P1a"], source="s1")
    assert (answer["_id"], answer["people_id"], answer["source"]) == ("u1", "u1", "s1")


def test_ek_14_found_at_once(ekyc: Ekyc, people: Photos) -> None:
    ekyc.register(people["P1a"], source="s1")
    [hit] = ekyc.ok("/search", image=people["P1b"], source="s1")["data"]
    assert (hit["people_id"], hit["created_at"], hit["source"]) == ("u1", "02/01/2021", "s1")
    assert 0.7 < hit["score"] <= 1


def test_ek_15_not_found_in_other_sources(ekyc: Ekyc, people: Photos) -> None:
    ekyc.register(people["P1a"], source="s1")
    assert ekyc.found(people["P1b"]) == ekyc.found(people["P1b"], source="s2") == []


def test_ek_16_strangers_are_not_found(ekyc: Ekyc, people: Photos) -> None:
    ekyc.register(people["P1a"], source="s1")
    assert ekyc.found(people["P2"], source="s1") == []


@pytest.mark.usefixtures("real_faces")  # stand-ins look presented
def test_ek_17_registering_again_replaces(ekyc: Ekyc, people: Photos) -> None:
    ekyc.register(people["P1a"], source="s1")
    ekyc.register(people["P2"], source="s1", created_at="03/01/2021")
    assert ekyc.found(people["P1b"], source="s1") == []
    [hit] = ekyc.ok("/search", image=people["P2"], source="s1")["data"]
    assert (hit["people_id"], hit["created_at"]) == ("u1", "03/01/2021")


def test_ek_18_sources_are_independent(ekyc: Ekyc, people: Photos) -> None:
    for source in ("s1", "s2"):
        ekyc.register(people["P1a"], source=source)
    ekyc.ok("/remove", people_id="u1", source="s1")
    assert (ekyc.found(people["P1b"], source="s1"), ekyc.found(people["P1b"], source="s2")) == ([], ["u1"])


def test_ek_19_nobody_on_the_image_stores_nothing(ekyc: Ekyc, people: Photos) -> None:
    body = {"people_id": "u1", "created_at": "1", "is_live_check": False}
    assert refusal(ekyc.post("/register-face", image=people["N"], **body)) == (400, "NO_FACE_ERROR")
    assert refusal(ekyc.post("/remove", people_id="u1")) == (200, "PEOPLE_NOT_FOUND_ERROR")


def test_ek_20_frames_of_another_person_store_nothing(ekyc: Ekyc, people: Photos) -> None:
    body = {"people_id": "u1", "created_at": "1", "image": people["P1a"], "is_live_check": True}
    frames = [people["P2"], people["P2b"]]
    assert refusal(ekyc.post("/register-face", liveness=frames, **body)) == (400, "LIVENESS_FAIL")
    assert ekyc.found(people["P1a"]) == []
    assert refusal(ekyc.post("/remove", people_id="u1")) == (200, "PEOPLE_NOT_FOUND_ERROR")
    ekyc.register(people["P1a"], is_live_check=True, liveness=[people["P1b"], people["P1c"]])


@pytest.mark.parametrize("created_at", ["02/01/2021", "1605606237", 1605606237])
def test_ek_21_created_at_comes_back_as_it_came(ekyc: Ekyc, people: Photos, created_at: Any) -> None:
    ekyc.register(people["P1a"], created_at=created_at)
    assert ekyc.ok("/search", image=people["P1a"])["data"][0]["created_at"] == str(created_at)


def test_ek_22_ids_are_exact(ekyc: Ekyc, people: Photos) -> None:
    ids = ["A B", "a b", "A", "Ünïcødé 漢字 🙂", "x" * 500, "'\";--", "%s", " A"]
    for number, people_id in enumerate(ids):
        assert ekyc.register(people["P1a"], people_id, created_at=number)["_id"] == people_id
    hits = ekyc.ok("/search", image=people["P1a"])["data"]
    assert {hit["people_id"]: hit["created_at"] for hit in hits} == {name: str(n) for n, name in enumerate(ids)}
    for gone in ids:
        ekyc.ok("/remove", people_id=gone)
        assert refusal(ekyc.post("/remove", people_id=gone)) == (200, "PEOPLE_NOT_FOUND_ERROR")


# ---- /face-otp --------------------------------------------------------------------------------------------------
def otp(ekyc: Ekyc, known: Any, image: bytes) -> requests.Response:
    return ekyc.post("/face-otp", people_1=known, people_2=image, is_live_check=False)


def test_ek_23_against_an_id(ekyc: Ekyc, people: Photos) -> None:
    ekyc.register(people["P1a"], source="s1")
    for known in ({"id": "u1"}, {"id": "u1", "source": "s1"}, {"id": "u1", "image": None}):
        answer = otp(ekyc, known, people["P1b"]).json()
        assert (answer["status"], answer["compare_result"]) == ("SUCCESS", "MATCH")
        assert 0.7 < answer["similator_percent"] <= 1
    assert otp(ekyc, {"id": "u1"}, people["P2"]).json()["compare_result"] == "DO_NOT_MATCH"


def test_ek_24_against_an_image(ekyc: Ekyc, people: Photos) -> None:
    assert otp(ekyc, {"image": people["P1a"]}, people["P1b"]).json()["compare_result"] == "MATCH"
    assert otp(ekyc, {"image": people["P1a"]}, people["P2"]).json()["compare_result"] == "DO_NOT_MATCH"


def test_ek_25_both_neither_or_unknown(ekyc: Ekyc, people: Photos) -> None:
    ekyc.register(people["P1a"], source="s1")
    assert refusal(otp(ekyc, {"id": "u1", "image": people["P1a"]}, people["P1b"])) == (400, "INPUT_ERROR")
    assert refusal(otp(ekyc, {}, people["P1b"])) == (400, "INPUT_ERROR")
    for known in ({"id": "u2"}, {"id": "u1", "source": "s2"}, {"id": "U1"}):
        assert refusal(otp(ekyc, known, people["P1b"])) == (200, "PEOPLE_NOT_FOUND_ERROR")


# ---- /api/v2/search ---------------------------------------------------------------------------------------------
def test_ek_26_batch_keeps_order_and_fails_alone(ekyc: Ekyc, people: Photos) -> None:
    ekyc.register(people["P1a"], source="s1")
    images = [{"image_id": name, "image": people[name]} for name in ("X", "P2", "P1b", "N")]
    answer = ekyc.ok("/api/v2/search", source="s1", images=images)["data"]
    assert [item["image_id"] for item in answer] == ["X", "P2", "P1b", "N"]
    assert [len(item["match_faces"]) for item in answer] == [0, 0, 1, 0]
    assert answer[0]["error"] == "Image input was wrong format. Please check your input image."
    assert ["error" in item for item in answer] == [True, False, False, True]
    hit = answer[2]["match_faces"][0]
    assert (hit["people_id"], hit["created_at"], hit["source"]) == ("u1", "02/01/2021", "s1") and hit["score"] > 0.7


def test_ek_27_batch_without_a_source(ekyc: Ekyc, people: Photos) -> None:
    ekyc.register(people["P1a"], source="s1")
    images = [{"image_id": 1, "image": people["P1b"]}, {"image_id": "2", "image": people["P1b"], "source": "s1"}]
    answer = ekyc.ok("/api/v2/search", images=images)["data"]
    assert [(item["image_id"], len(item["match_faces"])) for item in answer] == [("1", 0), ("2", 1)]


def test_ek_28_odd_batches(ekyc: Ekyc, people: Photos) -> None:
    assert ekyc.ok("/api/v2/search", source="s1", images=[])["data"] == []
    response = ekyc.post("/api/v2/search", images=[{"image": people["P1a"]}])
    assert refusal(response) == (400, "INPUT_ERROR") and response.json()["data"] == []
    thousand = [{"image_id": str(number), "image": "x"} for number in range(1000)]
    assert refusal(ekyc.post("/api/v2/search", images=thousand)) == (413, "INPUT_ERROR")


# ---- /remove ----------------------------------------------------------------------------------------------------
def test_ek_29_removed_and_gone(ekyc: Ekyc, people: Photos) -> None:
    ekyc.register(people["P1a"], source="s1")
    answer = ekyc.ok("/remove", people_id="u1", source="s1")
    assert (answer["_id"], answer["source"]) == ("u1", "s1")
    assert refusal(ekyc.post("/remove", people_id="u1", source="s1")) == (200, "PEOPLE_NOT_FOUND_ERROR")
    assert ekyc.found(people["P1b"], source="s1") == []


def test_ek_30_removed_from_its_source_only(ekyc: Ekyc, people: Photos) -> None:
    ekyc.register(people["P1a"], source="s1")
    assert refusal(ekyc.post("/remove", people_id="u1")) == (200, "PEOPLE_NOT_FOUND_ERROR")
    assert ekyc.found(people["P1b"], source="s1") == ["u1"]


# ---- hostile, parallel, durable ---------------------------------------------------------------------------------
def test_ek_31_large_inputs_are_refused_quickly(ekyc: Ekyc) -> None:
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 1_000_000)), (b"IEND", b"")]
    parts = [struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks]
    bomb = b"\x89PNG\r\n\x1a\n" + b"".join(parts)
    for value in (text(bomb), "/9j/" + "A" * 50_000_000):
        started = time.monotonic()
        assert refusal(ekyc.post("/search", image=value)) == (400, "INPUT_ERROR")
        assert time.monotonic() - started < 60
    assert sum(process.memory_info().rss for process in _web(ekyc)) < 2_000_000_000


def _web(ekyc: Ekyc) -> list[psutil.Process]:
    master = ekyc.live.program("web")
    return [master, *master.children()]


def test_ek_32_fifty_parallel_registrations_leave_one(ekyc: Ekyc, people: Photos) -> None:
    tiny = _shrunk(people["P1a"], 160)
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda number: ekyc.register(tiny, created_at=number), range(50)))
    assert {answer["_id"] for answer in answers} == {"u1"}
    assert ekyc.found(people["P1b"]) == ["u1"]
    url, headers = f"{ekyc.live.url}/api/v1/people/", {"X-API-Key": ekyc.key}
    [person] = requests.get(url, headers=headers, timeout=60).json()["items"]
    assert person["image_count"] == 1


def _shrunk(data: bytes, side: int) -> bytes:
    buffer = io.BytesIO()
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    picture.crop(_around_the_face(picture)).resize((side, side)).save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


def _around_the_face(picture: Image.Image) -> tuple[int, int, int, int]:
    """Of P1a, by eye."""
    width, height = picture.size
    return round(0.2 * width), round(0.02 * height), round(0.85 * width), round(0.02 * height + 0.65 * width)


CROWD = """
import sys
from uuid import uuid4
from people.models import FaceTemplate, Gallery, Person
one = FaceTemplate.objects.get(person__external_id={name!r})
gallery = Gallery.objects.named(one.client, "s2")
people = [Person.objects.create(client=one.client, gallery=gallery, external_id=str(n)) for n in range(100)]
image = one.reference_image
for person in people:
    image.pk, image.uuid, image.number, image.person = None, uuid4(), None, person
    image.save()
    FaceTemplate.objects.create(client_id=one.client_id, gallery=gallery, person=person, reference_image=image,
                                space=one.space, embedding=one.embedding)
"""


def test_ek_33_look_alikes_of_another_source_push_nobody_out(ekyc: Ekyc, people: Photos) -> None:
    ekyc.register(people["P1b"], "alike", source="s0")
    done = ekyc.live.manage("shell", "--no-imports", "-c", CROWD.format(name="alike"))
    assert done.returncode == 0, done.stderr
    ekyc.register(people["P1a"], source="s1")
    assert ekyc.found(people["P1b"], source="s1") == ["u1"]
    assert len(ekyc.found(people["P1b"], source="s2")) == 10


def test_ek_34_registrations_survive_a_restart(ekyc: Ekyc, people: Photos) -> None:
    ekyc.register(people["P1a"])
    ended = {name: ekyc.live.program(name) for name in ("web", "postgres")}
    for name, program in ended.items():
        program.send_signal(signal.SIGINT if name == "postgres" else signal.SIGTERM)
    assert eventually(lambda: not any(program.is_running() for program in ended.values()), seconds=60)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            response = ekyc.post("/search", image=people["P1b"])
        except requests.ConnectionError:
            time.sleep(0.2)
            continue
        if response.status_code == 200:
            break
        assert refusal(response) == (503, "ERROR")
        time.sleep(0.2)
    assert [hit["people_id"] for hit in response.json()["data"]] == ["u1"]


def test_ek_35_refusals_show_nothing_of_the_inside(ekyc: Ekyc, people: Photos) -> None:
    broken = base64.b64encode(people["P1a"][:3000]).decode()
    bodies = [{"image": broken}, {"image": text(people["X"])}, {"image": 5}, {"image": "a\ud800"}, {}, {"source": []}]
    for body in bodies:
        answer = ekyc.send("/search", json=body)
        assert answer.status_code == 400
        assert not any(word in answer.text for word in ("Traceback", 'File "', "Exception", "PIL", "psycopg", "0x"))


# ---- who calls --------------------------------------------------------------------------------------------------
MAKE_PATH = "from clients.services import *; print(make_path_token(key=create_api_key(client_name='by-path')[0]))"


def test_a_base_address_is_enough_and_no_log_has_its_token(ekyc: Ekyc, people: Photos) -> None:
    token = ekyc.live.manage("shell", "--no-imports", "-c", MAKE_PATH).stdout.strip()
    for path, status in ((f"/k/{token}/search", 200), (f"/k/{token}x/search", 401), (f"/k/{token}/nowhere", 404)):
        response = requests.post(ekyc.live.url + path, json={"image": text(people["P1a"])}, timeout=60)
        assert response.status_code == status, path

    assert eventually(lambda: any("POST /k/-/search" in line for line in ekyc.live.logged()))
    assert not [line for line in ekyc.live.logged() if token in line]
