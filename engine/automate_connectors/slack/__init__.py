"""The connector `slack`: messages, reactions and files by the Web API, and incoming webhooks.

spec       the forms
connector  the calls
answers    what `ok: false`, HTTP statuses and webhook texts mean
"""

from automate_connectors.slack.connector import SlackAdapter

ADAPTERS = (SlackAdapter,)

__all__ = ["ADAPTERS", "SlackAdapter"]
