"""The connector `github`: issues, comments, and starting workflows.

spec       the forms
connector  the calls, and what GitHub's answers mean
marks      how a repeat finds what the first attempt made
"""

from automate_connectors.github.connector import GitHubAdapter

ADAPTERS = (GitHubAdapter,)

__all__ = ["ADAPTERS", "GitHubAdapter"]
