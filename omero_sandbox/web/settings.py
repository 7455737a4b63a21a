"""OMERO.web's own settings, with its static files served by itself: a sandbox has no web server in front of it.

Imported by Django in OMERO.web's process only, where OMERODIR is set.
"""

import os

from omeroweb.settings import *  # noqa: F403
from omeroweb.settings import MIDDLEWARE, OMERODIR

MIDDLEWARE = ("whitenoise.middleware.WhiteNoiseMiddleware", *MIDDLEWARE)
# Straight from the package: nothing has to be collected first.
WHITENOISE_USE_FINDERS = True
STATIC_ROOT = os.path.join(OMERODIR, "static")
SESSION_FILE_PATH = os.path.join(OMERODIR, "sessions")
