"""The operators' pages: Django's admin over public tables, on a host of its own.

`site` says who comes in, `log_in` how; each kind of row has a module. What changes a workspace goes through the same
functions as the command line, and stands in that workspace's audit log under the operator's name.
"""
