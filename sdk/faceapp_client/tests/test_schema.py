"""Every method against the service's published description: path, verb, parameters, body and the answer's fields."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from faceapp_client.api import Api
from faceapp_client.endpoints import Driver, Pages, call, listing
from faceapp_client.results import LivenessSession
from faceapp_client.retries import Flow, Pause, Request, Retries

SCHEMA: dict[str, Any] = yaml.safe_load((Path(__file__).parents[3] / "docs" / "openapi.yml").read_text())
NOW, DAY = datetime.now(UTC), date(2030, 1, 1)
IMAGE = b"an image"
SESSION = LivenessSession("s", "p", "u", "n", [], "open", 3, "", NOW, NOW, False)
WHEN = {"since": NOW, "until": NOW}
GATE = {"quality_gate": "off", "face_choice": "only"}
GALLERY = {"name": "a/b c", "kind": "people"}
SCREEN = {"images": [IMAGE], "detector": "d", "model": "m", "metric": "x", "threshold": 0.5}
CASE = {"severity": "high", "source": "s", "notes": "n"}
ENTRY = {"is_active": True, "valid_from": DAY, "valid_until": DAY}
ONCE = {"idempotency_key": "k"}
# Each method with every argument that it takes. `request` takes any path, so there is nothing to compare.
CALLS: dict[str, dict[str, Any]] = {
    "detect": {"image": IMAGE, "detector": "d"},
    "compare": {"image": IMAGE, "others": [IMAGE], "threshold": 0.5},
    "people.enrol": {
        "image": IMAGE, "name": "n", "external_id": "e", "source": "s", "metadata": {"a": 1}, "on_existing": "add",
    } | GATE | ONCE,
    "people.list": {"name": "n", "external_id": "e", "source": "s"} | WHEN,
    "people.get": {"person_id": 1},
    "people.update": {"person_id": 1, "changes": {"name": "n", "external_id": "e", "source": "s", "metadata": {}}},
    "people.delete": {"person_id": 1, "keep_record": True, "everywhere": True},
    "people.search": {
        "image": IMAGE, "embedding": None, "sources": ["s"], "faces": "all", "limit": 3, "threshold": 0.5,
        "return_embeddings": True,
    },
    "people.merge": {"person_id": 1, "other_id": 2} | ONCE,
    "people.split": {"person_id": 1, "image_ids": [2], "name": "n", "external_id": "e"} | ONCE,
    "people.keep_apart": {"person_id": 1, "other_id": 2} | ONCE,
    "people.verify": {"person_id": 1, "image": IMAGE, "threshold": 0.5},
    "people.add_image": {"person_id": 1, "image": IMAGE, "replace": True} | GATE | ONCE,
    "people.images": {"person_id": 1, "embeddings": True},
    "people.image": {"person_id": 1, "image_id": 2},
    "people.delete_image": {"person_id": 1, "image_id": 2},
    "people.make_primary": {"person_id": 1, "image_id": 2} | ONCE,
    "engines": {},
    "usage": {},
    "rotate_key": {"overlap_hours": 1} | ONCE,
    "galleries.list": {},
    "galleries.get": GALLERY,
    "galleries.update": GALLERY | {"changes": {"name": "n", "threshold": 0.5, "fpir_per_thousand": 1.0}},
    "galleries.delete": GALLERY,
    "galleries.respaces": {},
    "galleries.health": GALLERY,
    "galleries.look_alikes": GALLERY,
    "galleries.odd_photographs": GALLERY,
    "galleries.poor_people": GALLERY,
    "blacklist.add": {"name": "n", "images": [IMAGE], "reason": "r"} | CASE | ENTRY | ONCE,
    "blacklist.list": {},
    "blacklist.get": {"entry_id": 1},
    "blacklist.update": {"entry_id": 1, "changes": {"name": "n", "reason": "r"} | CASE | ENTRY},
    "blacklist.delete": {"entry_id": 1},
    "blacklist.add_images": {"entry_id": 1, "images": [IMAGE]} | ONCE,
    "blacklist.images": {"entry_id": 1},
    "blacklist.image": {"entry_id": 1, "image_id": 2},
    "blacklist.delete_image": {"entry_id": 1, "image_id": 2},
    "screening.screen": SCREEN | {"progress": None} | ONCE,
    "screening.submit": SCREEN | ONCE,
    "screening.wait": {"job": "j", "timeout": 1.0, "progress": None},
    "screening.job": {"job_id": "j"},
    "screening.jobs": {},
    "screening.results": {"job": "j"},
    "screening.cancel": {"job": "j"} | ONCE,
    "screening.images": {"has_match": True, "job": "j", "status": "done"} | WHEN,
    "screening.image": {"image_id": 1},
    "screening.file": {"image_id": 1},
    "screening.sidecar": {"image_id": 1},
    "screening.delete": {"image_id": 1},
    "liveness.start": {"purpose": "p", "subject": "s", "source": "x"} | ONCE,
    "liveness.session": {"session_id": "s"},
    "liveness.submit": {"session": SESSION, "frames": [IMAGE], "image": IMAGE} | ONCE,
    "liveness.cancel": {"session_id": "s"},
    "liveness.check": {"image": IMAGE},
    "albums.create": {"name": "n", "keep_images": True, "threshold": 0.5} | ONCE,
    "albums.list": {},
    "albums.get": {"album_id": 1},
    "albums.update": {"album_id": 1, "changes": {"name": "n", "keep_images": True, "threshold": 0.5}},
    "albums.delete": {"album_id": 1},
    "albums.upload": {"album_id": 1, "images": [IMAGE], "process": True} | ONCE,
    "albums.process": {"album_id": 1, "images": [2]} | ONCE,
    "albums.images": {"album_id": 1},
    "albums.image": {"album_id": 1, "image_id": 2},
    "albums.sidecar": {"album_id": 1, "image_id": 2},
    "albums.delete_image": {"album_id": 1, "image_id": 2},
    "albums.matches": {"album_id": 1, "image_id": 2},
    "albums.groups": {"album_id": 1},
    "albums.group": {"album_id": 1, "group_id": 2},
    "albums.name_group": {"album_id": 1, "group_id": 2, "name": "n"},
    "albums.merge_groups": {"album_id": 1, "group_id": 2, "groups": [3]} | ONCE,
    "albums.split_group": {"album_id": 1, "group_id": 2, "faces": [3]} | ONCE,
}  # fmt: skip
# `blacklist.update` is the same; who erases everything, or answers requests for access, does so by `request`.
ADMINISTRATION = tuple(f"/api/v1/{name}/" for name in ("recognisers", "audit", "erasures", "webhooks"))  # by `request`
LEFT_OUT = {
    ("PUT", "/api/v1/blacklist/{id}/"), ("POST", "/api/v1/reset/"), ("GET", "/api/v1/people/{id}/report/"),
    ("POST", "/api/v1/people/report/"),
}  # fmt: skip


class Recorder(Driver):
    """Answers each request with an example made from the schema, and remembers both."""

    retries = Retries()

    def __init__(self) -> None:
        self.seen: list[tuple[Request, Any]] = []

    def run(self, flow: Flow[Any]) -> Any:
        answer = None
        while True:
            try:
                step = flow.send(answer)
            except StopIteration as stop:
                return stop.value
            assert not isinstance(step, Pause)
            status, body = answered(step)
            self.seen.append((step, body))
            answer = httpx.Response(status, json=body) if body is not None else httpx.Response(status, content=IMAGE)

    def iterate(self, pages: Pages[Any]) -> Any:
        return self.run(pages.read(self.retries, pages.first)).items


def operation(request: Request) -> tuple[str, dict[str, Any]]:
    """Template and description of what a request asks for; AssertionError where the schema has none."""
    found = [
        template
        for template in SCHEMA["paths"]
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), request.path)
        and request.method.lower() in SCHEMA["paths"][template]
    ]
    exact = [template for template in found if template == request.path] or found
    assert len(exact) == 1, f"{request.method} {request.path} is not in the schema"
    return exact[0], SCHEMA["paths"][exact[0]][request.method.lower()]


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    for part in (schema, *schema.get("allOf", [])):
        if "$ref" in part:
            return resolved(SCHEMA["components"]["schemas"][part["$ref"].rpartition("/")[2]])
    return schema


def example(schema: dict[str, Any]) -> Any:
    """A value with every property that the schema names."""
    schema = resolved(schema)
    if "enum" in schema:
        return "done" if "done" in schema["enum"] else schema["enum"][0]
    if schema.get("format") in ("date-time", "date"):
        return NOW.isoformat() if schema["format"] == "date-time" else DAY.isoformat()
    if schema.get("type") == "array":
        return [example(schema["items"])]
    if "properties" in schema:
        return {name: example(value) for name, value in schema["properties"].items()}
    return {"string": "text", "integer": 1, "number": 0.5, "boolean": True}.get(schema.get("type", ""), {})


def answered(request: Request) -> tuple[int, Any]:
    """Status and example of the first answer that the schema names; no body where it is a file or nothing."""
    _, described = operation(request)
    wanted = "202" if "Prefer" in request.headers else next(iter(described["responses"]))
    status, answer = wanted, described["responses"][wanted]
    content = answer.get("content", {}).get("application/json")
    return int(status), example(content["schema"]) if content else None


def check_request(request: Request) -> None:
    _, described = operation(request)
    known = {(item["in"], item["name"]) for item in described.get("parameters", [])}
    assert {("query", name) for name in request.params} <= known
    assert {("header", name) for name in request.headers if name != "Accept"} <= known
    assert (("header", "Idempotency-Key") in known) == ("Idempotency-Key" in request.headers)
    sent = {*request.form, *(request.json or {}), *(name for name, _ in request.files)}
    if sent:
        content = described["requestBody"]["content"]
        kind = "multipart/form-data" if request.files else "application/json"
        body = resolved(content[kind]["schema"])
        assert sent <= set(body["properties"])
        assert set(body.get("required", [])) <= sent or request.method == "PATCH"


def check_result(result: Any, body: Any) -> None:
    """Every field that a result has is one of the answer's."""
    if isinstance(result, list):
        for item, told in zip(result, body, strict=True):
            check_result(item, told)
    elif dataclasses.is_dataclass(result) and not isinstance(result, type):
        for field in dataclasses.fields(result):
            if field.name == "uuid" and field.name not in body:
                continue
            assert field.name in body, f"{type(result).__name__}.{field.name} is not in the schema"
            check_result(getattr(result, field.name), body[field.name])


def methods(resource: Any, prefix: str = "") -> Iterator[tuple[str, Callable[..., Any]]]:
    for name, method in inspect.getmembers(type(resource), lambda member: isinstance(member, call | listing)):
        yield prefix + name, getattr(resource, name)
        assert method.__doc__, f"{prefix}{name} has no docstring"


def api(recorder: Recorder) -> dict[str, Callable[..., Any]]:
    client = Api(recorder)
    names = ("people", "galleries", "blacklist", "screening", "liveness", "albums")
    groups = [(client, ""), *((getattr(client, name), f"{name}.") for name in names)]
    return {name: method for group, prefix in groups for name, method in methods(group, prefix)}


@pytest.mark.parametrize("name", CALLS)
def test_a_method_asks_what_the_schema_describes(name: str) -> None:
    recorder = Recorder()
    method = api(recorder)[name]
    assert set(inspect.signature(method).parameters) - {"self"} == set(CALLS[name]), "an argument is not tried"
    result = method(**CALLS[name])
    for request, _ in recorder.seen:
        check_request(request)
    body = recorder.seen[-1][1]
    if isinstance(body, dict) and "total_items" in body:
        body = body["items"]
    assert result is not None or body is None
    check_result(result, body)


@pytest.mark.parametrize("name", [name for name, arguments in CALLS.items() if "idempotency_key" in arguments])
def test_a_key_is_the_callers_or_a_new_one_for_each_call(name: str) -> None:
    recorder = Recorder()
    method = api(recorder)[name]
    without = {argument: value for argument, value in CALLS[name].items() if argument != "idempotency_key"}
    keys = []
    for arguments in (CALLS[name], without, without):
        recorder.seen.clear()
        method(**arguments)
        keys += [recorder.seen[0][0].headers["Idempotency-Key"]]
        assert recorder.seen[0][0].idempotent
    assert keys[0] == "k"
    assert len(set(keys)) == 3


def test_every_operation_has_a_method() -> None:
    recorder = Recorder()
    tried = api(recorder)
    assert set(tried) == {*CALLS, "request"}
    for name, arguments in CALLS.items():
        tried[name](**arguments)
    reached = {(request.method, operation(request)[0]) for request, _ in recorder.seen}
    paths = {path: verbs for path, verbs in SCHEMA["paths"].items() if not path.startswith(ADMINISTRATION)}
    described = {(verb.upper(), path) for path, verbs in paths.items() for verb in verbs}
    assert described - LEFT_OUT == reached


def test_an_embedding_and_a_person_without_photograph_are_sent_as_the_schema_says() -> None:
    recorder = Recorder()
    client = Api(recorder)
    client.people.search(embedding=[0.5, 1.0], limit=2)  # type: ignore[call-overload]
    client.people.enrol(name="n", external_id="e")  # type: ignore[call-overload]
    for request, _ in recorder.seen:
        assert not request.files
        sent = {*request.form, *(request.json or {})}
        assert sent <= set(
            resolved(operation(request)[1]["requestBody"]["content"]["application/json"]["schema"])["properties"]
        )
