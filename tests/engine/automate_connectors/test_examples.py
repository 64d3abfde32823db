"""The examples in the docstrings of governance and connectors hold."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import automate_connectors
import automate_governance

MODULES = [
    module.name
    for package in (automate_governance, automate_connectors)
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_there_are_examples():
    finder = doctest.DocTestFinder()
    assert sum(bool(test.examples) for name in MODULES for test in finder.find(importlib.import_module(name))) >= 10
