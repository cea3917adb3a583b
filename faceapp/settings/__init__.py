"""Settings, read from the environment through `environment`; each variable is explained in `.env.example`."""

from compat.conf import *
from environment import BASE_DIR as BASE_DIR
from faceapp.settings.admin import *
from faceapp.settings.apps import *
from faceapp.settings.audit import *
from faceapp.settings.azure import *
from faceapp.settings.clients import *
from faceapp.settings.database import *
from faceapp.settings.decisions import *
from faceapp.settings.faces import *
from faceapp.settings.files import *
from faceapp.settings.frigate import *
from faceapp.settings.liveness import *
from faceapp.settings.logging import *
from faceapp.settings.login import *
from faceapp.settings.networks import *
from faceapp.settings.notifications import *
from faceapp.settings.paths import *
from faceapp.settings.queue import *
from faceapp.settings.remote import *
from faceapp.settings.rest import *
from faceapp.settings.tasks import *
from faceapp.settings.training import *
from faceapp.settings.vault import *
from faceapp.settings.web import *
