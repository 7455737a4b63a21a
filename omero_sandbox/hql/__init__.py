"""OMERO's query language: a documented subset of Hibernate's, on the real tables."""

from omero_sandbox.hql.run import find, project

__all__ = ["find", "project"]
