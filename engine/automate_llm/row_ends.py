"""When rows of the models' tables end (see `automate_governance.ends`)."""

from automate_governance.ends import bounded, kept, purged

TABLES = {
    "automate_llm_budget": purged("reconcile: of runs days after the latest call, of days 400 days"),
    "automate_llm_cachedanswer": purged("the cache itself, when it is written: past its time"),
    "automate_llm_ledgerentry": purged("reconcile: 400 days, into its month's total"),
    "automate_llm_ledgermonth": kept("accounts outlive the calls; one row a month, workflow and model"),
    "automate_llm_preferences": bounded("one a workspace"),
}
