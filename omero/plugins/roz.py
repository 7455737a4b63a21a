"""Registers `omero roz`. OMERO runs every plugin file at every command, so nothing heavy is imported here."""

from omero_roz.cli_plugin import HELP, RozControl

register("roz", RozControl, HELP)  # type: ignore[name-defined]  # noqa: F821 (OMERO's loader gives it)
