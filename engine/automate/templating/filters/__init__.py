"""The filters and tests of a template: our own, on plain data, each with its size known before it is made."""

from automate.templating.filters import inserted, lists, numbers, questions, text  # they register themselves
from automate.templating.filters.registry import FILTERS, TESTS

__all__ = ["FILTERS", "TESTS", "inserted", "lists", "numbers", "questions", "text"]
