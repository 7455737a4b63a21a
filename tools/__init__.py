"""Set-up: what `make` runs before anything is installed, so the standard library is all it may import."""


class SetupError(Exception):
    """Set-up cannot go on; the message says what, where and what to do."""
