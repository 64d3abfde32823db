"""Event, rule, workflow, execution: durable automation inside any Django project.

Importing this package imports no Django, so that the gateway can use `automate.ingest` alone.
"""
