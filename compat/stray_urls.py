"""The URL configuration of requests that no route takes, and the strays of a dialect do; see `compat.dialect`."""

from compat.dialect import dialects

urlpatterns = [route for one in dialects() for route in one.strays]
