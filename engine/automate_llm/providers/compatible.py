"""Any endpoint that speaks like OpenAI: Ollama, vLLM, gateways. `base_url` says which."""

from __future__ import annotations

from automate_llm.providers.openai import OpenAIProvider


class CompatibleProvider(OpenAIProvider):
    code = "openai_compatible"
    name = "OpenAI-compatible endpoint"
    default_base_url = ""
    limit_name = "max_tokens"
