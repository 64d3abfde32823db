"""The team over the API: members with their roles, and invitations. What a key may do there is told in `team.by_key`:
it acts in the name of the person who made it, as an Admin at most.

Letters go out after the commit, so that none names an invitation that was undone.
"""

from __future__ import annotations

from typing import Any, ClassVar, cast

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from rest_framework import serializers as fields
from rest_framework.request import Request
from rest_framework.response import Response

from automate_tenants import invitations, team
from automate_tenants.context import current_tenant
from automate_tenants.invitations import Sent
from automate_tenants.models import ApiKey, Invitation, Membership, Tenant
from automate_web.api.documentation import describe, query_parameter
from automate_web.api.query import Query, parse_number
from automate_web.api.serializers import Input, Text, Time
from automate_web.api.views import PAGE_PARAMETERS, ApiView, not_found, read
from automate_web.invitation_letters import Inviter, demand_confirmed, mail_all

ROLE = query_parameter("role", "Only these; several separated by commas.", enum=Membership.Role.values)
GIVEN = [role for role in Membership.Role.values if team.may_give(Membership.Role.ADMIN, role)]


class TeamMember(fields.Serializer[Membership]):
    """A person in the workspace."""

    id = fields.CharField(source="pk")
    person = fields.SerializerMethodField(help_text="As the audit log names them: `user:12`.")
    email = fields.CharField(source="user.email")
    role = fields.ChoiceField(choices=Membership.Role.choices)
    has_second_factor = fields.BooleanField()
    created_at = Time(help_text="Since when they are a member.")
    latest_seen_at = Time(allow_null=True, help_text="On a page, to ten minutes.")

    def get_person(self, member: Membership) -> str:
        return f"user:{member.user_id}"


class TeamMemberChange(Input):
    """Another role, from the next request on."""

    role = fields.ChoiceField(choices=GIVEN, help_text="An Owner is made by an Owner in the portal.")


class TeamMemberRemoved(fields.Serializer[Any]):
    id = fields.CharField()
    deleted = fields.BooleanField()


class TeamInvitation(fields.Serializer[Invitation]):
    """An address that may become a member. Its link is in the letter and nowhere else."""

    id = fields.CharField(source="pk")
    email = fields.CharField()
    role = fields.ChoiceField(choices=Membership.Role.choices)
    invited_by = fields.SerializerMethodField(help_text="`user:12`; null for who is gone.")
    created_at = Time()
    expires_at = Time(help_text="Until when the link works; an expired one can be sent again.")
    letter_failed_at = Time(allow_null=True, help_text="The mail server did not take the latest letter: send it again.")
    revoked_at = Time(allow_null=True)

    def get_invited_by(self, invitation: Invitation) -> str | None:
        return f"user:{invitation.invited_by_id}" if invitation.invited_by_id else None


class NewTeamInvitations(Input):
    """Who shall become a member."""

    emails = fields.ListField(
        child=Text(max_length=254),
        min_length=1,
        max_length=invitations.MAX_AT_ONCE,
        help_text="All or none are invited; who is a member already is left out.",
    )
    role = fields.ChoiceField(choices=GIVEN)


class TeamInvitationsMade(fields.Serializer[Any]):
    """The invitations whose letters go out now."""

    results = TeamInvitation(many=True)


class TeamView(ApiView):
    """A resource of the team."""

    @property
    def manager(self) -> team.Manager:
        """Raises PermissionDenied for a key that manages no members."""
        return team.by_key(cast(ApiKey, self.request.auth), actor=self.caller.actor)

    def inviter(self, manager: team.Manager) -> Inviter:
        """Raises EmailUnconfirmed."""
        person, tenant = User.objects.get(pk=manager.user_id), Tenant.objects.get(pk=manager.tenant_id)
        demand_confirmed(person)
        return Inviter(person.email, tenant.name, _link)


class TeamMembers(TeamView):
    """`/team/members`"""

    scopes: ClassVar = {"GET": "team:read"}

    @describe("team_members_list", "List members", answer=TeamMember, is_list=True, parameters=[ROLE])
    def get(self, request: Request) -> Response:
        query = Query(request, (*PAGE_PARAMETERS, "role"))
        roles, found = query.choices("role", Membership.Role.values), _members()
        return self.page(query, found.filter(role__in=roles) if roles else found, TeamMember)


class OneTeamMember(TeamView):
    """`/team/members/{member_id}`"""

    scopes: ClassVar = {"GET": "team:read", "PATCH": "team:write", "DELETE": "team:write"}

    @describe("team_members_get", "Get a member", answer=TeamMember, missing=True)
    def get(self, request: Request, member_id: str) -> Response:
        Query(request, ())
        return Response(TeamMember(_member(member_id)).data)

    @describe(
        "team_members_change",
        "Give a member another role",
        body=TeamMemberChange,
        answer=TeamMember,
        missing=True,
        conflict=True,
    )
    def patch(self, request: Request, member_id: str) -> Response:
        Query(request, ())
        member, new = _member(member_id), read(request, TeamMemberChange)
        team.change_role(by=self.manager, member_id=member.pk, role=new["role"], now=timezone.now())
        return Response(TeamMember(_member(member_id)).data)

    @describe("team_members_delete", "Remove a member", answer=TeamMemberRemoved, missing=True, conflict=True)
    def delete(self, request: Request, member_id: str) -> Response:
        Query(request, ())
        member = _member(member_id)
        team.remove_member(by=self.manager, member_id=member.pk, now=timezone.now())
        return Response({"id": str(member.pk), "deleted": True})


class TeamInvitations(TeamView):
    """`/team/invitations`"""

    scopes: ClassVar = {"GET": "team:read", "POST": "team:write"}

    @describe("team_invitations_list", "List open invitations", answer=TeamInvitation, is_list=True)
    def get(self, request: Request) -> Response:
        return self.page(Query(request, PAGE_PARAMETERS), _open(), TeamInvitation)

    @describe(
        "team_invitations_create",
        "Invite people by e-mail",
        body=NewTeamInvitations,
        answer=TeamInvitationsMade,
        status=201,
        makes=True,
    )
    def post(self, request: Request) -> Response:
        Query(request, ())
        new, manager = read(request, NewTeamInvitations), self.manager
        inviter = self.inviter(manager)
        sent = invitations.invite(by=manager, emails=new["emails"], role=new["role"], now=timezone.now())
        _mail_after_commit(sent, inviter)
        return Response(TeamInvitationsMade({"results": [one.invitation for one in sent]}).data, status=201)


class OneTeamInvitation(TeamView):
    """`/team/invitations/{invitation_id}`"""

    scopes: ClassVar = {"GET": "team:read"}

    @describe("team_invitations_get", "Get an open invitation", answer=TeamInvitation, missing=True)
    def get(self, request: Request, invitation_id: str) -> Response:
        Query(request, ())
        return Response(TeamInvitation(_invitation(invitation_id)).data)


class TeamInvitationLetters(TeamView):
    """`/team/invitations/{invitation_id}/letters`"""

    scopes: ClassVar = {"POST": "team:write"}

    @describe(
        "team_invitation_letters_create",
        "Send an invitation again, with a new link",
        answer=TeamInvitation,
        status=201,
        missing=True,
        makes=True,
    )
    def post(self, request: Request, invitation_id: str) -> Response:
        Query(request, ())
        found, manager = _invitation(invitation_id), self.manager
        inviter = self.inviter(manager)
        sent = invitations.resend(by=manager, invitation_id=found.pk, now=timezone.now())
        _mail_after_commit([sent], inviter)
        return Response(TeamInvitation(sent.invitation).data, status=201)


class TeamInvitationRevocations(TeamView):
    """`/team/invitations/{invitation_id}/revocations`"""

    scopes: ClassVar = {"POST": "team:write"}

    @describe(
        "team_invitation_revocations_create",
        "Revoke an invitation",
        answer=TeamInvitation,
        missing=True,
        makes=True,
    )
    def post(self, request: Request, invitation_id: str) -> Response:
        Query(request, ())
        found = _invitation(invitation_id)
        ended = invitations.revoke(by=self.manager, invitation_id=found.pk, now=timezone.now())
        return Response(TeamInvitation(ended).data)


def _mail_after_commit(sent: list[Sent], inviter: Inviter) -> None:
    """Without an open transaction that is now, and the answer tells what became of the letters."""
    if sent:
        transaction.on_commit(lambda: mail_all(sent, inviter))


def _link(token: str) -> str:
    return f"{settings.BASE_URL.rstrip('/')}/invitations/{token}/"


def _members() -> QuerySet[Membership]:
    return team.members(current_tenant().id)


def _member(text: str) -> Membership:
    member = _members().filter(pk=parse_number(text)).first()
    if member is None:
        raise not_found("Member", text)
    return member


def _open() -> QuerySet[Invitation]:
    return invitations.open_invitations(current_tenant().id)


def _invitation(text: str) -> Invitation:
    found = _open().filter(pk=parse_number(text)).first()
    if found is None:
        raise not_found("Open invitation", text)
    return found
