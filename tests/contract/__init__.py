"""What omero-roz and the sandbox's clients rely on in OMERO: a small test a fact, on the sandbox and on any server."""
