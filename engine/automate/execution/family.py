"""What a run tells others in its own write: waits it opens and closes, children it starts and stops, its end."""

from __future__ import annotations

from datetime import datetime

from automate.execution.progress import Parent, RunProgress
from automate.execution.results import MAX_OUTPUT_BYTES
from automate.execution.sealing import seal_answer, seal_known
from automate.jsontext import dumps
from automate.outbox.store import Writes
from automate.outbox.waits import AnswerRow


def take_waits(run: RunProgress, writes: Writes) -> None:
    """Put into `writes` what has changed since the run's latest write; it is not handed out again."""
    writes.waits += run.new_waits
    writes.closed_waits += run.closed_waits
    writes.children += run.children
    writes.cancelled += run.cancelled_children
    writes.denials += run.denials
    run.new_waits, run.closed_waits, run.children, run.cancelled_children, run.denials = [], [], [], [], []


def answer_of(run: RunProgress, parent: Parent, *, now: datetime, data_key: bytes) -> AnswerRow:
    """The end of a child, for the step that may wait for it; its outputs are sealed."""
    answer = {"run_id": str(run.id), "status": run.status}
    if run.secrets:
        answer["secrets"] = seal_known(data_key, parent.wait_id, run.secrets)
    if run.status == "succeeded":
        outputs = {step_id: told["output"] for step_id, told in run.results.context.items()}
        if len(dumps(outputs)) <= MAX_OUTPUT_BYTES:
            answer["sealed"] = seal_answer(data_key, parent.wait_id, outputs)
        else:
            answer["sealed"] = seal_answer(data_key, parent.wait_id, None)
    elif run.error is not None:
        return AnswerRow(parent.wait_id, parent.run_id, dumps({**answer, "error": run.error}), f"run:{run.id}", now)
    return AnswerRow(parent.wait_id, parent.run_id, dumps(answer), f"run:{run.id}", now)
