"""The engine's tables. Hot ones have no foreign keys: a missing parent is a fact to report, not a commit to fail."""

from automate.models.audit import AuditLink, AuditLogEntry
from automate.models.backtest import StoredBacktest
from automate.models.bulk import RunBulk, RunBulkResult
from automate.models.endpoint import WebhookEndpoint
from automate.models.event import Dedupe, Event, MatchDecision
from automate.models.failure import FailureMark
from automate.models.flow import BufferedEvent, EventBuffer, Halt, QueuePlace, RunCount
from automate.models.imported_api import ImportedApi
from automate.models.kept import KeptAnswer
from automate.models.outbox import OutboxJob
from automate.models.policy import OutboundPace, PolicyBlock, PolicyDocument
from automate.models.run import ExecutionRun, RunState, StepRun
from automate.models.schedule import Schedule, ScheduleTick
from automate.models.view import SavedView
from automate.models.wait import RunWait
from automate.models.workflow import Workflow, WorkflowVersion

__all__ = [
    "AuditLink",
    "AuditLogEntry",
    "BufferedEvent",
    "Dedupe",
    "Event",
    "EventBuffer",
    "ExecutionRun",
    "FailureMark",
    "Halt",
    "ImportedApi",
    "KeptAnswer",
    "MatchDecision",
    "OutboundPace",
    "OutboxJob",
    "PolicyBlock",
    "PolicyDocument",
    "QueuePlace",
    "RunBulk",
    "RunBulkResult",
    "RunCount",
    "RunState",
    "RunWait",
    "SavedView",
    "Schedule",
    "ScheduleTick",
    "StepRun",
    "StoredBacktest",
    "WebhookEndpoint",
    "Workflow",
    "WorkflowVersion",
]
