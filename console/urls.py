"""Routes of the console; each section has a module of its own."""

from __future__ import annotations

from django.urls import include, path
from django.views.generic import RedirectView

from console import views
from console.jobs import JobPage, JobsPage
from console.system.views import DayPart, NowPart, SystemPage
from console.today import ListPerson

app_name = "console"
urlpatterns = [
    path("", RedirectView.as_view(pattern_name="home")),
    path("state/", views.state, name="state"),
    path("photographs/<uuid:image_id>/", views.photograph, name="photograph"),
    path("photographs/<uuid:image_id>/large/", views.photograph, {"variant": "portrait"}, name="portrait"),
    path("review/", include("console.review.urls")),
    path("watchlist/", include("console.watchlist.urls")),
    path("try/", include("console.try_it.urls")),
    path("images/", include("console.images.urls")),
    path("people/", include("console.people.urls")),
    path("albums/", include("console.albums.urls")),
    path("jobs/", JobsPage.as_view(), name="jobs"),
    path("jobs/<uuid:job_id>/", JobPage.as_view(), name="job"),
    path("list/", ListPerson.as_view(), name="list-person"),
    path("clients/", include("console.clients.urls")),
    path("audit/", include("console.auditing.urls")),
    path("system/webhooks/", include("console.webhooks.urls")),
    path("system/health/", include("console.galleries.urls")),
    path("system/", SystemPage.as_view(), name="system"),
    path("system/now/", NowPart.as_view(), name="system-now"),
    path("system/day/", DayPart.as_view(), name="system-day"),
]
