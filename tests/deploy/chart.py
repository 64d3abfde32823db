"""The chart as Helm renders it, and Kubernetes' own description of what may stand in a manifest.

Helm is its own library (`helm_python`, Linux on x86-64), so nothing imitates it. The description of Kubernetes are the
models of `lightkube`, made from its OpenAPI document: wrong types and missing fields are refused by them, and a field
that Kubernetes does not know is missing from what they give back.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

DEPLOY = Path(__file__).parents[2] / "deploy"
CHART = DEPLOY / "chart"
Manifest = dict[str, Any]


@cache
def _helm() -> Any:
    return pytest.importorskip("helm_python", reason="Helm's library has a wheel for Linux on x86-64 only")


def lint() -> list[str]:
    """What `helm lint --strict` says against the chart; information is left out."""
    report = _helm().lint(str(CHART), strict=True)
    return [f"{m['path']}: {m['error']}" for m in report["messages"] if m["severity"] > 1] + list(report["errors"])


def render(**values: Any) -> list[Manifest]:
    """Every manifest that `helm install demo --set …` would send. Raises the library's HelmError."""
    with _helm().Chart.load(str(CHART)) as chart:
        chart.validate_schema(values)
        files: dict[str, str] = chart.render(values, name="demo", namespace="prod")
    return [m for name, text in files.items() if name.endswith(".yaml") for m in yaml.safe_load_all(text) if m]


def notes(**values: Any) -> str:
    with _helm().Chart.load(str(CHART)) as chart:
        files: dict[str, str] = chart.render(values, name="demo", namespace="prod")
    return next(text for name, text in files.items() if name.endswith("NOTES.txt"))


def problems(manifest: Manifest) -> list[str]:
    """What Kubernetes' API server would say against the form of `manifest`."""
    group, _, version = manifest["apiVersion"].rpartition("/")
    module = importlib.import_module(f"lightkube.models.{group.partition('.')[0] or 'core'}_{version}")
    try:
        known = msgspec.convert(manifest, getattr(module, manifest["kind"]), strict=True)
    except msgspec.ValidationError as error:
        return [str(error)]
    return list(_lost(manifest, msgspec.to_builtins(known), "$"))


def _lost(given: Any, kept: Any, path: str) -> Iterator[str]:
    """Fields of `given` that did not come through the model."""
    if isinstance(given, dict) and isinstance(kept, dict):
        for key, value in given.items():
            if key not in kept:
                yield f"{path}.{key}: no such field"
            else:
                yield from _lost(value, kept[key], f"{path}.{key}")
    elif isinstance(given, list) and isinstance(kept, list):
        for number, pair in enumerate(zip(given, kept, strict=True)):
            yield from _lost(*pair, f"{path}[{number}]")
