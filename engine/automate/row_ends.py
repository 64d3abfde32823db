"""When rows of the engine's tables end (see `automate_governance.ends`)."""

from automate_governance.ends import bounded, kept, purged

_AGE = "purge: the retention days after it ended"
TABLES = {
    "automate_auditlink": kept("the chain over the audit log, which nothing may delete from"),
    "automate_auditlogentry": kept("append-only: no role of the application may delete from it"),
    "automate_bufferedevent": purged("purge: with its buffer, or a run made of it"),
    "automate_dedupe": purged("purge: 7 days, longer while a run of its event goes on"),
    "automate_event": purged("purge: the retention days after it came; whole months by partition"),
    "automate_eventbuffer": purged("its run, or purge: the retention days after it was due"),
    "automate_executionrun": purged(_AGE),
    "automate_failuremark": purged("purge: the retention days after its latest change, once no run failed that way"),
    "automate_halt": bounded("switches that are on: one a workflow and one of everything"),
    "automate_keptanswer": purged("purge: 24 hours"),
    "automate_matchdecision": purged("purge: with its event"),
    "automate_outboundpace": purged("purge: the retention days after the latest call of the host"),
    "automate_outboxjob": purged("purge: with its event or run; ticks by age"),
    "automate_policy": bounded("one a workspace"),
    "automate_policyblock": purged(_AGE),
    "automate_queueplace": purged("the end of its run, or housekeeping"),
    "automate_runbulk": purged(_AGE),
    "automate_runbulkresult": purged("purge: with its bulk operation"),
    "automate_runcount": purged("housekeeping: 400 days"),
    "automate_runstate": purged("purge: with its run"),
    "automate_runwait": purged("purge: with its run"),
    "automate_importedapi": bounded("50, made by hand"),
    "automate_savedview": bounded("50 of each list for each member or key, made by hand"),
    "automate_schedule": bounded("triggers of workflows, in the trash too"),
    "automate_scheduletick": purged("purge: the retention days after it was decided"),
    "automate_steprun": purged("purge: with its run"),
    "automate_storedbacktest": purged(_AGE),
    "automate_webhookendpoint": bounded("made by hand"),
    "automate_workflow": purged("the trash: 30 days after it was removed"),
    "automate_workflowversion": purged("the trash: with the last run that needs it; else kept, runs are pinned to it"),
}
