"""The bench of the executor's tests: real runs to compare with."""

from tests.engine.automate.execution.conftest import bench, scripted

__all__ = ["bench", "scripted"]
