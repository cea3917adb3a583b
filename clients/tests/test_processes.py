"""Whether the process of a call has ended, seen in `/proc`, and what a repetition finds then."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from clients.models import Client, IdempotentCall
from clients.processes import has_ended, this_process
from clients.tests.idempotent_calls import api_of, code, end_without_answer, post
from people.models import Person

NAME = "from clients.processes import this_process; print(this_process(), flush=True); input()"


@pytest.fixture
def other() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Another process, and how it calls itself."""
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", NAME], stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def test_a_process_has_ended_when_it_is_killed_even_before_it_is_collected(
    other: tuple[subprocess.Popen[str], str],
) -> None:
    process, name = other
    assert not has_ended(name) and name.split()[2] == str(process.pid)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert has_ended(name)
    process.wait()
    assert has_ended(name)


def test_a_later_process_with_the_same_number_is_another_one() -> None:
    *home, number, _ = this_process().split(" ")
    assert not has_ended(this_process())
    assert has_ended(" ".join([*home, number, "1"]))


@pytest.mark.parametrize("name", ["", "another-machine pid:[1] 1 1"])
def test_of_processes_elsewhere_nothing_is_known(name: str) -> None:
    assert not has_ended(name)


@pytest.mark.django_db
@pytest.mark.parametrize("has_stored", [False, True])
def test_a_call_whose_process_has_ended_need_not_be_waited_for(
    client_a: Client, other: tuple[subprocess.Popen[str], str], has_stored: bool
) -> None:
    api: APIClient = api_of(client_a)
    assert post(api).status_code == 201
    if not has_stored:
        Person.objects.all().delete()
    soon, (process, name) = timezone.now() + timedelta(minutes=3), other
    end_without_answer(IdempotentCall.objects.get(), has_stored=has_stored, leased_until=soon, process=name)
    assert code(post(api)) == (409, "idempotency.running")
    process.kill()
    process.wait()
    assert code(post(api, body={"name": "John"})) == (422, "idempotency.key_reused")
    if has_stored:
        assert code(post(api)) == (409, "idempotency.answer_gone")
    else:
        assert post(api).status_code == 201
    assert Person.objects.count() == 1
