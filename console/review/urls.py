"""Routes of *Review*."""

from __future__ import annotations

from django.urls import path

from console.review.views import DismissMany, HitExport, HitPage, OpenAgain, QueuePage, TakeBack, picture

urlpatterns = [
    path("", QueuePage.as_view(), name="review"),
    path("dismiss/", DismissMany.as_view(), name="review-dismiss"),
    path("<int:pk>/", HitPage.as_view(), name="review-hit"),
    path("<int:pk>/export.json", HitExport.as_view(), name="review-export"),
    path("<int:pk>/open/", OpenAgain.as_view(), name="review-open"),
    path("<int:pk>/<str:variant>/", picture, name="review-picture"),
    path("verdicts/<int:pk>/undo/", TakeBack.as_view(), name="review-undo"),
]
