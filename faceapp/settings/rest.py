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
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer", "rest.pages.PageRenderer"],
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
INTRODUCTION = """\
Self-hosted face recognition: who is in a photograph, whether two faces are the same person, and whether somebody on a
blacklist was seen.

**Authenticate** with an API key in the header `X-API-Key`; *Authorize* takes it once for this page. Without a key, your
login counts.

**Send photographs** as files of a form (`multipart/form-data`), or as base64 or data URLs in JSON.

**Start here:** add a person with `POST /api/v1/people/`, then find out who is in another photograph with
`POST /api/v1/people/search/`.

**Errors** have a sentence in `detail` and a stable `code`. Lists are pages with `limit` and `offset`. A call that
stores something is carried out once if it has an `Idempotency-Key`.
"""
TAGS = {  # in the order of the page
    "people": "People whom you know: enrol them with photographs, find them, verify them, erase them.",
    "compare": "Whether the faces of images are the same person. Nothing is stored.",
    "detect": "Where the faces of an image are, and how good they are. Nothing is stored.",
    "blacklist": "People to look for when images are screened.",
    "process": "Screen images against the blacklist, now or as a job.",
    "jobs": "Images that are screened in the background: their progress and results.",
    "processed-images": "Images that were screened, with their faces and matches.",
    "liveness": "Sessions in which a person proves to be there, in front of a camera.",
    "anti-spoof": "How likely an image shows a print or a screen. Nothing is stored.",
    "albums": "Sets of images whose faces are grouped by person.",
    "galleries": "Sets of people that are searched together, with their thresholds and health.",
    "recognisers": "Classifiers that are trained on the people of a gallery.",
    "engines": "The models of this deployment, their licences and training data.",
    "respaces": "Changes of the model with which a gallery is compared.",
    "usage": "What you have stored and sent, beside your limits.",
    "keys": "The API key of the call.",
    "webhooks": "URLs of yours that are told of events, and what was sent to them.",
    "audit": "What was done with your data, when and by whom.",
    "erasures": "Signed receipts of what was erased.",
    "reset": "Erase everything, in test deployments.",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "faceapp",
    "DESCRIPTION": INTRODUCTION,
    "TAGS": [{"name": name, "description": description} for name, description in TAGS.items()],
    "VERSION": "1.0.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_SETTINGS": """{
        deepLinking: true,
        docExpansion: "none",
        defaultModelsExpandDepth: -1,
        tryItOutEnabled: true,
        displayRequestDuration: true,
        plugins: [HonestForms],
    }""",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "StatusEnum": "recognition.models.STATES",
        "TrainingStatusEnum": "training.models.STATE_CHOICES",
    },
    "SCHEMA_PATH_PREFIX": r"/api/v1",
}
