"""Definitions that were refused. Nothing is written when one of these is raised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from automate.definitions import Problem
from automate_governance.errors import Invalid


class InvalidDraft(Invalid):
    """The definition has problems; `details.errors` lists every one as {path, code, message}."""

    code = "invalid_definition"

    def __init__(self, problems: Sequence[Problem]):
        self.problems = list(problems)
        first = self.problems[0]
        more = f" (and {len(self.problems) - 1} more)" if len(self.problems) > 1 else ""
        super().__init__(
            f"The definition cannot be used: {first.path or 'as a whole'}: {first.message}{more}",
            details={"errors": [problem.as_dict() for problem in self.problems]},
        )


class InvalidImport(Invalid):
    """Some document has problems; `problems` has them by the document's source, `details.errors` in one list."""

    code = "invalid_import"

    def __init__(self, problems: Mapping[str, Sequence[Problem]]):
        self.problems = {source: list(found) for source, found in problems.items()}
        count = sum(len(found) for found in self.problems.values())
        super().__init__(
            f"Nothing was imported: {count} problem(s) in {len(self.problems)} document(s).",
            details={
                "errors": [
                    {"source": source, **problem.as_dict()}
                    for source, found in self.problems.items()
                    for problem in found
                ]
            },
        )
