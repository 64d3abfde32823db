"""Failures: runs that ended badly and nobody has dealt with, by groups; redrive them, or let them be."""

from __future__ import annotations

from typing import Any, ClassVar

from django.utils import timezone
from rest_framework import serializers as fields
from rest_framework.request import Request
from rest_framework.response import Response

from automate.services import deadletters
from automate.services.deadletters import Filter
from automate_governance.errors import Invalid
from automate_web.api.documentation import describe, query_parameter
from automate_web.api.query import Query
from automate_web.api.retries import VERSIONS, RetryPlan
from automate_web.api.serializers import EventSummary, Input, RunSummary, Text, Time, WorkflowRef
from automate_web.api.views import PAGE_PARAMETERS, ApiView
from automate_web.api.workflows import find_workflow
from automate_web.cursor import Page, paginate
from automate_web.failures import MOST_AT_ONCE, STATUSES, DeadEvent, Shown, dead_events, filter_of, shown_groups

NAMES = ("workflow", "step", "code", "status", "fingerprint", "since", "until")
FILTERS = [
    query_parameter("workflow", "Of this workflow: its id or slug."),
    query_parameter("step", "In which this step failed."),
    query_parameter("code", "With this error code."),
    query_parameter(
        "status", "`dismissed`: those that somebody let be, instead; `muted`: those muted now, alone.", enum=STATUSES
    ),
    query_parameter("fingerprint", "Of the group with this fingerprint."),
    query_parameter("since", "Made at or after this time (RFC 3339)."),
    query_parameter("until", "Made before this time (RFC 3339)."),
]
NAME_RUNS = ("workflow", "step", "code", "fingerprint", "since", "until", "ids", "all")
PREVIEWED = 100


class Failure(RunSummary):
    """A run that failed or is held for a person."""

    fingerprint = fields.CharField(source="error_fingerprint", help_text="The same for failures of one kind.")
    dismissed_at = Time(allow_null=True)


class FailureGroup(fields.Serializer[Shown]):
    """Failures of one kind: the same workflow, step and error."""

    workflow = WorkflowRef(allow_null=True)
    fingerprint = fields.CharField(source="group.fingerprint")
    step = fields.CharField()
    code = fields.CharField()
    message = fields.CharField(help_text="Of the latest.")
    count = fields.IntegerField(source="group.count")
    first_at = Time(source="group.first_at")
    latest_at = Time(source="group.latest_at")
    latest_run_id = fields.UUIDField(source="latest.pk")
    owner = fields.CharField(help_text="Who looks after it; empty: nobody.")
    muted_until = Time(allow_null=True, help_text="Until then it is not counted and not in the portal's list.")


class FailedEvent(fields.Serializer[DeadEvent]):
    """An event that could not be matched: five workers stopped while they tried."""

    event = EventSummary()
    attempts = fields.IntegerField(source="job.attempts")


class Chosen(Input):
    """Which failures: by ids, or all that a filter names. Without either, `all` must be said."""

    ids = fields.ListField(child=fields.UUIDField(), required=False, default=list, max_length=MOST_AT_ONCE)
    workflow = Text(max_length=100, required=False, help_text="Id or slug.")
    step = Text(max_length=120, required=False)
    code = Text(max_length=200, required=False)
    fingerprint = Text(max_length=32, required=False, allow_blank=True)
    since = fields.DateTimeField(required=False)
    until = fields.DateTimeField(required=False)
    all = fields.BooleanField(required=False, default=False, help_text="Every failure of the workspace.")

    def validate(self, attrs: Any) -> Any:
        if not _said(attrs, *NAME_RUNS, "events"):
            raise fields.ValidationError("Name ids, a filter, or say `all`.", code="nothing_chosen")
        return attrs

    def names_runs(self) -> bool:
        """Whether anything but events was named."""
        return _said(self.validated_data, *NAME_RUNS)

    def wanted(self, *, status: str = "failed") -> Filter:
        """The filter that was asked for. Raises NotFound for a workflow that does not exist."""
        said = self.validated_data
        return filter_of(
            status=status,
            workflow_id=find_workflow(said["workflow"]).pk if said.get("workflow") else None,
            step_id=said.get("step", ""),
            code=said.get("code", ""),
            fingerprint=said.get("fingerprint"),
            since=said.get("since"),
            until=said.get("until"),
            ids=tuple(said["ids"]),
        )


class NewRedrive(Chosen):
    """Retry each from the step that failed."""

    events = fields.ListField(
        child=fields.UUIDField(), required=False, default=list, max_length=MOST_AT_ONCE,
        help_text="Events that could not be matched, to be matched again.",
    )  # fmt: skip
    version = fields.ChoiceField(choices=VERSIONS, required=False, default="same")
    rate = fields.FloatField(required=False, allow_null=True, default=None, help_text="Runs a second; null: at once.")
    limit = fields.IntegerField(
        required=False, default=MOST_AT_ONCE, min_value=1, max_value=MOST_AT_ONCE, help_text="The oldest first."
    )
    dry_run = fields.BooleanField(required=False, default=False, help_text="Only say what would happen.")


class NewDismissal(Chosen):
    """Take failures out of the list without repeating them, or put them back."""

    undo = fields.BooleanField(required=False, default=False)


class Started(fields.Serializer[Any]):
    run_id = fields.UUIDField()
    retry_id = fields.UUIDField()


class Skipped(fields.Serializer[deadletters.Skipped]):
    """Why a run is not redriven."""

    run_id = fields.UUIDField()
    code = fields.CharField()
    message = fields.CharField()


class Redrive(fields.Serializer[Any]):
    """What was started, or with `dry_run` what would be."""

    started = Started(many=True)
    skipped = Skipped(many=True)
    plans = RetryPlan(many=True, help_text=f"Of a dry run: what each retry would do, the first {PREVIEWED}.")
    events = fields.IntegerField(help_text="Events that are matched again.")
    remaining = fields.IntegerField(help_text="Failed runs that the same words name now.")


class Dismissal(fields.Serializer[Any]):
    changed = fields.IntegerField(help_text="Runs that left the list, or came back.")


class Failures(ApiView):
    """`/failures`"""

    scopes: ClassVar = {"GET": "runs:read"}

    @describe("failures_list", "List failures", answer=Failure, is_list=True, missing=True, parameters=FILTERS)
    def get(self, request: Request) -> Response:
        query = Query(request, (*PAGE_PARAMETERS, *NAMES))
        rows = deadletters.dead_runs(_asked(query)).select_related("version__workflow")
        rows = rows.defer("outputs", "version__steps", "version__rule", "version__workflow__draft")
        return self.page(query, rows, Failure)


class FailureGroups(ApiView):
    """`/failures/groups`"""

    scopes: ClassVar = {"GET": "runs:read"}

    @describe(
        "failure_groups_list",
        "List failures by what failed",
        answer=FailureGroup,
        is_list=True,
        missing=True,
        is_ordered=False,
        parameters=FILTERS,
    )
    def get(self, request: Request) -> Response:
        query = Query(request, ("cursor", "limit", *NAMES))
        return self.envelope(Page(shown_groups(_asked(query))[: query.limit], None, None), FailureGroup)


class FailedEvents(ApiView):
    """`/failures/events`"""

    scopes: ClassVar = {"GET": "runs:read"}

    @describe("failure_events_list", "List events that could not be matched", answer=FailedEvent, is_list=True)
    def get(self, request: Request) -> Response:
        query = Query(request, PAGE_PARAMETERS)
        page = paginate(deadletters.dead_event_jobs(), query.cursor, query.limit, query.order())
        shown: Page[Any] = Page(dead_events(page.results), page.next_cursor, page.previous_cursor)
        return self.envelope(shown, FailedEvent)


class FailureRedrives(ApiView):
    """`/failures/redrives`"""

    scopes: ClassVar = {"POST": "runs:write"}

    @describe(
        "failure_redrives_create",
        "Redrive failures",
        body=NewRedrive,
        answer=Redrive,
        status=201,
        missing=True,
        dry_run=True,
        makes=True,
    )
    def post(self, request: Request) -> Response:
        Query(request, ())
        new = NewRedrive(data=request.data)
        new.is_valid(raise_exception=True)
        said = new.validated_data
        wanted = new.wanted() if new.names_runs() else None
        return self._tell(wanted, said) if said["dry_run"] else self._do(wanted, said)

    def _tell(self, wanted: Filter | None, said: dict[str, Any]) -> Response:
        found = deadletters.preview(wanted, version=said["version"], limit=PREVIEWED) if wanted else []
        answer = {
            "started": [],
            "skipped": [each for each in found if isinstance(each, deadletters.Skipped)],
            "plans": [each.as_dict() for each in found if not isinstance(each, deadletters.Skipped)],
            "events": deadletters.dead_event_jobs().filter(event_id__in=said["events"]).count(),
            "remaining": deadletters.dead_runs(wanted).count() if wanted else 0,
        }
        return Response(Redrive(answer).data)

    def _do(self, wanted: Filter | None, said: dict[str, Any]) -> Response:
        actor, now = self.caller.actor, timezone.now()
        done = deadletters.Redriven()
        if wanted:
            how = {"version": said["version"], "rate": said["rate"], "limit": said["limit"]}
            done = deadletters.redrive(wanted, actor=actor, now=now, **how)
        answer = {
            "started": [{"run_id": run, "retry_id": made} for run, made in done.started],
            "skipped": done.skipped,
            "plans": [],
            "events": deadletters.redrive_events(said["events"], actor=actor, now=now) if said["events"] else 0,
            "remaining": deadletters.dead_runs(wanted).count() if wanted else 0,
        }
        return Response(Redrive(answer).data, status=201)


class FailureDismissals(ApiView):
    """`/failures/dismissals`"""

    scopes: ClassVar = {"POST": "runs:write"}

    @describe(
        "failure_dismissals_create",
        "Dismiss failures",
        body=NewDismissal,
        answer=Dismissal,
        status=201,
        missing=True,
        makes=True,
    )
    def post(self, request: Request) -> Response:
        Query(request, ())
        new = NewDismissal(data=request.data)
        new.is_valid(raise_exception=True)
        undo = new.validated_data["undo"]
        runs = deadletters.dead_runs(new.wanted(status="dismissed" if undo else "failed"))
        chosen = runs.values_list("pk", flat=True)[: deadletters.MAX_AT_ONCE]
        changed = deadletters.dismiss(chosen, actor=self.caller.actor, now=timezone.now(), undo=undo)
        return Response(Dismissal({"changed": changed}).data, status=201)


def _said(attrs: Any, *names: str) -> bool:
    return any(attrs.get(name) not in (None, False, []) for name in names)


def _asked(query: Query) -> Filter:
    workflow, statuses = query.text("workflow"), query.choices("status", STATUSES)
    if len(statuses) > 1:
        raise Invalid("Ask for one status, or for none: failed and held.", details={"param": "status"})
    return filter_of(
        status="".join(statuses),
        workflow_id=find_workflow(workflow).pk if workflow else None,
        step_id=query.text("step") or "",
        code=query.text("code") or "",
        fingerprint=query.text("fingerprint"),
        since=query.moment("since"),
        until=query.moment("until"),
    )
