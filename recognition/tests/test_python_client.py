"""The Python client against the running service, with real photographs."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from faceapp_client import AsyncFaceApp, Conflict, FaceApp, InvalidInput, NotFound, NotPermitted
from faceapp_client.cli import main

from recognition.tests.contract_api import Api, X

pytestmark = pytest.mark.models


@pytest.fixture
def service(api: Api) -> Iterator[FaceApp]:
    with FaceApp(api.live.url, api.key) as client:
        yield client


def test_detect_and_compare(service: FaceApp, photos: dict[str, bytes]) -> None:
    (face,) = service.detect(photos["S2"])
    assert face.facial_area.w > 40 and face.confidence > 0.9 and face.facial_area.left_eye
    assert len(service.detect(photos["M"])) == 3
    same, other, broken = service.compare(photos["S1"], [photos["S2"], photos["V"], X]).results
    assert same.matches and not other.matches
    assert broken.error and broken.error.code == "image.not_an_image"
    with pytest.raises(InvalidInput) as raised:
        service.detect(X)
    assert (raised.value.code, raised.value.status) == ("image.not_an_image", 400)


def test_people_from_enrolment_to_erasure(service: FaceApp, photos: dict[str, bytes]) -> None:
    jane = service.people.enrol(photos["S1"], name="Jane", external_id="u-1", metadata={"room": [1, "ü"]})
    assert jane.metadata == {"room": [1, "ü"]} and jane.enrolment and jane.enrolment.duplicates == []
    with pytest.raises(Conflict, match=r"person\.external_id_taken"):
        service.people.enrol(photos["S1"], external_id="u-1")
    nobody = service.people.enrol(name="Nobody yet", source="staff")
    for _ in range(2):  # the second time the form has another boundary
        again = service.people.add_image(nobody.id, photos["V"], quality_gate="off", idempotency_key="V of nobody")
    assert [image.id for image in service.people.images(nobody.id)] == [again.image.id]
    assert [person.id for person in service.people.list()] == [jane.id, nobody.id]
    assert [person.id for person in service.people.list(source="staff", since=nobody.created_at)] == [nobody.id]
    assert service.people.update(jane.id, {"name": "Jane Doe"}) == service.people.get(jane.id)

    second = service.people.add_image(jane.id, photos["S2"], quality_gate="off").image
    assert service.people.make_primary(jane.id, second.id).is_primary
    assert next(image.id for image in service.people.images(jane.id)) == second.id
    assert service.people.image(jane.id, second.id) == photos["S2"]

    found = service.people.search(photos["M"], limit=1, sources=["", "staff"])
    assert sorted(face.name or "" for face in found.faces) == ["", "", "Jane Doe"]
    assert service.people.verify(jane.id, photos["small"]).matches
    assert not service.people.verify(jane.id, photos["V"]).matches

    service.people.delete_image(jane.id, second.id)
    receipt = service.people.delete(jane.id)
    assert (receipt.people, receipt.images) == (1, 1)
    with pytest.raises(NotFound, match=r"person\.not_found"):
        service.people.get(jane.id)


def test_blacklist_and_screening(service: FaceApp, photos: dict[str, bytes]) -> None:
    entry = service.blacklist.add("Listed", [photos["S1"], ("x.jpg", X)], reason="a reason")
    assert len(entry.errors) == 1 and len(service.blacklist.images(entry.id)) == 1
    assert [found.name for found in service.blacklist.list()] == ["Listed"]
    assert service.blacklist.update(entry.id, {"reason": None}).reason is None

    matching, broken, other = service.screening.screen([photos["S2"], X, photos["V"]])
    assert matching.has_blacklist_match and matching.matches[0].entry_name == "Listed"
    assert broken.error_code == "image.not_an_image"
    assert other.matches == [] and len(other.faces) == 1

    looks: list[tuple[int, int]] = []
    job = service.screening.submit([("one.jpg", photos["S2"]), ("two.jpg", photos["V"])])
    results = service.screening.wait(job, progress=lambda seen: looks.append((seen.done, seen.total)))
    assert [result.image_path_or_identifier for result in results] == ["one.jpg", "two.jpg"]
    assert looks[-1] == (2, 2)
    assert {found.id for found in service.screening.jobs()} == {job.id, matching.job_id}
    assert [found.db_id for found in service.screening.images(has_match=True, job=job)] == [results[0].db_id]
    assert service.screening.file(results[0].db_id) == photos["S2"]
    service.screening.delete(results[0].db_id)
    assert [found.db_id for found in service.screening.results(job)] == [results[1].db_id]
    assert service.blacklist.delete(entry.id).name == "Listed"


def test_liveness_sessions(service: FaceApp, photos: dict[str, bytes]) -> None:
    session = service.liveness.start("onboarding", "u-17")
    assert session.status == "open" and session.actions
    with pytest.raises(InvalidInput) as raised:
        service.liveness.submit(session, [photos["N"]] * 3)
    assert raised.value.code.startswith("liveness.")
    assert service.liveness.session(session.id).attempts_left == session.attempts_left - 1
    service.liveness.cancel(session.id)
    assert service.liveness.session(session.id).status == "cancelled"


def test_albums(service: FaceApp, photos: dict[str, bytes]) -> None:
    album = service.albums.create("Party")
    images = service.albums.upload(album.id, [photos["S1"], photos["S2"], photos["V"]])
    assert len(images) == 3
    deadline = time.monotonic() + 60
    while service.albums.get(album.id).done < 3:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert [match.image_id for match in service.albums.matches(album.id, images[0].id)] == [images[1].id]
    largest = next(service.albums.groups(album.id))
    assert largest.size == 2
    assert service.albums.name_group(album.id, largest.id, "Jane").person_id
    service.albums.delete(album.id)
    assert list(service.albums.list()) == []


def test_several_at_once(api: Api, photos: dict[str, bytes]) -> None:
    async def calls() -> None:
        async with AsyncFaceApp(api.live.url, api.key) as service:
            await asyncio.gather(*(service.people.enrol(name=f"Person {number}") for number in range(5)))
            assert len([person async for person in service.people.list()]) == 5
            found, screened = await asyncio.gather(
                service.detect(photos["S1"]), service.screening.screen([photos["V"]])
            )
            assert (len(found), screened[0].matches) == (1, [])
        async with AsyncFaceApp(api.live.url, "wrong") as stranger:
            with pytest.raises(NotPermitted, match=r"auth\.invalid_key"):
                await stranger.detect(photos["S1"])

    asyncio.run(calls())


def test_the_command_line(
    api: Api, photos: dict[str, bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "team" / "Jane Doe").mkdir(parents=True)
    for name, photo in (("team/Jane Doe/1.png", "S1"), ("team/Jane Doe/2.jpg", "S2"), ("party.jpg", "M")):
        (tmp_path / name).write_bytes(photos[photo])
    options = ["--json", "--url", api.live.url, "--key", api.key]

    assert main(["enrol", str(tmp_path / "team"), *options]) == 0
    first, second = json.loads(capsys.readouterr().out)
    assert first["person_id"] == second["person_id"]
    assert second["enrolment"]["image"]["original_name"] == "2.jpg"
    assert main(["search", str(tmp_path / "party.jpg"), *options]) == 0
    (searched,) = json.loads(capsys.readouterr().out)
    decisions = [face["candidates"][0]["comparison"]["decision"] for face in searched["faces"]]
    assert sorted(decisions) == ["match", "no_match", "no_match"]
    assert main(["screen", str(tmp_path), *options]) == 0
    assert [answer["file"] for answer in json.loads(capsys.readouterr().out)] == [
        "party.jpg", "team/Jane Doe/1.png", "team/Jane Doe/2.jpg",
    ]  # fmt: skip
    assert main(["people", "delete", str(first["person_id"]), *options]) == 0
    (erased,) = json.loads(capsys.readouterr().out)
    assert erased["receipt"]["images"] == 2
