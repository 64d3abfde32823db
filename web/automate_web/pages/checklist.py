"""The checklist of five that follows the first event: send one, edit the sample, publish, add a secret, invite.

Each item is computed from the workspace's own rows, so it is right whoever did it. A member dismisses the list
for themselves and finds it again under Help.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Exists, Q
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from automate.models import Event, Workflow, WorkflowVersion
from automate.services.sample import is_as_shipped
from automate_governance.models import StoredSecret
from automate_tenants.models import Invitation, Membership
from automate_tenants.permissions import roles_with
from automate_web.requests import WorkspaceRequest, safe_path, workspace_page


@dataclass(frozen=True)
class Item:
    """One thing to do. `url` is empty when this member cannot do it; `reason` says why."""

    label: str
    is_done: bool
    url: str
    reason: str = ""


@dataclass(frozen=True)
class Checklist:
    items: list[Item]

    @property
    def done(self) -> int:
        return sum(item.is_done for item in self.items)


def sample_workflow() -> Workflow | None:
    return Workflow.objects.kept().filter(is_sample=True).first()


def checklist(request: WorkspaceRequest, sample: Workflow | None = None, *, is_first: bool = False) -> Checklist | None:
    """The list as this member sees it; None once it was dismissed. Two queries at most.

    None before the first event as well, unless the page `is_first`: where one begins.
    """
    mine = request.membership
    if mine.checklist_dismissed_at:
        return None
    own_version = Q(workflow__is_sample=False) | Q(version_num__gt=1) & ~Q(published_by__startswith="operator:")
    is_there = Membership.objects.filter(pk=mine.pk).values(
        event=Exists(Event.objects.all()),
        version=Exists(WorkflowVersion.objects.filter(own_version)),
        secret=Exists(StoredSecret.objects.all()),
        other_member=Exists(Membership.objects.filter(tenant_id=mine.tenant_id).exclude(pk=mine.pk))
        | Exists(Invitation.objects.filter(tenant_id=mine.tenant_id)),
    )[0]
    if not is_there["event"] and not is_first:
        return None
    sample = sample or sample_workflow()
    edited = not is_as_shipped(sample.draft) if sample else True
    edit_url = reverse("workflow", args=[sample.pk]) if sample else reverse("workflows")
    return Checklist(
        [
            Item("Send an event", is_there["event"], reverse("start")),
            _item(request, "Edit the sample workflow", edited, edit_url, "change_workflow"),
            _item(request, "Publish a version of your own", is_there["version"], edit_url, "publish_workflow"),
            _item(request, "Add a secret", is_there["secret"], reverse("secrets"), "manage_secrets"),
            _item(request, "Invite someone", is_there["other_member"], reverse("team"), "manage_members"),
        ]
    )


@require_POST
@workspace_page("automate.view_event")
def show(request: WorkspaceRequest) -> HttpResponse:
    """POST /start/checklist/: dismiss the list for this member, or bring it back."""
    is_shown = request.POST.get("is_shown") == "yes"
    request.membership.checklist_dismissed_at = None if is_shown else timezone.now()
    request.membership.save(update_fields=["checklist_dismissed_at"])
    return redirect(f"{reverse('start')}#checklist" if is_shown else safe_path(request.POST.get("next", "")))


def _item(request: WorkspaceRequest, label: str, is_done: bool, url: str, permission: str) -> Item:
    permission = f"automate.{permission}"
    if request.user.has_perm(permission):
        return Item(label, is_done, url)
    return Item(label, is_done, "", f"Needs one of the roles {', '.join(roles_with(permission))}.")
