"""Measurements, on a sandbox of their own: `python -m bench.import_plate`."""
