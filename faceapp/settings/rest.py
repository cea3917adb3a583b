"""Django REST framework and the OpenAPI schema."""

from environment import env

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "clients.authentication.ApiKeyAuthentication",
        "clients.authentication.ClientSessionAuthentication",
        "clients.authentication.AnonymousClientAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["clients.permissions.HasScope", "login.permissions.IsConfirmed"],
    "DEFAULT_THROTTLE_CLASSES": ["clients.throttling.ClientRateThrottle"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_PARSER_CLASSES": [
        "rest.parsers.JSONParser",
        "rest.parsers.FormParser",
        "rest.multipart.MultiPartParser",
    ],
    "DEFAULT_SCHEMA_CLASS": "clients.schema.ApiSchema",
    "EXCEPTION_HANDLER": "rest.errors.handle_exception",
    "NUM_PROXIES": env.int("FACEAPP_PROXIES", default=0),  # trusted proxies that append to X-Forwarded-For
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "faceapp",
    "DESCRIPTION": "Self-hosted face recognition: screening, people, liveness, albums.",
    "VERSION": "1.0.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "StatusEnum": "recognition.models.STATES",
        "TrainingStatusEnum": "training.models.STATE_CHOICES",
    },
    "SCHEMA_PATH_PREFIX": r"/api/v1",
}
