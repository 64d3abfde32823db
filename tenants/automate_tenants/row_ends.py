"""When rows of the tenancy's own tables end, and of those that Django and allauth keep about people.

What an owner or an operator made by hand is bounded; the rest is carried out by `housekeeping`.
"""

from automate_governance.ends import bounded, kept, purged

_ACCOUNT = "as many as people have accounts; with the account"
TABLES = {
    "automate_tenants_accountevent": purged("housekeeping: 400 days"),
    "automate_tenants_apikey": purged("housekeeping: 400 days after it ended; live ones are at most 100 a workspace"),
    "automate_tenants_audithead": bounded("one a workspace"),
    "automate_tenants_deletedworkspace": kept("that a workspace was deleted: the proof for who asks later"),
    "automate_tenants_dispatchlease": purged("the end of its batch, or the reaper 30 seconds later"),
    "automate_tenants_dispatchtenant": bounded("one a workspace"),
    "automate_tenants_domain": bounded("none is made; hosts follow from addresses"),
    "automate_tenants_emailcode": purged("its use, or housekeeping: a day after it expired"),
    "automate_tenants_exportchunk": purged("housekeeping: 3 days after the export was made"),
    "automate_tenants_failedsignup": purged("housekeeping: 90 days"),
    "automate_tenants_featureswitch": bounded("turned by operators: one a feature and workspace"),
    "automate_tenants_handoverticket": purged("its use, or housekeeping: when it expired"),
    "automate_tenants_installationhalt": bounded("one"),
    "automate_tenants_invitation": purged("housekeeping: 90 days after it was accepted, revoked or expired"),
    "automate_tenants_membership": bounded("people in workspaces; the plan says how many"),
    "automate_tenants_notificationturn": bounded("one a workspace"),
    "automate_tenants_operatorvisit": purged("housekeeping: 400 days; the workspace's audit log keeps it"),
    "automate_tenants_preference": bounded(_ACCOUNT),
    "automate_tenants_ratewindow": bounded("one an endpoint and rule"),
    "automate_tenants_refusalcount": purged("housekeeping: the workspace's retention days"),
    "automate_tenants_refusalepisode": purged("its closing, or housekeeping: the workspace's retention days"),
    "automate_tenants_refusalsample": purged("housekeeping: the retention days; the newest 100 an endpoint"),
    "automate_tenants_requestcount": purged("housekeeping: the workspace's retention days"),
    "automate_tenants_requestsample": purged("housekeeping: the retention days; the newest 100 an endpoint"),
    "automate_tenants_tenant": bounded("workspaces"),
    "automate_tenants_tenantmigration": purged("the next migration of the workspace that succeeds"),
    "automate_tenants_tenanttemplate": bounded("releases of the workspaces' tables"),
    "automate_tenants_webhooklimit": bounded("rules of policy and endpoints"),
    "automate_tenants_webhookroute": bounded("one an endpoint"),
    "automate_tenants_workspaceexport": purged("housekeeping: 400 days"),
    # Django's and allauth's
    "account_emailaddress": bounded(_ACCOUNT),
    "account_emailconfirmation": purged("housekeeping: 30 days after its letter"),
    "auth_group": bounded("none is made"),
    "auth_group_permissions": bounded("none is made"),
    "auth_permission": bounded("kinds of objects"),
    "auth_user": kept("a person's account is theirs, in however many workspaces"),
    "auth_user_groups": bounded("none is made"),
    "auth_user_user_permissions": bounded("none is made"),
    "django_admin_log": purged("housekeeping: 400 days; workspaces' audit logs keep what touched them"),
    "django_content_type": bounded("kinds of objects"),
    "django_migrations": bounded("releases"),
    "django_session": purged("logging out, or housekeeping: past its time"),
    "mfa_authenticator": bounded(_ACCOUNT),
    "usersessions_usersession": purged("housekeeping: with its session"),
}
