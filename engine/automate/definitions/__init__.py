"""Definitions: the JSON document a workflow is written as, everything that can be wrong with it, and its parsed form."""

from automate.definitions.problem import Problem

__all__ = ["Problem"]
