"""Dry runs: what a workflow would do with an event, without doing it.

The order of steps, `when`, templates, fan-outs, retries and handlers are those of real runs: the same code takes the
run forward. Only the attempts differ: instead of a connector's call there is an answer that was given, recorded or
pinned; where there is none, it is unknown, and so is what depends on it. Nothing is sent and nothing is written.

answers    what a step answers, and where that comes from
attempts   attempts without calls
clock      time that jumps over waits
run        one dry run from event to report
report     the report
events     an event such as a trigger listens for
recorded   answers out of recorded runs
backtest   many events, compared with what was decided and done
stored     a backtest as a job, slice by slice
estimate   what a model call that nobody recorded could cost
"""

from automate.dryrun.answers import Answer, Answers, Stubs
from automate.dryrun.backtest import Backtest, backtest
from automate.dryrun.report import DryRun, DryStep
from automate.dryrun.run import Subject, dry_run

__all__ = ["Answer", "Answers", "Backtest", "DryRun", "DryStep", "Stubs", "Subject", "backtest", "dry_run"]
