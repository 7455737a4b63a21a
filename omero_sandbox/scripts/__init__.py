"""OMERO.scripts: the repository of official scripts, the processors, and the jobs that they run."""
