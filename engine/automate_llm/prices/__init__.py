"""Prices: what a million tokens of a model cost, in dollars, by the host that the call goes to.

`table.json` is kept with its date and source (see `refresh`). Rows of the tenant come first, then those of the
installation (`DJANGO_AUTOMATE["LLM"]["prices"]`), then the table. An unknown price is an error, never a free call.
"""

from automate_llm.prices.lookup import find_price
from automate_llm.prices.price import Price, Usage, find_price_problem

__all__ = ["Price", "Usage", "find_price", "find_price_problem"]
