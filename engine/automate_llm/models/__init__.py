"""Tables of the LLM layer. Hosted, each tenant's schema has its own."""

from automate_llm.models.answer import CachedAnswer
from automate_llm.models.budget import Budget
from automate_llm.models.ledger import LedgerEntry
from automate_llm.models.month import LedgerMonth
from automate_llm.models.preferences import Preferences

__all__ = ["Budget", "CachedAnswer", "LedgerEntry", "LedgerMonth", "Preferences"]
