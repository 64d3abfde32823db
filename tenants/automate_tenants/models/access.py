"""Who may enter a workspace: members in it, keys for programs, one-time tickets between hosts."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from automate_tenants.key_format import is_test_key


class Membership(models.Model):
    """A person in a workspace, with one role. The last owner cannot leave."""

    class Role(models.TextChoices):
        OWNER = "owner", "Owner"
        ADMIN = "admin", "Admin"
        BUILDER = "builder", "Builder"
        OPERATOR = "operator", "Operator"
        VIEWER = "viewer", "Viewer"
        BILLING = "billing", "Billing"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    tenant = models.ForeignKey("automate_tenants.Tenant", on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=8, choices=Role.choices)
    created_at = models.DateTimeField()
    checklist_dismissed_at = models.DateTimeField(null=True)  # the start checklist is out of this member's way
    is_tour_due = models.BooleanField(
        default=False, db_default=False
    )  # came by an invitation and has not put the short tour away
    latest_seen_at = models.DateTimeField(null=True)  # on a page, to ten minutes

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "tenant"], name="member_once")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.role} of {self.tenant_id}"


class ApiKey(models.Model):
    """A key for programs: prefix + random + checksum. Only its SHA-256 is kept; the key itself is shown once.

    A test key (`am_test_`) tries things out: it passes every check and stores nothing.
    """

    tenant = models.ForeignKey("automate_tenants.Tenant", on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=80)
    hash = models.BinaryField(max_length=32, unique=True)  # SHA-256 of the whole key (190 random bits: no salt needed)
    prefix = models.CharField(max_length=20)  # "am_live_ab12", for people
    last4 = models.CharField(max_length=4)
    scopes = models.JSONField(default=list)  # ["events:write", "runs:read", ...]
    created_by = models.CharField(max_length=200)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)  # chosen when it was made, or set by a roll: it works until then
    revoked_at = models.DateTimeField(null=True)
    latest_used_at = models.DateTimeField(null=True)  # to the minute
    latest_used_ip = models.GenericIPAddressField(null=True)

    def __str__(self) -> str:
        return f"{self.name} {self.prefix}…{self.last4}"

    @property
    def is_test(self) -> bool:
        return is_test_key(self.prefix)


class EmailCode(models.Model):
    """The six digits that were mailed to a person; only their HMAC is kept. Gone once they were typed."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True)
    digest = models.BinaryField(max_length=32)
    expires_at = models.DateTimeField()
    wrong_guesses = models.PositiveSmallIntegerField(default=0)  # of this code
    letters = models.PositiveSmallIntegerField(default=0)  # sent since `first_sent_at`
    first_sent_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"code of {self.user_id}"


class HandoverTicket(models.Model):
    """Log-in carried from the app's host to a workspace's host: signed, short-lived, spent by deleting the row."""

    nonce = models.BinaryField(primary_key=True, max_length=32)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    tenant = models.ForeignKey("automate_tenants.Tenant", on_delete=models.CASCADE)
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"ticket of {self.user_id} for {self.tenant_id}"
