"""The `automate` command's client: what a person or a script does with a workspace, over the public API alone.

It imports nothing of the server, so it starts quickly and could be installed by itself. One module per noun, each
loaded when it is called. Data goes to stdout, talk to stderr. Exit codes: 0 ok, 1 failed, 2 usage, 3 not allowed,
4 not found, 5 invalid or in conflict, 6 limited, 130 interrupted.
"""
