"""A wheel of zeroc-ice 3.6.5, which omero-py needs and for which PyPI has no Linux wheel for Python 3.11 to 3.13."""

VERSION = "3.6.5"
