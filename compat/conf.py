"""The compatibility APIs that are installed, and their settings: a new one adds a line to both lists."""

from compat.compreface.conf import *
from compat.deepface_api.conf import *
from compat.deepstack.conf import *
from compat.ekyc.conf import *
from compat.faceanalysis.conf import *
from compat.facehash.conf import *
from compat.nextcloud.conf import *
from compat.rekognition.conf import *

# Of two that serve the same request at the root the first one gets it; FaceHash takes any POST to `/`.
COMPATIBILITY_APIS = [
    "compat.nextcloud.apps.NextcloudConfig",
    "compat.ekyc.apps.EkycConfig",
    "compat.faceanalysis.apps.FaceAnalysisConfig",
    "compat.rekognition.apps.RekognitionConfig",
    "compat.compreface.apps.CompreFaceConfig",
    "compat.deepstack.apps.DeepStackConfig",
    "compat.deepface_api.apps.DeepFaceApiConfig",
    "compat.facehash.apps.FaceHashConfig",
]

# Answered without HTTPS as well, for probes inside the own network.
PLAIN_HTTP_PATHS: list[str] = [
    pattern for name, patterns in sorted(globals().items()) if name.endswith("_PLAIN_HTTP") for pattern in patterns
]
# Compatibility APIs that answer preflights themselves.
OWN_CORS_PATHS: list[str] = [
    pattern for name, patterns in sorted(globals().items()) if name.endswith("_OWN_CORS") for pattern in patterns
]
