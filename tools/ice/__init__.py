"""A wheel of zeroc-ice 3.6.5, which omero-py needs; PyPI has none for Linux and Python 3.11 to 3.13."""

VERSION = "3.6.5"
OWN_WHEEL = "OMERO_ROZ_ICE_WHEEL"  # names a wheel of the user's
