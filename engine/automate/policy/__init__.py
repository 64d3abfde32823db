"""Policy: one place decides what a workflow may do, and says why. Installation ceiling → plan → tenant → workflow.

rules      what one layer's document may say
effective  the layers merged, the strictest wins (pure)
decision   allow, wait or deny, with the layer and the rule
guard      asked by the worker for each attempt of a step and each of its outbound calls
pace       the line in front of an outbound rate (`window`: the sliding window; `outbound`: shared in the database)
stored     the workspace's own document
blocked    what was blocked, per hour
"""

from automate.policy.blocked import Blocked, blocked_since
from automate.policy.decision import Decision, MustWait, PolicyDenied
from automate.policy.effective import Layer, Limit, Policy, merge
from automate.policy.guard import Guard, check_step, workflow_rules
from automate.policy.installation import ceiling, installation_rules
from automate.policy.rules import InvalidPolicy, Rules, find_policy_problems, parse
from automate.policy.stored import Stored, effective_policy, limit_in_force, save_policy, stored_policy

__all__ = [
    "Blocked",
    "Decision",
    "Guard",
    "InvalidPolicy",
    "Layer",
    "Limit",
    "MustWait",
    "Policy",
    "PolicyDenied",
    "Rules",
    "Stored",
    "blocked_since",
    "ceiling",
    "check_step",
    "effective_policy",
    "find_policy_problems",
    "installation_rules",
    "limit_in_force",
    "merge",
    "parse",
    "save_policy",
    "stored_policy",
    "workflow_rules",
]
