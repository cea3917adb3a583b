"""The route of *Audit*."""

from __future__ import annotations

from django.urls import path

from console.auditing.views import AuditPage

urlpatterns = [path("", AuditPage.as_view(), name="audit")]
