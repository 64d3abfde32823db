"""The REST API under `/api/v1/`: a key names the workspace, its scopes what may be done there.

Every answer is JSON, every refusal `{code, message, details, trace_id}`. v1 changes only by adding.
"""
