"""Language models as a part of workflows: providers, prices, budgets that hold, and a ledger of every call.

providers  the contract, and OpenAI, Anthropic and OpenAI-compatible endpoints behind it
wire       the two wire formats, as functions without any I/O
prices     what a million tokens cost, with date and source
budgets    caps, periods and the reservations that keep spend below them
calling    one call, whole: price, reserve, send, settle, record
connector  the connector `llm`: actions `chat` and `extract`
"""
