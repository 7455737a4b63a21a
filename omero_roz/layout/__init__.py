"""What a Zarr holds: series, plates, metadata sources and the series mapping; no OMERO, no SQL."""
