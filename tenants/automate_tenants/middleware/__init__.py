"""Middleware, outermost first: the trace and the caller's address, the workspace, the membership."""

from automate_tenants.middleware.membership import MembershipMiddleware, without_membership
from automate_tenants.middleware.trace import TraceMiddleware
from automate_tenants.middleware.workspace import WorkspaceMiddleware

__all__ = ["MembershipMiddleware", "TraceMiddleware", "WorkspaceMiddleware", "without_membership"]
