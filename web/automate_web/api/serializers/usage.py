"""What a workspace has used of its plan."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from automate_billing.thresholds import DEFAULT, MOST
from automate_web.api.serializers.fields import Input, Time


class UsageForecast(serializers.Serializer[Any]):
    """Where a meter will stand at the period's end if it goes on like the last two weeks."""

    low = serializers.IntegerField(help_text="One of ten such months ends below this.")
    likely = serializers.IntegerField()
    high = serializers.IntegerField(help_text="One of ten such months ends above this.")
    hits_at = Time(allow_null=True, help_text="When what is included is used up; null: not in this period.")


class UsageOfDay(serializers.Serializer[Any]):
    """What was used on one day."""

    day = serializers.DateField()
    amount = serializers.IntegerField()


class UsageMeter(serializers.Serializer[Any]):
    """One meter: events, runs and steps in units, llm in micro-dollars, storage in bytes."""

    meter = serializers.CharField()
    used = serializers.IntegerField()
    included = serializers.IntegerField(allow_null=True, help_text="By the plan, a month; null: not limited.")
    percent = serializers.IntegerField(allow_null=True, help_text="Rounded down; may be above 100.")
    holds = serializers.BooleanField(help_text="Whether new events are held once what is included is used up.")
    forecast = UsageForecast(allow_null=True, help_text="Null for a period that is over, and before two days are.")
    by_day = UsageOfDay(many=True, help_text="Days of the workspace's own zone; of storage, its level.")


class UsagePlan(serializers.Serializer[Any]):
    """The plan that the workspace is on."""

    code = serializers.CharField()
    name = serializers.CharField()
    since = Time(allow_null=True)


class Usage(serializers.Serializer[Any]):
    """A period's usage."""

    period = serializers.CharField(help_text="As 2026-11: a month of the workspace's zone.")
    time_zone = serializers.CharField()
    ends_at = Time()
    plan = UsagePlan()
    held_events = serializers.IntegerField(help_text="Events that wait now because a limit was reached.")
    meters = UsageMeter(many=True)
    periods = serializers.ListField(child=serializers.CharField(), help_text="All there are, the latest first.")


class UsageRow(serializers.Serializer[Any]):
    """What one workflow (of events: one source) used of one meter on one day."""

    day = serializers.DateField()
    meter = serializers.CharField()
    subject = serializers.CharField(help_text="A workflow's id; of events, where they came from; else empty.")
    amount = serializers.IntegerField()


class UsageRows(serializers.Serializer[Any]):
    """A period's usage in full."""

    period = serializers.CharField()
    results = UsageRow(many=True)


def _percents(**said: Any) -> serializers.ListField:
    return serializers.ListField(child=serializers.IntegerField(min_value=1, max_value=100), max_length=MOST, **said)


class UsageAlertsChange(Input):
    """All of it at once: what is not said is as in the beginning."""

    every = _percents(default=list(DEFAULT), help_text="Of each meter that is not in `meters`; none: nobody is told.")
    meters = serializers.DictField(child=_percents(), default=dict, help_text="By meter, for those with their own.")


class UsageAlerts(serializers.Serializer[Any]):
    """At which percents of what the plan includes members are told, once a period each."""

    every = _percents()
    meters = serializers.DictField(child=_percents())
    in_force = serializers.DictField(
        child=_percents(), help_text="By meter; 100 is always among those whose limit holds new events."
    )
    changed_at = Time(allow_null=True, help_text="Null: never chosen.")
    changed_by = serializers.CharField()
