import os
import subprocess
import sys
from datetime import timedelta
from io import StringIO

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.utils import timezone

from clients.models import ApiKey, Client

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("create_api_key", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_standard_output_is_the_key_and_nothing_else() -> None:
    out, err = run("shop", "--scopes", "all")
    row = ApiKey.objects.get()
    assert out.endswith("\n") and row.is_valid(out.strip()) and len(out.splitlines()) == 1
    assert row.prefix in err and out.strip() not in err


def test_options_reach_the_key(client_a: Client) -> None:
    run("alice", "--scopes", "detect", "blacklist:read", "--expires-days", "7", "--name", "till 3")
    row = ApiKey.objects.get(client=client_a)
    assert (row.scopes, row.name) == (["detect", "blacklist:read"], "till 3")
    assert timedelta(days=6) < row.expiry_date - timezone.now() <= timedelta(days=7)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["shop", "--scopes", "fly"], "Known scopes: detect, screen, blacklist:read, blacklist:write"),
        (["shop"], "Name the scopes of the key: read, enrol, all, detect"),
        (["shop", "--scopes", "all", "--networks", "10.0.0.1/8"], "is not a network"),
        (["shop", "--scopes", "all", "--expires-days", "soon"], "invalid"),
        (["shop", "--scopes", "all", "--expires-days", "-1"], "1 to 36500 days"),
        (["shop", "--scopes", "all", "--expires-days", "0"], "1 to 36500 days"),
        (["two words", "--scopes", "all"], "Letters, digits"),
        ([], "client"),
    ],
)
def test_bad_options_make_nothing(arguments: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        run(*arguments)
    assert not ApiKey.objects.exists() and not Client.objects.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--scopes", "fly"], "Unknown scope: fly"), (["--scopes", "all"], "The database does not answer.")],
)
def test_a_refusal_prints_nothing_on_standard_output(arguments: list[str], message: str) -> None:
    command = [sys.executable, "manage.py", "create_api_key", "shop", *arguments]
    nowhere = os.environ | {"DATABASE_URL": "postgres://nobody@localhost:1/none"}
    done = subprocess.run(command, cwd=settings.BASE_DIR, env=nowhere, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert message in done.stderr and "Traceback" not in done.stderr
