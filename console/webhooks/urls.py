"""Routes of *Webhooks and e-mail*."""

from __future__ import annotations

from django.urls import path

from console.webhooks.views import (
    DeletePage,
    NewPage,
    RedeliverPage,
    SecretPage,
    SubscriptionPage,
    SubscriptionsPage,
    TestPage,
)

urlpatterns = [
    path("", SubscriptionsPage.as_view(), name="webhooks"),
    path("new/", NewPage.as_view(), name="webhook-new"),
    path("<uuid:uuid>/", SubscriptionPage.as_view(), name="webhook"),
    path("<uuid:uuid>/test/", TestPage.as_view(), name="webhook-test"),
    path("<uuid:uuid>/secret/", SecretPage.as_view(), name="webhook-secret"),
    path("<uuid:uuid>/delete/", DeletePage.as_view(), name="webhook-delete"),
    path("<uuid:uuid>/deliveries/<uuid:delivery>/", RedeliverPage.as_view(), name="webhook-redeliver"),
]
