"""A value that nobody knows: what a dry run puts where an answer would stand that was never recorded.

It may stand anywhere in a context. A template that does not read it renders as ever; one that does is UnknownValue,
whatever it would have done with the value: nothing is made up, not by `default` either.
"""

from __future__ import annotations

from automate.templating.errors import TemplateFailed


class Unknown:
    """`path`: where it stands in the context, such as `steps.charge.output`."""

    __slots__ = ("path",)

    def __init__(self, path: str):
        self.path = path

    def __repr__(self) -> str:
        return f"<unknown {self.path}>"


class UnknownValue(TemplateFailed):
    """A value is needed that nobody knows; `details.needs` is its path."""

    code, http_status = "unknown_value", 422

    def __init__(self, path: str):
        super().__init__(f"`{path}` is not known.", details={"needs": path})
