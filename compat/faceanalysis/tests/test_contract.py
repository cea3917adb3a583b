"""The black-box checks of the contract against the running service. Images: see `conftest.Everything`."""

from __future__ import annotations

import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from compat.faceanalysis.tests.conftest import Everything
from compat.faceanalysis.tests.program import FINISHED, PATIENCE, Program
from faceapp.tests.live_stack import LiveStack, eventually
from vision.tests.conftest import PHOTOGRAPHS

pytestmark = pytest.mark.models

STATES = ["uploaded", "processing", "face_vector_computed", FINISHED]
TOKENS = """
import time
from unittest import mock
from clients.services import get_or_create_client
from compat.faceanalysis.accounts import create_account, token_of
client = get_or_create_client(name="fa-tokens")
kept, gone = [create_account(client=client, username=name, password="p") for name in ("kept", "gone")]
with mock.patch("time.time", return_value=time.time() - 501):
    print(token_of(kept))
print(token_of(kept))
print(token_of(gone))
gone.delete()
"""
PATHS = [
    ("POST", "register_user"), ("GET", "token"), ("POST", "upload_image"), ("POST", "process_image"),
    ("GET", "process_image/x"), ("GET", "image_matches/x"), ("GET", "images"),
]  # fmt: skip


@pytest.fixture(scope="module")
def a1(faces: Path) -> bytes:
    """Small, so that it is quick."""
    return (faces / "obama_240p.jpg").read_bytes()


def error_of(answer: requests.Response, status: int = 400) -> str:
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"error_msg"}
    text: str = answer.json()["error_msg"]
    return text


# ---- accounts ---------------------------------------------------------------------------------------------------
@pytest.fixture
def newcomer(live: LiveStack) -> Program:
    """Not registered yet."""
    return Program(live, f"u{uuid.uuid4().hex[:12]}", "correct horse")


def credentials(program: Program) -> dict[str, str]:
    return {"username": program.username, "password": program.password}


def test_fa_01_02_register_once(newcomer: Program) -> None:
    answer = newcomer.post("register_user", data=credentials(newcomer), auth=None)
    assert (answer.status_code, answer.json()) == (201, {"username": newcomer.username})
    assert newcomer.get("images").status_code == 200
    again = newcomer.post("register_user", data=credentials(newcomer), auth=None)
    assert error_of(again) == "User already registered"


def test_fa_03_register_via_json(newcomer: Program) -> None:
    assert newcomer.post("register_user", json=credentials(newcomer), auth=None).status_code == 201
    assert newcomer.get("token").status_code == 200


@pytest.mark.parametrize("missing", ["username", "password"])
def test_fa_04_register_without_a_field(newcomer: Program, missing: str) -> None:
    fields = {name: value for name, value in credentials(newcomer).items() if name != missing}
    answer = newcomer.post("register_user", data=fields, auth=None)
    assert answer.status_code == 400
    assert list(answer.json()["message"]) == [missing]


def test_fa_05_07_token_opens_everything(program: Program) -> None:
    token = program.get("token").json()["token"]
    assert token.isprintable()
    assert ":" not in token
    for password in ("", "whatever:it is"):
        answer = program.get("token", auth=(token, password))
        assert (answer.status_code, bool(answer.json()["token"])) == (200, True)
        assert program.get("images", auth=(token, password)).json() == {"imgs": []}


def refused(answer: requests.Response) -> bool:
    assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")
    assert answer.headers["Content-Type"].startswith("text/html")
    return answer.status_code == 401


def test_fa_06_wrong_credentials_are_challenged(program: Program) -> None:
    assert refused(program.get("token", auth=None))
    assert refused(program.get("token", auth=(program.username, "wrong")))
    assert refused(program.get("token", auth=("nobody at all", "p")))
    for header in ("Basic", "Basic %%%", "Basic /////w==", "Bearer x"):
        assert refused(program.get("token", auth=None, headers={"Authorization": header}))


def test_fa_08_tokens_that_no_longer_count(live: LiveStack) -> None:
    expired, good, of_nobody = live.manage("shell", "--no-imports", "-c", TOKENS).stdout.split()
    tampered = good[:-1] + ("A" if good[-1] != "A" else "B")
    answers = [Program(live, token, "x").get("images") for token in (expired, tampered, of_nobody)]
    assert all(refused(answer) for answer in answers)
    assert Program(live, good, "x").get("images").status_code == 200


def test_fa_09_slash_or_not(program: Program) -> None:
    for method, path in PATHS:
        answers = [program.call(method, path), program.call(method, f"{path}/")]
        assert answers[0].status_code == answers[1].status_code < 500, path
        assert answers[0].status_code not in {301, 302, 307, 308, 404, 405}, path


def test_fa_33_every_protected_path_wants_an_account(program: Program) -> None:
    for method, path in PATHS[1:]:
        assert refused(program.call(method, path, auth=None)), path


def test_fa_34_paths_that_make_no_sense(program: Program) -> None:
    for method, path in (("GET", "process_image/"), ("POST", "process_image/x"), ("GET", "image_matches/")):
        assert 400 <= program.call(method, path).status_code < 500, path


# ---- uploads ----------------------------------------------------------------------------------------------------
def test_fa_10_11_16_upload_once(program: Program, a1: bytes) -> None:
    answer = program.upload("A1.jpg", a1)
    assert (answer.status_code, answer.json()) == (200, {"img_id": "A1"})
    assert program.status("A1") == {"status": "uploaded", "error_msg": None}
    assert error_of(program.upload("A1.jpg", a1)) == "Image upload failed: image previously uploaded"


def test_fa_12_15_types(program: Program, a1: bytes) -> None:
    for name, data in (("t.txt", b"text"), ("t.txt", a1), ("t.jpg", b"text"), ("t.gif", a1), ("t.jpg", b"GIF89a" * 9)):
        assert "jpg" in error_of(program.upload(name, data)), name
    assert program.upload("octets.jpg", a1, "application/octet-stream").status_code == 200
    assert program.upload("LOUD.JPG", a1).json() == {"img_id": "LOUD"}
    assert program.upload("long.jpeg", a1).status_code == 200


def test_fa_13_upload_without_a_file(program: Program, a1: bytes) -> None:
    assert program.post("upload_image").status_code == 400
    assert program.post("upload_image", files={"other": ("a.jpg", a1)}).status_code == 400
    assert program.post("upload_image", data={"image": "text"}).status_code == 400
    assert program.upload("empty.jpg", b"").status_code == 400
    body = b'--x\r\nContent-Disposition: form-data; name="image"; filename=""\r\n\r\n' + a1 + b"\r\n--x--\r\n"
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    assert program.post("upload_image", data=body, headers=kind).status_code == 400


def test_fa_14_names(program: Program, a1: bytes, live: LiveStack) -> None:
    def named() -> set[Path]:
        return {path for path in live.files() if path.name in {"x.jpg", "a.jpg"}}

    before = named()
    assert program.upload("../../etc/x.jpg", a1).json() == {"img_id": "x"}
    assert program.upload("a.b.c.jpg", a1).json() == {"img_id": "a"}
    assert program.upload("Zoë 1.jpg", a1).json() == {"img_id": "Zoë_1"}
    assert program.status("Zoë_1")["status"] == "uploaded"
    for name in (".jpg", "..jpg", "%%%.jpg", f"{'x' * 300}.jpg"):
        error_of(program.upload(name, a1))
    assert named() <= before


# ---- processing -------------------------------------------------------------------------------------------------
def test_fa_17_process_takes_form_json_and_query(program: Program, a1: bytes, live: LiveStack) -> None:
    forms: list[dict[str, Any]] = [
        {"data": {"img_id": "f"}},
        {"json": {"img_id": "j"}},
        {"params": {"img_id": "q"}},
        {"files": {"img_id": (None, "m")}},
    ]
    for name in "fjqm":
        program.upload(f"{name}.jpg", a1)
    with live.suspended_workers():  # no answer waits for them
        for form, name in zip(forms, "fjqm", strict=True):
            answer = program.post("process_image", **form)
            assert (answer.status_code, answer.json()) == (200, {"img_id": name})
    program.wait(*"fjqm")


def test_fa_18_20_27_unknown_ids(program: Program) -> None:
    assert error_of(program.post("process_image", data={"img_id": "100"})) == "Image not yet uploaded"
    assert error_of(program.get("process_image/100")) == "Image not yet uploaded"
    assert error_of(program.get("process_image/%00")) == "Image not yet uploaded"
    assert program.get("image_matches/100").json() == {"imgs": [], "distances": []}
    assert program.post("process_image").json()["message"].keys() == {"img_id"}


def test_fa_19_process_is_taken_once(program: Program, a1: bytes) -> None:
    program.upload("A1.jpg", a1)
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: program.post("process_image", data={"img_id": "A1"}), range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 5
    assert error_of(program.post("process_image", data={"img_id": "A1"})) == "Image previously placed on queue"
    program.wait("A1")


def test_fa_21_states_go_forward(everything: Everything) -> None:
    for image_id, states in everything.states.items():
        order = [STATES.index(state) for state in states]
        assert order == sorted(order), image_id
        assert states[-1] == FINISHED


def test_fa_22_one_person_in_both_directions(everything: Everything) -> None:
    for image_id, matches in everything.matches.items():
        assert image_id not in matches
        for other, distance in matches.items():
            assert 0 <= distance < 0.6
            assert everything.matches[other][image_id] == distance
    assert "obama_3" in everything.matches["obama_1"]


def test_fa_23_24_match_graph_is_exactly_right(everything: Everything) -> None:
    """Portraits, groups, PNG with alpha and strangers."""
    for image_id, people in everything.people.items():
        expected = {other for other, theirs in everything.people.items() if other != image_id and people & theirs}
        assert set(everything.matches[image_id]) == expected, image_id
    assert "obama_2_rgba" in everything.matches["obama_2"]
    assert everything.matches["lin_1"] == {}


def test_matches_come_best_first(everything: Everything) -> None:
    for matches in everything.matches.values():
        assert list(matches.values()) == sorted(matches.values())


def test_groups_are_exactly_right(everything: Everything, faces: Path) -> None:
    """One group for each person, with every image of theirs.

    The bystander of the real photograph cannot be recognised and has none; the one of its stand-in has one.
    """
    [album] = everything.program.native("")["items"]
    images = everything.program.native(f"{album['id']}/images/?limit=100")["items"]
    names = {image["id"]: image["external_id"] for image in images}
    groups = everything.program.native(f"{album['id']}/groups/?limit=100")["items"]
    found = sorted(sorted(names[face["image_id"]] for face in group["faces"]) for group in groups)
    somebody = set.union(*everything.people.values())
    expected = [sorted(i for i, people in everything.people.items() if name in people) for name in somebody]
    bystander = [] if faces == PHOTOGRAPHS else [["obama_and_biden"]]
    assert found == sorted([*expected, *bystander])


def test_fa_25_nobody_on_the_image(everything: Everything) -> None:
    status = everything.program.status("nobody")
    assert status == {"status": FINISHED, "error_msg": "No faces found in image"}
    assert everything.matches["nobody"] == {}
    assert "nobody" in everything.program.get("images").json()["imgs"]


def test_fa_26_damaged_image_finishes_with_an_error(everything: Everything) -> None:
    status = everything.program.status("damaged")
    assert status == {"status": FINISHED, "error_msg": "Image could not be read"}
    assert everything.matches["damaged"] == {}


def test_fa_28_images_are_the_finished_ones(everything: Everything, a1: bytes) -> None:
    everything.program.upload("only_uploaded.jpg", a1)
    for path in ("images", "images/"):
        listed = everything.program.get(path).json()["imgs"]
        assert sorted(listed) == sorted(everything.people)


def test_fa_29_lists_are_parallel(everything: Everything) -> None:
    for image_id in everything.people:
        body = everything.program.get(f"image_matches/{image_id}").json()
        assert len(body["imgs"]) == len(body["distances"])


def restart_web(live: LiveStack) -> None:
    """Kill the web server; return when its successor answers."""
    web = live.program("web")
    for process in [web, *web.children(recursive=True)]:
        process.kill()
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            requests.get(f"{live.url}/healthz", timeout=60)
        except requests.ConnectionError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the web server did not come back")


def test_fa_30_bytes_go_and_results_stay(program: Program, a1: bytes, live: LiveStack) -> None:
    def kept() -> set[Path]:
        return {path for path in live.files() if path.suffix == ".jpg"}

    before = kept()
    ids = [program.add(f"{name}.jpg", a1) for name in ("one", "two")]
    program.wait(*ids)
    assert eventually(lambda: kept() <= before)
    restart_web(live)
    assert set(program.matches("one")) == {"two"}


def test_fa_31_images_of_the_same_instant_find_each_other(program: Program, a1: bytes) -> None:
    """Twenty pairs, each given to both workers at once."""
    pairs = [(f"a{n}", f"b{n}") for n in range(20)]
    for pair in pairs:
        for name in pair:
            assert program.upload(f"{name}.jpg", a1).status_code == 200
    with ThreadPoolExecutor(2) as pool:
        for pair in pairs:
            answers = list(pool.map(lambda name: program.post("process_image", data={"img_id": name}), pair))
            assert [answer.status_code for answer in answers] == [200, 200]
    program.wait(*(name for pair in pairs for name in pair))
    for first, second in pairs:
        assert second in program.matches(first)
        assert first in program.matches(second)


def test_fa_32_image_of_a_killed_worker_is_finished(program: Program, live: LiveStack, faces: Path) -> None:
    image_id = program.add("large.jpg", (faces / "obama_4.jpg").read_bytes())
    deadline = time.monotonic() + PATIENCE
    while program.native("")["items"][0]["running"] == 0:
        assert time.monotonic() < deadline, "it was too quick to be killed"
    worker: psutil.Process = live.program("worker")
    for child in worker.children():
        child.kill()
    assert program.wait(image_id)[image_id][-1] == FINISHED
    assert program.status(image_id)["error_msg"] is None
