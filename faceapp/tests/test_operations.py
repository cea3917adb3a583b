"""The examples of docs/operations.md against docker-compose.yml."""

from __future__ import annotations

import re
from typing import Any

import yaml
from django.conf import settings

PAGE = (settings.BASE_DIR / "docs" / "operations.md").read_text()
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((settings.BASE_DIR / "docker-compose.yml").read_text())["services"]
OURS = {name for name, service in SERVICES.items() if "build" in service}


class ComposeLoader(yaml.SafeLoader):
    """Reads Compose's tags `!reset` and `!override`, both of which put a value in place of the base file's."""


for tag in ("!reset", "!override"):
    ComposeLoader.add_constructor(tag, lambda loader, node: loader.construct_mapping(node, deep=True))


def override() -> dict[str, dict[str, Any]]:
    section = PAGE.partition("## With your own PostgreSQL and Redis")[2].partition("\n## ")[0]
    [text] = re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)
    return dict(yaml.load(text, ComposeLoader)["services"])


def test_every_service_of_ours_gets_the_own_database_and_queue() -> None:
    assert {name for name, service in override().items() if "environment" in service} == OURS
    for name in OURS:
        assert "outside" in override()[name].get("networks", []) + SERVICES[name]["networks"], name
    for name in OURS:
        of_owner = {"DATABASE_OWNER_URL"} if SERVICES[name]["environment"]["DATABASE_OWNER_URL"] else set()
        assert set(override()[name]["environment"]) == {"DATABASE_URL", "REDIS_URL"} | of_owner, name


def test_no_service_waits_for_a_server_that_is_not_started() -> None:
    unused = {name for name, service in override().items() if service.get("profiles") == ["unused"]}
    assert unused == {"database", "redis"}
    for name in OURS:
        assert not unused & set(override()[name]["depends_on"]), name


def test_the_table_of_services_names_each_once() -> None:
    table = PAGE.partition("| service |")[2].partition("\n\n")[0]
    assert sorted(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == sorted(SERVICES)


def test_workers_without_containers_read_the_queues_of_those_in_containers() -> None:
    queues = re.compile(r"--queues[ ,\"']+([\w,]+)")
    section = PAGE.partition("## Without containers")[2].partition("\n## ")[0]
    commands = [
        " ".join([command] if isinstance(command, str) else command)
        for service in SERVICES.values()
        if (command := service.get("command"))
    ]
    assert queues.findall(section) == [found for command in commands for found in queues.findall(command)]
