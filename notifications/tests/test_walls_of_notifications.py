"""The rows of another client are not there, for the role of web server and workers."""

from __future__ import annotations

import pytest

from clients.models import Client
from notifications.models import Delivery, Subscription
from notifications.services import send_test
from walls.current import showing

pytestmark = pytest.mark.django_db


def test_the_database_shows_them_to_their_client_alone(
    client_a: Client, client_b: Client, subscription: Subscription
) -> None:
    send_test(subscription=subscription)
    for client, count in ((client_a, 1), (client_b, 0)):
        with showing(client.pk):
            assert (Subscription.objects.count(), Delivery.objects.count()) == (count, count)
