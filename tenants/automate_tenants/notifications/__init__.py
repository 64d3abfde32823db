"""Notifications: what members of a workspace are told, once each, wherever they chose to hear it.

kinds         what there is to tell, who may see it, who is mailed when nobody chose
making        one row per occurrence, in the transaction of what it tells of, and its deliveries
choices       per member and kind: in the portal, by e-mail, by webhook
inbox         what a member sees and has read
destinations  where a member's webhooks go, each with its signing secret
watching      the periodic look over durable rows: failures, budgets, keys, secrets, endpoints
letters       waiting e-mails of one member become one letter
webhooks      Standard Webhooks through the one egress, with retries over three days
rounds        whose turn it is; every worker calls it every few seconds

A notification's `key` is unique, so what is noticed twice is told once. Which workspaces have something to look at or
to send stands in a public row (`NotificationTurn`), so that nobody visits schemas in which nothing happened. A process
that dies leaves rows whose time comes again: nothing is lost. A letter whose sender died after the mail server took it
is sent again with the same Message-ID, a webhook with the same `webhook-id`.
"""
