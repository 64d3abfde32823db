"""How each resource looks in JSON. The OpenAPI document is made from these classes, so they are what is sent.

Ids are strings, times RFC 3339 in UTC, trace ids 32 hex digits. What people typed or senders sent is shown redacted.
"""

from automate_web.api.serializers.events import AcceptedEvent, Decision, EventDetail, NewEvent
from automate_web.api.serializers.fields import (
    AnyJson,
    ErrorBody,
    Input,
    JsonObject,
    JsonObjectOrNull,
    Micros,
    Text,
    Time,
    TraceId,
)
from automate_web.api.serializers.governance import (
    AuditEntry,
    PolicyBlocked,
    PolicyDetail,
    PolicyPreview,
    PolicyRules,
    PolicyWouldBlock,
)
from automate_web.api.serializers.llm import LLMCall, LLMMonth, LLMPreferences, LLMPreferencesBody, LLMShare, LLMUsage
from automate_web.api.serializers.runs import Attempt, RunDetail, RunListed, RunQueue, RunWaitShown, Step
from automate_web.api.serializers.secrets import DeletedSecret, NewSecret, NewSecretValue, Secret, SecretChange
from automate_web.api.serializers.summaries import EventSummary, RunSummary, VersionRef, WorkflowRef
from automate_web.api.serializers.usage import Usage, UsageAlerts, UsageAlertsChange, UsageRows
from automate_web.api.serializers.workflows import (
    ActiveVersion,
    NewVersion,
    Problem,
    Validation,
    Version,
    WorkflowDetail,
    WorkflowSummary,
)

__all__ = [
    "AcceptedEvent",
    "ActiveVersion",
    "AnyJson",
    "Attempt",
    "AuditEntry",
    "Decision",
    "DeletedSecret",
    "ErrorBody",
    "EventDetail",
    "EventSummary",
    "Input",
    "JsonObject",
    "JsonObjectOrNull",
    "LLMCall",
    "LLMMonth",
    "LLMPreferences",
    "LLMPreferencesBody",
    "LLMShare",
    "LLMUsage",
    "Micros",
    "NewEvent",
    "NewSecret",
    "NewSecretValue",
    "NewVersion",
    "PolicyBlocked",
    "PolicyDetail",
    "PolicyPreview",
    "PolicyRules",
    "PolicyWouldBlock",
    "Problem",
    "RunDetail",
    "RunListed",
    "RunQueue",
    "RunSummary",
    "RunWaitShown",
    "Secret",
    "SecretChange",
    "Step",
    "Text",
    "Time",
    "TraceId",
    "Usage",
    "UsageAlerts",
    "UsageAlertsChange",
    "UsageRows",
    "Validation",
    "Version",
    "VersionRef",
    "WorkflowDetail",
    "WorkflowRef",
    "WorkflowSummary",
]
