"""Set-up of a clone: what `make` runs before anything is installed, so the standard library is all it may import."""
