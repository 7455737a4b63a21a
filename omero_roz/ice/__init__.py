"""A wheel of zeroc-ice 3.6.5, which omero-py needs; PyPI has none for Linux and Python 3.11 to 3.13.

Works before anything is installed, from a folder or out of a wheel, so the standard library is all it may import.
"""

VERSION = "3.6.5"
OWN_WHEEL = "OMERO_ROZ_ICE_WHEEL"  # names a wheel of the user's


class SetupError(Exception):
    """Set-up cannot go on; the message says what, where and what to do."""
