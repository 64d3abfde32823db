"""The connector `email`: one letter by a mail server of the workspace, or by the installation's own mail.

spec       the form
letter     from parameters to a message
smtp       one SMTP conversation with a checked address
connector  which way a letter goes, and what a failure means
"""

from automate_connectors.email.connector import EmailAdapter

ADAPTERS = (EmailAdapter,)

__all__ = ["ADAPTERS", "EmailAdapter"]
