from django.urls import path
from drf_spectacular.generators import SchemaGenerator

from clients.tests.urls import NoteView


def test_the_schema_names_the_ways_to_authenticate() -> None:
    schema = SchemaGenerator(patterns=[path("api/notes/", NoteView.as_view())]).get_schema(request=None, public=True)
    schemes = schema["components"]["securitySchemes"]
    assert {name: (scheme["in"], scheme["name"]) for name, scheme in schemes.items()} == {
        "ApiKey": ("header", "X-API-Key"),
        "ApiKeyAuthorization": ("header", "Authorization"),
        "cookieAuth": ("cookie", "sessionid"),
    }
    security = schema["paths"]["/api/notes/"]["get"]["security"]
    assert security == [{"ApiKey": []}, {"ApiKeyAuthorization": []}, {"cookieAuth": []}]
