"""WSGI entry point for gunicorn."""

import os

from django.core.wsgi import get_wsgi_application

from rest.bodies import WholeBodies

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "faceapp.settings")

application = WholeBodies(get_wsgi_application())
