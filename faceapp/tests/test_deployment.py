"""The container files against the code: no container runs here, so every name they use is looked up instead."""

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from celery.app.utils import find_app
from celery.bin.celery import celery as celery_command
from django.apps import apps
from django.conf import settings
from django.core.management import get_commands, load_command_class
from django.test import Client
from django.urls import resolve
from django.utils.module_loading import import_string
from docker.utils.build import exclude_paths
from gunicorn.config import Config as GunicornConfig
from gunicorn.glogging import Logger
from gunicorn.workers.ggevent import GeventWorker
from pytest_django.fixtures import Settings

from faceapp.tests.test_environment import COMPOSE_ONLY, documented_variables, variables_read
from supply_chain import lock
from vision.engines import devices
from vision.gathering_worker import ON_CARD

ROOT = settings.BASE_DIR
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE_TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_TEXT)
CARD: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.gpu.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if "build" in service]
ONE_SHOT = {"migrate"}
SETTINGS_PREFIXES = ("FACEAPP_", "DATABASE_", "REDIS_")


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions, such as ("COPY", ". ."), with continued lines joined."""
    lines = [line for line in DOCKERFILE.splitlines() if line.strip() and not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in joined.splitlines()]


def image_environment() -> dict[str, str]:
    pairs = [shlex.split(value) for name, value in instructions() if name == "ENV"]
    return dict(pair.split("=", 1) for values in pairs for pair in values)


def interpolated() -> dict[str, list[str]]:
    """Variables that Compose itself fills in, each with what follows the name: `:?message`, `:-default` or nothing."""
    found: dict[str, list[str]] = {}
    for name, rest in re.findall(r"(?<!\$)\$\{(\w+)([^}]*)\}", COMPOSE_TEXT):
        found.setdefault(name, []).append(rest)
    return found


def programs(command: str | list[str]) -> Iterator[list[str]]:
    """The single programs of a command, with a shell's `a && exec nice b` taken apart."""
    words = shlex.split(command) if isinstance(command, str) else command
    if words[:2] == ["sh", "-c"]:
        words = shlex.split(words[2])
    program: list[str] = []
    for word in [*words, "&&"]:
        if word == "&&":
            yield program
            program = []
        elif program or word not in {"exec", "nice"}:
            program.append(word)


def all_programs() -> list[list[str]]:
    """Every program that the two files start in our own image."""
    commands: list[str | list[str]] = [
        yaml.safe_load(value) if value.startswith("[") else value
        for name, value in instructions()
        if name == "CMD" or (name == "RUN" and "manage.py" in value)
    ]
    commands += [SERVICES[name]["command"] for name in OURS if "command" in SERVICES[name]]
    checks = [SERVICES[name]["healthcheck"].get("test", ["NONE"]) for name in OURS]
    commands += [test[1] for test in checks if test[0] == "CMD-SHELL" and "celery" in test[1]]
    return [program for command in commands for program in programs(command)]


def starting(name: str) -> list[list[str]]:
    return [program for program in all_programs() if program[0] == name]


def test_every_management_command_and_its_options_exist() -> None:
    called = [program for program in starting("python") if program[1] == "manage.py"]
    assert {program[2] for program in called} >= {"migrate", "fetch_models", "collectstatic"}
    for _, script, name, *arguments in called:
        assert (ROOT / script).is_file()
        app = get_commands()[name]
        command = load_command_class(app, name) if isinstance(app, str) else app
        command.create_parser("manage.py", name).parse_args(arguments)


def web_server_options() -> dict[str, Any]:
    """What the configuration file sets; it is read and not run, because it would patch this process."""
    tree = ast.parse((ROOT / "faceapp" / "web_server.py").read_text())
    plain = [node for node in tree.body if isinstance(node, ast.Assign)]
    return {node.targets[0].id: ast.literal_eval(node.value) for node in plain if isinstance(node.targets[0], ast.Name)}


def test_gunicorn_target_and_options_exist() -> None:
    for _, *options in starting("gunicorn"):
        parsed = GunicornConfig().parser().parse_args(options)
        assert parsed.config == "file:faceapp/web_server.py"
        assert parsed.bind == ["0.0.0.0:8000"]
        [target] = parsed.args
        assert callable(import_string(f"{target}.application"))
    assert starting("gunicorn")


def starting_celery() -> list[list[str]]:
    """Without the option against banners, which come before the command."""
    return [[word for word in program if word != "--quiet"] for program in starting("celery")]


def test_programs_of_celery_write_nothing_but_their_log() -> None:
    quiet = {"--quiet" in program for program in starting("celery") if {"worker", "beat"} & set(program)}
    assert quiet == {True}


def test_the_configuration_of_the_web_server_is_gunicorns() -> None:
    config = GunicornConfig()
    for name, value in web_server_options().items():
        config.set(name, value)
    assert issubclass(config.worker_class, GeventWorker)
    assert issubclass(import_string(config.settings["logger_class"].get()), Logger)


def test_celery_app_commands_and_options_exist() -> None:
    called = starting_celery()
    assert {program[3] for program in called} == {"worker", "beat", "inspect"}
    for _, flag, target, name, *options in called:
        assert flag == "-A"
        assert find_app(target).main == "faceapp"
        command = celery_command.commands[name]
        with click.Context(celery_command) as parent:
            parent.obj = None
            command.make_parser(click.Context(command, parent=parent)).parse_args(list(options))


def test_worker_reads_the_queues_of_the_settings_in_their_order() -> None:
    workers = [program for program in starting_celery() if program[3] == "worker"]
    queues = [program[program.index("--queues") + 1].split(",") for program in workers]
    assert sorted(queues) == sorted([settings.WORKER_QUEUES, settings.EXPRESS_QUEUES, ["maintenance"], ["training"]])


def test_every_variable_is_read_by_the_code_or_explained() -> None:
    named = set(image_environment())
    for name in OURS:
        named |= set(SERVICES[name]["environment"])
    ours = {name for name in named if name.startswith(SETTINGS_PREFIXES)}
    assert ours >= {"FACEAPP_SECRET_KEY", "DATABASE_URL", "REDIS_URL", "FACEAPP_MEDIA_ROOT"}
    assert ours <= variables_read()
    assert set(interpolated()) <= variables_read() | COMPOSE_ONLY
    assert set(documented_variables()) >= COMPOSE_ONLY


def test_the_owner_of_the_tables_is_known_to_two_services() -> None:
    """`.env` reaches every service; what these need not know is emptied."""
    assert {name for name in OURS if SERVICES[name]["environment"]["DATABASE_OWNER_URL"]} == {"migrate", "maintenance"}
    assert not [name for name in OURS if SERVICES[name]["environment"]["POSTGRES_PASSWORD"]]


def test_a_card_changes_only_how_the_worker_runs_networks() -> None:
    worker = CARD["services"]["worker"]
    assert CARD["services"] == {"worker": worker, "express": {"profiles": ["unused"]}}
    assert set(worker) == {"image", "build", "environment", "command", "deploy"}
    assert not [name for name in SERVICES if "express" in SERVICES[name].get("depends_on", {})]
    ordinary, gathering = (list(programs(service["command"])) for service in (SERVICES["worker"], worker))
    assert ordinary[0] == gathering[0]
    added = [word for word in gathering[1] if word not in ordinary[1]]
    assert added == ["--pool", "threads", "--concurrency", str(2 * ON_CARD)]
    assert [word for word in gathering[1] if word not in added] == ordinary[1]
    assert devices.named(worker["environment"]["FACEAPP_DEVICE"]).name == "cuda:0"
    [argument] = worker["build"]["args"].items()
    assert argument == ("CARD", "nvidia") and '"$CARD" = nvidia' in DOCKERFILE


def test_the_wheels_for_cards_are_those_of_the_lock_with_another_onnxruntime() -> None:
    ordinary, other = (
        {package.name: package.version for package in lock.locked(name)} for name in (lock.SERVICE, lock.CARDS)
    )
    assert other.pop("onnxruntime-gpu") == ordinary["onnxruntime"] and "onnxruntime" not in other
    shared = {name: version for name, version in other.items() if not name.startswith("nvidia-")}
    assert shared and shared.items() <= ordinary.items()


def test_no_secret_has_a_default() -> None:
    for name, forms in interpolated().items():
        if re.search("PASSWORD|SECRET|KEY|TOKEN", name):
            assert all(form.startswith(":?") for form in forms), name
    secret_names = re.compile("(PASSWORD|SECRET|KEY|TOKEN|AUTH|_URL$)(?!.*_FILE$)")  # a path is no secret
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if secret_names.search(name):
                assert not value or ":?" in value, name
    assert not [name for name in image_environment() if secret_names.search(name)]
    assert [value for name, value in instructions() if name == "ARG"] == ["CARD=none"]


def test_every_service_is_confined_and_no_root() -> None:
    for name, service in SERVICES.items():
        assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", service["user"]), name
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
    (user,) = [value for name, value in instructions() if name == "USER"]
    assert {SERVICES[name]["user"] for name in OURS} == {user}


def test_every_lasting_service_has_a_health_check() -> None:
    for name, service in SERVICES.items():
        if name in ONE_SHOT:
            assert service["restart"] == "no"
        else:
            assert service["restart"] == "unless-stopped", name
            assert service["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}, name


def test_services_wait_for_what_they_need() -> None:
    for name in OURS:
        for needed, wait in SERVICES[name]["depends_on"].items():
            expected = "service_completed_successfully" if needed in ONE_SHOT else "service_healthy"
            if (name, needed) == ("web", "worker"):  # the worker starts later, and only has to stop after it
                expected = "service_started"
            assert wait["condition"] == expected, (name, needed)


def test_workers_stop_after_the_web_server() -> None:
    """Requests in flight wait for them; Compose stops what others depend on last."""
    assert "worker" in SERVICES["web"]["depends_on"]
    graceful: int = web_server_options()["graceful_timeout"]
    assert graceful < int(SERVICES["web"]["stop_grace_period"].removesuffix("s"))


def test_images_are_pinned_and_only_the_proxy_is_published() -> None:
    images = [service["image"] for name, service in SERVICES.items() if name not in OURS]
    images += [value.split(" AS ")[0] for name, value in instructions() if name == "FROM"]
    for image in images:
        assert re.search(r":\d+\.\d+", image), image
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"]
    assert SERVICES["proxy"]["ports"][0].startswith("${FACEAPP_BIND:-127.0.0.1}:")


def test_image_runs_the_newest_python_that_the_project_supports() -> None:
    supported = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    beyond = int(re.fullmatch(r">=3\.11,<3\.(\d+)", supported)[1])  # type: ignore[index]
    for value in [value for name, value in instructions() if name == "FROM"]:
        assert value.startswith(f"python:3.{beyond - 1}.")


def test_nothing_of_the_queue_reaches_the_disk() -> None:
    redis = SERVICES["redis"]
    [command] = [program for program in programs(redis["command"]) if program[0] == "redis-server"]
    assert command[command.index("--save") + 1] == ""
    assert command[command.index("--appendonly") + 1] == "no"
    assert "volumes" not in redis
    assert any(mount.startswith("/data") for mount in redis["tmpfs"])


def test_every_volume_is_declared_and_every_path_is_one_the_image_prepares() -> None:
    mounts = [mount.split(":") for service in SERVICES.values() for mount in service.get("volumes", [])]
    assert {mount[0] for mount in mounts if not mount[0].startswith(".")} == set(COMPOSE["volumes"])
    environment = image_environment()
    prepared = {environment["FACEAPP_MEDIA_ROOT"], environment["FACEAPP_MODELS_DIR"]}
    prepared |= {str(Path(environment[f"FACEAPP_{key}_KEY_FILE"]).parent) for key in ("AUDIT", "MASTER")}
    assert {mount[1] for name in OURS for mount in map(_split, SERVICES[name].get("volumes", []))} == prepared
    for name in OURS:
        own = SERVICES[name]["environment"]
        assert all(own[key] == value for key, value in environment.items() if key in own)


def test_the_master_key_is_where_files_are_read_and_nowhere_else() -> None:
    holders = {name for name, service in SERVICES.items() if "keys:/srv/keys" in service.get("volumes", [])}
    readers = {name for name, service in SERVICES.items() if "media:/srv/media" in service.get("volumes", [])}
    assert holders == readers | {"migrate", "trainer"}
    assert not holders & {"database", "redis", "proxy"}


def _split(mount: str) -> list[str]:
    return mount.split(":")


@pytest.mark.parametrize("https", [False, True])
def test_health_check_gets_an_answer_under_a_public_host_name(settings: Settings, https: bool) -> None:
    settings.ALLOWED_HOSTS = [*compose_hosts("faces.example.org")]
    settings.SECURE_SSL_REDIRECT = https
    addresses = set(re.findall(r"http://127\.0\.0\.1:8000(/\w+)", DOCKERFILE + COMPOSE_TEXT))
    assert addresses == {"/healthz"}
    for address in addresses:
        assert Client().get(address, headers={"host": "127.0.0.1:8000"}).status_code == 200


def compose_hosts(hosts: str) -> list[str]:
    value = SERVICES["web"]["environment"]["FACEAPP_ALLOWED_HOSTS"]
    return re.sub(r"\$\{FACEAPP_ALLOWED_HOSTS[^}]*\}", hosts, value).split(",")


def test_readiness_has_an_address() -> None:
    assert resolve("/readyz")


def build_context() -> set[str]:
    """The files that `COPY . .` sees, by the rules of `.dockerignore`."""
    patterns = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    return {name for name in exclude_paths(str(ROOT), patterns) if not Path(ROOT, name).is_dir()}


def test_every_copied_path_exists_in_the_build_context() -> None:
    context = build_context()
    for name, value in instructions():
        if name == "COPY" and not value.startswith("--from="):
            *sources, _ = value.split()
            assert all(source == "." or source in context for source in sources), value


def test_build_context_holds_every_app_and_nothing_private() -> None:
    context = build_context()
    for app in apps.get_app_configs():
        if Path(app.path).parent == ROOT:
            assert f"{app.name}/apps.py" in context
    private = re.compile(r"(^|/)(\.env|\.git|\.venv|var|tests|secret_key|[^/]*\.(pem|key|dat|sqlite3))(/|$)")
    assert not [name for name in context if private.search(name)]
    assert sum(Path(ROOT, name).stat().st_size for name in context) < 20_000_000


def test_static_files_are_collected_from_the_build_context_alone(tmp_path: Path) -> None:
    app = tmp_path / "app"
    for name in build_context():
        (app / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, app / name)
    collect = next(program for program in starting("python") if "collectstatic" in program)
    places = {"FACEAPP_VAR": str(tmp_path / "var"), "FACEAPP_STATIC_ROOT": str(tmp_path / "static")}
    clean = {name: value for name, value in os.environ.items() if not name.startswith((*SETTINGS_PREFIXES, "DJANGO_"))}
    command = [sys.executable, *collect[1:]]
    done = subprocess.run(command, cwd=app, env=clean | places, umask=0o022, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "var" / "secret_key").is_file()
    collected = [tmp_path / "static", *(tmp_path / "static").rglob("*")]
    assert not [file for file in collected if file.stat().st_mode & 0o444 != 0o444]  # another user serves them
    manifest = (tmp_path / "static" / "staticfiles.json").read_text()
    assert re.search(r'"admin/css/base.css": "admin/css/base\.\w{12}\.css"', manifest)
