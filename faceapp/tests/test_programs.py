"""Which programs `manage.py up` starts, and at which priority."""

import pytest
from pytest_django.fixtures import Settings

from faceapp.embedded.stack import programs
from vision.engines.devices import PROCESSOR


def priorities(settings: Settings, children: int) -> dict[str, int]:
    """How much each program that takes work from the queue gives way to others, by its name."""
    settings.WORKER_CONCURRENCY = children
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


def test_the_express_worker_reads_what_others_read_first(settings: Settings) -> None:
    assert settings.WORKER_QUEUES[: len(settings.EXPRESS_QUEUES)] == settings.EXPRESS_QUEUES
