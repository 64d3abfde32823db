"""Public tables: who the tenants are, who may enter, where their work waits."""

from automate_tenants.models.access import ApiKey, EmailCode, HandoverTicket, Membership
from automate_tenants.models.account import AccountEvent, Preference
from automate_tenants.models.audit_head import AuditHead
from automate_tenants.models.dispatch import DispatchLease, DispatchTenant, InstallationHalt
from automate_tenants.models.invitation import Invitation
from automate_tenants.models.lifecycle import (
    DeletedWorkspace,
    ExportChunk,
    FailedSignup,
    FeatureSwitch,
    OperatorVisit,
    WorkspaceExport,
)
from automate_tenants.models.notification import NotificationTurn
from automate_tenants.models.rate import RateWindow, WebhookLimit
from automate_tenants.models.refusal import RefusalCount, RefusalEpisode, RefusalSample, RequestCount, RequestSample
from automate_tenants.models.route import WebhookRoute
from automate_tenants.models.schema import TenantMigration, TenantTemplate
from automate_tenants.models.tenant import Domain, Tenant

__all__ = [
    "AccountEvent",
    "ApiKey",
    "AuditHead",
    "DeletedWorkspace",
    "DispatchLease",
    "DispatchTenant",
    "Domain",
    "EmailCode",
    "ExportChunk",
    "FailedSignup",
    "FeatureSwitch",
    "HandoverTicket",
    "InstallationHalt",
    "Invitation",
    "Membership",
    "NotificationTurn",
    "OperatorVisit",
    "Preference",
    "RateWindow",
    "RefusalCount",
    "RefusalEpisode",
    "RefusalSample",
    "RequestCount",
    "RequestSample",
    "Tenant",
    "TenantMigration",
    "TenantTemplate",
    "WebhookLimit",
    "WebhookRoute",
    "WorkspaceExport",
]
