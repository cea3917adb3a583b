"""Which programs `manage.py up` starts, and at which priority."""

import pytest
from pytest_django.fixtures import Settings

from faceapp.embedded.stack import programs
from vision import gathering_worker
from vision.engines.devices import PROCESSOR


def priorities(settings: Settings, children: int) -> dict[str, int]:
    """How much each program that takes work from the queue gives way to others, by its name."""
    settings.WORKER_CHILDREN = children
    commands = {program.name: program.command for program in programs(None, devices=[PROCESSOR])}
    flags = {name: [flag for flag in command if flag.startswith("--nice=")] for name, command in commands.items()}
    return {name: int(found[0].removeprefix("--nice=")) for name, found in flags.items() if found}


@pytest.mark.parametrize("children", [2, 16])
def test_one_process_is_kept_for_callers_where_several_work_on_bulk_images(settings: Settings, children: int) -> None:
    found = priorities(settings, children)
    assert found["express"] < found["worker"]
    [express] = [program.command for program in programs(None, devices=[PROCESSOR]) if program.name == "express"]
    assert {"--queues=interactive", "--concurrency=1"} <= set(express)


def test_a_single_child_serves_everyone(settings: Settings) -> None:
    found = priorities(settings, 1)
    assert "express" not in found and found["worker"] < found["trainer"]


def test_maintenance_has_a_process_of_its_own(settings: Settings) -> None:
    queues = {
        one.name: flag.removeprefix("--queues=").split(",")
        for one in programs(None, devices=[PROCESSOR])
        for flag in one.command
        if flag.startswith("--queues=")
    }
    assert queues["maintenance"] == ["maintenance"]
    assert [name for name, read in queues.items() if "maintenance" in read] == ["maintenance"]


def test_the_express_worker_reads_what_others_read_first(settings: Settings) -> None:
    assert settings.WORKER_QUEUES[: len(settings.EXPRESS_QUEUES)] == settings.EXPRESS_QUEUES


def test_one_client_can_fill_the_batches_of_every_card(settings: Settings) -> None:
    found = {
        one.name: one.environment.get("FACEAPP_CLIENT_AT_ONCE") for one in programs(None, devices=["cuda:0", "cuda:1"])
    }
    assert found["web"] == found["worker"] == found["worker-2"] == str(4 * gathering_worker.threads())
    alone = programs(None, devices=[PROCESSOR])
    assert not any("FACEAPP_CLIENT_AT_ONCE" in one.environment for one in alone)


def test_one_program_is_the_owner_of_the_database(settings: Settings) -> None:
    owners = [one.name for one in programs(None, devices=[PROCESSOR]) if "FACEAPP_DATABASE_ROLE" in one.environment]
    assert owners == ["maintenance"]
