"""Programs written for CompreFace against the running service with real weights: both SDKs, unmodified, and what
double-take, Viseron and the plugin of Stash ask, and rely on in the answers.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from compreface import CompreFace

from compat.compreface.tests.conftest import World, live_world
from compat.compreface.tests.wire import API, EMBEDDINGS, FACES
from faceapp.tests import missing

pytestmark = pytest.mark.models
OPTIONS = {"limit": 0, "det_prob_threshold": 0.8, "prediction_count": 2, "face_plugins": "age,gender", "status": True}


@pytest.fixture
def live_people(request: pytest.FixtureRequest) -> World:
    return live_world(request)


def sdk_of(world: World, options: Any) -> CompreFace:
    address = urlsplit(world.caller.url)
    return CompreFace(f"http://{address.hostname}", str(address.port), options)


def test_the_python_sdk(live_people: World) -> None:
    world, key = live_people, live_people.caller.key
    sdk = sdk_of(world, OPTIONS)
    recognition = sdk.init_face_recognition(key)
    examples, subjects = recognition.get_face_collection(), recognition.get_subjects()
    assert subjects.add("Zoë") == {"subject": "Zoë"}
    ann = examples.add(world.ann, "Ann", {"det_prob_threshold": 0.8})
    assert examples.add(world.bob, "Jane Doe & Co")["subject"] == "Jane Doe "
    assert [face["subject"] for face in examples.list()["faces"]] == ["Ann", "Jane Doe "]
    assert subjects.list() == {"subjects": ["Zoë", "Ann", "Jane Doe "]}
    assert subjects.update("Zoë", "Zoë X") == {"updated": True}
    assert subjects.delete("Zoë X") == {"subject": "Zoë X"}

    found = recognition.recognize(world.ann_again)
    [face] = found["result"]
    assert [one["subject"] for one in face["subjects"]] == ["Ann", "Jane Doe "]
    assert face["subjects"][0]["similarity"] > 0.5 > face["subjects"][1]["similarity"]
    assert set(found) == {"result", "plugins_versions"}
    verified = examples.verify(world.ann_again, ann["image_id"])["result"]
    assert [one["similarity"] > 0.5 for one in verified] == [True]
    assert recognition.recognize(world.nobody)["code"] == 28

    assert len(sdk.init_face_detection(key).detect(world.both)["result"]) == 2
    [pair] = sdk.init_face_verification(key).verify(world.ann, world.both)["result"]
    assert sorted(one["similarity"] > 0.5 for one in pair["face_matches"]) == [False, True]

    assert examples.delete(ann["image_id"]) == ann
    assert examples.delete_all("Jane Doe ") == {"deleted": 1}
    assert subjects.delete_all() == {"deleted": 1}


def test_the_javascript_sdk(live_people: World, tmp_path: Path) -> None:
    """`@exadel/compreface-js-sdk`, where Node is installed and npm can reach a registry."""
    if not shutil.which("npm"):
        pytest.skip(f"{missing.DATA}: Node, for the JavaScript SDK of CompreFace")
    install = ["npm", "install", "--no-audit", "--no-fund", "@exadel/compreface-js-sdk@1.0.0"]
    if subprocess.run(install, cwd=tmp_path, capture_output=True, check=False, timeout=120).returncode:
        pytest.skip(f"{missing.DATA}: a package registry, for the JavaScript SDK of CompreFace")
    world = live_people
    for name in ("ann", "ann_again", "bob", "both"):
        (tmp_path / f"{name}.jpg").write_bytes(getattr(world, name))
    (tmp_path / "recipe.mjs").write_text(RECIPE)
    address = urlsplit(world.caller.url)
    given = {"HOST": f"http://{address.hostname}", "PORT": str(address.port), "KEY": str(world.caller.key)}
    node = str(shutil.which("node"))
    done = subprocess.run([node, "recipe.mjs"], cwd=tmp_path, env=given, capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    told = json.loads(done.stdout.splitlines()[-1])  # the SDK prints too
    assert told["added"] == "Jane Doe" and told["base64"] == "Bob"
    assert told["subjects"] == ["Zoë X", "Jane Doe", "Bob"]
    assert told["renamed"] == {"updated": True}
    assert told["recognised"][0]["subject"] == "Jane Doe" and told["recognised"][0]["similarity"] > 0.5
    assert told["verified"] == ["result", "plugins_versions"]
    assert (told["detected"], told["compared"]) == (2, 2)
    assert told["deleted"] == {"subject": "Zoë X"}
    assert [one["subject"] for one in told["several"]] == ["Bob"]
    assert told["rest"] == {"deleted": 1}
    assert told["all"] == {"deleted": 1}


RECIPE = """
import { readFileSync } from "node:fs";
import { CompreFace } from "@exadel/compreface-js-sdk";
const { HOST, PORT, KEY } = process.env;
const sdk = new CompreFace(HOST, PORT);
const service = sdk.initFaceRecognitionService(KEY);
const examples = () => service.getFaceCollection();  // its functions lengthen the address that they share
const subjects = () => service.getSubjects();
const told = {};
await subjects().add("Zoë");
told.renamed = await subjects().rename(encodeURIComponent("Zoë"), "Zoë X");
const ann = await examples().add("./ann.jpg", "Jane%20Doe", { det_prob_threshold: 0.8 });
told.added = ann.subject;
const bob = await examples().add(readFileSync("bob.jpg").toString("base64"), "Bob");
told.base64 = bob.subject;
told.subjects = (await subjects().list()).subjects;
told.recognised = (await service.recognize("./ann_again.jpg", { prediction_count: 2 })).result[0].subjects;
const verified = await examples().verify("./ann_again.jpg", ann.image_id, { det_prob_threshold: 0.8, status: true });
told.verified = Object.keys(verified);
told.detected = (await sdk.initFaceDetectionService(KEY).detect("./both.jpg", { limit: 0 })).result.length;
const pair = await sdk.initFaceVerificationService(KEY).verify("./ann.jpg", "./both.jpg", { limit: 0 });
told.compared = pair.result[0].face_matches.length;
told.deleted = await subjects().delete(encodeURIComponent("Zoë X"));
told.several = await examples().delete_multiple_images([bob.image_id]);
told.rest = await examples().delete_all_subject("Jane%20Doe");
told.all = await subjects().deleteAll();
console.log(JSON.stringify(told));
"""


def test_double_take(live_people: World) -> None:
    """It reads `code` whatever the status, and compares 60 % with the first subject of each face."""
    world, headers = live_people, {"x-api-key": str(live_people.caller.key)}
    url, asked = world.caller.url + API, {"det_prob_threshold": "0.8", "face_plugins": "undefined"}

    def recognised(data: bytes) -> Any:
        files = {"file": ("snapshot.jpg", data, "image/jpeg")}
        return requests.post(f"{url}/recognition/recognize", params=asked, files=files, headers=headers, timeout=60)

    for name, data in (("ann", world.ann), ("bob", world.bob)):
        files = {"file": ("train.jpg", data, "image/jpeg")}
        trained = requests.post(f"{url}/{FACES}", params={"subject": name}, files=files, headers=headers, timeout=60)
        assert trained.status_code == 201
    for data, name in ((world.ann_again, "ann"), (world.bob_again, "bob")):
        [face] = recognised(data).json()["result"]
        assert face["subjects"][0]["subject"] == name and face["subjects"][0]["similarity"] >= 0.6
        assert (face["box"]["x_max"] - face["box"]["x_min"]) * (face["box"]["y_max"] - face["box"]["y_min"]) >= 10_000
    assert recognised(world.nobody).json()["code"] == 28
    removed = requests.delete(f"{url}/{FACES}", params={"subject": "ann"}, headers=headers, timeout=60)
    assert removed.json() == {"deleted": 1}
    [face] = recognised(world.ann_again).json()["result"]
    assert face["subjects"][0]["subject"] == "bob" and face["subjects"][0]["similarity"] < 0.4


def test_viseron(live_people: World) -> None:
    """It trains anew with every start, and takes the first subject of each face without looking for one."""
    world = live_people
    options = {"limit": 0, "det_prob_threshold": 0.8, "prediction_count": 1, "status": False}
    service = sdk_of(world, options).init_face_recognition(world.caller.key)
    examples = service.get_face_collection()
    for _ in range(2):
        for name, data in (("ann", world.ann), ("bob", world.bob)):
            examples.delete_all(name)
            assert "message" not in examples.add(data, name)
    assert examples.list()["total_elements"] == 2
    assert "message" in examples.add(world.nobody, "nobody")
    found = {
        result["subjects"][0]["subject"]: result["subjects"][0]["similarity"]
        for result in service.recognize(world.both)["result"]
    }
    assert set(found) == {"ann", "bob"} and min(found.values()) >= 0.5
    assert "result" not in service.recognize(world.nobody)


def test_the_plugin_of_stash(live_people: World) -> None:
    """It keeps the embeddings of what it has seen, asks again with these, and shows photographs by their address."""
    world, caller = live_people, live_people.caller
    plugins = "face_plugins=landmarks,gender,age,calculator,mask"
    ann = caller.add("ann", world.ann)
    caller.add("bob", world.bob)
    result = caller.image(f"recognition/recognize?{plugins}&prediction_count=1", world.both).body["result"]
    assert all({"box", "subjects", "landmarks", "embedding"} == set(face) for face in result)
    again = caller.json(EMBEDDINGS, {"embeddings": [face["embedding"] for face in result]}).body["result"]
    named = [face["subjects"][0] for face in result]
    for one, other in zip(again, named, strict=True):
        assert one["similarities"][0]["subject"] == other["subject"]
        assert one["similarities"][0]["similarity"] == pytest.approx(other["similarity"], abs=5e-3)
    assert len(caller.image(f"detection/detect?{plugins}", world.both).body["result"]) == 2
    shown = requests.get(f"{caller.url}{API}/static/{caller.key}/images/{ann}", timeout=60)
    assert (shown.status_code, shown.content) == (200, world.ann)
    assert caller.get("recognition/subjects").body == {"subjects": ["ann", "bob"]}
