"""An invitation: an e-mail address that may become a member, by a link that was mailed there."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from automate_tenants.models.access import Membership


class Invitation(models.Model):
    """Open until it is accepted, revoked or expired. Only the SHA-256 of the link's token is kept."""

    tenant = models.ForeignKey("automate_tenants.Tenant", on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField(max_length=254)  # in lower case
    role = models.CharField(max_length=8, choices=Membership.Role.choices)
    token_hash = models.BinaryField(max_length=32, unique=True)
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    letters = models.PositiveSmallIntegerField(default=1)  # mailed since `first_sent_at`
    first_sent_at = models.DateTimeField()
    letter_failed_at = models.DateTimeField(null=True)  # the mail server did not take the latest letter
    accepted_at = models.DateTimeField(null=True)
    accepted_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "email"],
                condition=Q(accepted_at=None, revoked_at=None),
                name="invited_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.email} to {self.tenant_id} as {self.role}"
