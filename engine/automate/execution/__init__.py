"""Execution: from a claimed event to matched workflows, and from a run to its recorded steps."""
