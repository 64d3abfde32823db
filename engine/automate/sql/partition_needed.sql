-- partition_needed: whether a run stands for an event of this range of ids, or one of them is still to be matched.
SELECT EXISTS (SELECT FROM automate_executionrun WHERE event_id >= %(low)s AND event_id < %(high)s)
    OR EXISTS (SELECT FROM automate_outboxjob WHERE kind = 'event' AND event_id >= %(low)s AND event_id < %(high)s
                                                AND status IN ('PENDING', 'CLAIMED'))
