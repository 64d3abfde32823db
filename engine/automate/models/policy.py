"""A workspace's policy, what policy blocked, and the pace of its outbound calls."""

from __future__ import annotations

from django.db import models


class PolicyDocument(models.Model):
    """The workspace's own layer of policy: one row, made by the first change.

    Written by `automate.policy.save_policy`.
    """

    ONLY = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY)
    document = models.JSONField(default=dict)  # see automate.policy.rules
    revision = models.PositiveIntegerField(default=1)  # a change names the revision it saw
    updated_by = models.CharField(max_length=200)
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "automate_policy"

    def __str__(self) -> str:
        return f"policy at revision {self.revision}"


class PolicyBlock(models.Model):
    """How often one rule stood in the way of one subject in one hour."""

    class Outcome(models.TextChoices):
        DENIED = "denied"
        WAITED = "waited"

    hour = models.DateTimeField()
    rule = models.CharField(max_length=40)  # "host_allowlist"
    layer = models.CharField(max_length=20)  # whose: "tenant"
    subject = models.CharField(max_length=260)  # "example.com:443", "slack.post_message"
    outcome = models.CharField(max_length=6, choices=Outcome.choices)
    count = models.PositiveIntegerField(default=0)
    latest_at = models.DateTimeField()
    latest_run_id = models.UUIDField(null=True)

    class Meta:
        db_table = "automate_policyblock"
        constraints = [
            models.UniqueConstraint(fields=["hour", "rule", "layer", "subject", "outcome"], name="policy_block_once")
        ]

    def __str__(self) -> str:
        return f"{self.rule} {self.outcome} {self.subject} {self.count}"


class OutboundPace(models.Model):
    """The state of one outbound rate, shared by every workflow and worker: see `automate.policy.pace`."""

    key = models.CharField(primary_key=True, max_length=300)  # "tenant::*.stripe.com"
    state = models.JSONField(default=dict)
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "automate_outboundpace"

    def __str__(self) -> str:
        return self.key
