"""`.env.example` and the code name the same variables, with the same defaults."""

import ast
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import get_commands

from environment import choice, env, time_zone

ROOT: Path = settings.BASE_DIR
EXAMPLE = ROOT / ".env.example"
READERS = {"choice", "path", "secret", "time_zone"}  # of environment, beside env.<type>
ASSIGNMENT = re.compile(r"#? ?([A-Z][A-Z0-9_]+)=(.*)")
LIMITED = ("PROXY", "WEB", "WORKER", "EXPRESS", "MAINTENANCE", "TRAINER", "BEAT", "MIGRATE", "DATABASE", "REDIS")
COMPOSE_ONLY = {
    "POSTGRES_PASSWORD",
    "POSTGRES_APP_PASSWORD",
    "REDIS_PASSWORD",
    "IMAGE_TAG",
    "FACEAPP_DOMAIN",
    "FACEAPP_ACME_URL",
    "FACEAPP_ADDRESS_CALLS",
    "FACEAPP_OUTER_PROXY",
    "FACEAPP_UPLOAD_MEMORY",
    *(f"FACEAPP_{service}_{limit}" for service in LIMITED for limit in ("MEMORY", "CPUS")),
}


def project_files() -> Iterator[Path]:
    """Our own modules, without tests and without what is generated."""
    for file in sorted(ROOT.rglob("*.py")):
        folders = file.relative_to(ROOT).parts[:-1]
        if not {"tests", "var", "migrations"} & set(folders) and not any(name.startswith(".") for name in folders):
            yield file


def calls_reading_a_variable() -> Iterator[tuple[str, ast.Call]]:
    """`env.<type>("NAME")`, `env("NAME")`, `path("NAME", …)`, `secret("NAME", …)`, `os.environ.get("FACEAPP_…")`."""
    for file in project_files():
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                name, reader = node.args[0].value, ast.unparse(node.func)
                of_ours = re.fullmatch(r"env(\.\w+)?", reader) or reader in READERS
                of_system = reader in {"os.environ.get", "os.getenv"} and str(name).startswith("FACEAPP_")
                if (of_ours or of_system) and isinstance(name, str) and name.isupper():
                    yield name, node


def variables_read() -> set[str]:
    """The names of all variables that the code reads."""
    return {name for name, _ in calls_reading_a_variable()}


def documented_variables() -> dict[str, str]:
    """The variables of `.env.example` with the values given there."""
    return dict(match.groups() for line in EXAMPLE.read_text().splitlines() if (match := ASSIGNMENT.fullmatch(line)))


def written_defaults() -> Iterator[tuple[str, str]]:
    """Variables whose default is written out in the code, with the default as it would stand in the environment."""
    for name, call in calls_reading_a_variable():
        for keyword in call.keywords:
            if keyword.arg == "default" and not any(isinstance(part, ast.Name) for part in ast.walk(keyword.value)):
                yield name, _as_text(eval(compile(ast.Expression(keyword.value), name, "eval")))


def _as_text(value: object) -> str:
    if isinstance(value, list):
        return ",".join(value)
    return "" if value is None else str(value)


def test_every_variable_that_the_code_reads_is_documented() -> None:
    assert variables_read() - set(documented_variables()) == set()


def test_every_documented_variable_is_read() -> None:
    assert set(documented_variables()) - variables_read() - COMPOSE_ONLY == set()


def test_documented_defaults_are_those_of_the_code() -> None:
    documented = documented_variables()
    wrong = {
        name: (documented.get(name), default)
        for name, default in written_defaults()
        if not _same(documented.get(name, ""), default)
    }
    assert wrong == {}


def _same(documented: str, default: str) -> bool:
    try:
        return float(documented) == float(default)
    except ValueError:
        return documented.lower() == default.lower()


def test_every_documented_variable_is_explained_above_it() -> None:
    lines = EXAMPLE.read_text().splitlines()
    for above, line in pairwise(lines):
        if ASSIGNMENT.fullmatch(line):
            assert above.startswith("# ") and not ASSIGNMENT.fullmatch(above), line


def test_copying_the_example_changes_nothing() -> None:
    assert not [line for line in EXAMPLE.read_text().splitlines() if line and not line.startswith("#")]


def required_packages() -> set[str]:
    """The packages that the project asks for itself, without extras and versions."""
    names = [file.name for file in ROOT.glob("requirements*.in")]
    lines = [line for name in names for line in (ROOT / name).read_text().splitlines()]
    return {re.split(r"[\[<>=~!; ]", line)[0] for line in lines if line and line[0] not in "#-"}


def test_every_dependency_has_its_reason_in_the_decisions() -> None:
    decisions = (ROOT / "docs" / "decisions.md").read_text().partition("## Dependencies")[2]
    reasons = [line for line in decisions.splitlines() if line.startswith("- `")]
    explained = {name for line in reasons for name in re.findall(r"`([^`]+)`", line.partition(":")[0])}
    assert explained == required_packages()


def test_operations_name_only_variables_and_commands_that_exist() -> None:
    text = (ROOT / "docs" / "operations.md").read_text()
    variables = set(re.findall(r"\b(?:FACEAPP|POSTGRES|REDIS)_[A-Z0-9_]*[A-Z0-9]\b", text))
    assert variables <= variables_read() | COMPOSE_ONLY
    assert set(re.findall(r"manage\.py (\w+)", text)) <= set(get_commands())


@pytest.mark.parametrize(
    ("read", "value", "message"),
    [
        (env.int, "80a", "FACEAPP_PORT='80a' must be a whole number; see .env.example."),
        (env.float, "20MB", "FACEAPP_PORT='20MB' must be a number; see .env.example."),
        (env.float, "nan", "FACEAPP_PORT='nan' must be a number; see .env.example."),
        (lambda name: time_zone(name, "UTC"), "Mars", "FACEAPP_PORT='Mars' is no time zone, such as Europe/Berlin."),
        (lambda name: choice(name, "text", ("text", "json")), "xml", "FACEAPP_PORT='xml' must be text or json."),
        (lambda name: time_zone(name, "UTC"), "../x", "FACEAPP_PORT='../x' is no time zone, such as Europe/Berlin."),
    ],
)
def test_a_value_that_cannot_be_read_is_named(
    read: Callable[[str], Any], value: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACEAPP_PORT", value)
    with pytest.raises(SystemExit) as ended:
        read("FACEAPP_PORT")
    assert ended.value.code == message
