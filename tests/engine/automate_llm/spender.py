"""Run in a process of its own: many calls of the connector `llm` at once, for one tenant. Prints a JSON line a call.

usage: python -m tests.engine.automate_llm.spender TENANT_ID SCHEMA URL CALLS   (environment: the tests')
"""

from __future__ import annotations

import asyncio
import json
import sys
from uuid import uuid4

import django


def main() -> None:
    django.setup()
    tenant_id, schema, url, calls = sys.argv[1:]
    from automate_connectors.models import ConnectorError
    from automate_connectors.registry import get
    from automate_tenants.dispatch.store import Scope
    from tests.support.llm_server import KEY

    llm, scope, workflow = get("llm"), Scope(int(tenant_id), schema), str(uuid4())
    params = {"provider": "openai_compatible", "model": "stand-in-1", "base_url": url, "api_key": KEY, "prompt": "?"}

    async def one(number: int) -> None:
        context = {
            "run_id": str(uuid4()),
            "workflow_id": workflow,
            "step_id": "ask",
            "attempt": 1,
            "timeout_seconds": 20.0,
            "pool_key": scope,
        }
        for _ in range(4):
            try:
                answer = await llm.aexecute("chat", {**params, "max_tokens": 100}, context)  # type: ignore[attr-defined]
                print(json.dumps({"ok": answer["cost_usd"]}), flush=True)
                return
            except ConnectorError as error:
                if error.code != "budget_exceeded" or not error.retryable:
                    print(json.dumps({"error": error.code}), flush=True)
                    return
            await asyncio.sleep(0.1)
        print(json.dumps({"error": "gave_up"}), flush=True)

    async def run() -> None:
        await asyncio.gather(*(one(number) for number in range(int(calls))))

    asyncio.run(run())


if __name__ == "__main__":
    main()
