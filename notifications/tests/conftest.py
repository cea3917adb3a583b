"""A receiver that webhooks may reach, and a subscription of alice's to everything."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_django.fixtures import Settings

from clients.models import Client
from notifications.models import Subscription
from notifications.tests.receiver import Receiver, receiving
from notifications.types import OFFERED


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    with receiving() as server:
        settings.WEBHOOK_HOSTS = [f"127.0.0.1:{server.port}"]
        settings.WEBHOOK_ALLOW_PRIVATE = True
        yield server


@pytest.fixture
def subscription(client_a: Client, receiver: Receiver) -> Subscription:
    return subscribe(client_a, receiver.url)


def subscribe(client: Client, target: str, **fields: object) -> Subscription:
    row = Subscription(client=client, name="hook", target=target, events=[event.value for event in OFFERED])
    for name, value in fields.items():
        setattr(row, name, value)
    row.full_clean()
    row.save()
    return row
