"""The connector `http`: one request, or a bounded row of pages, to any HTTP API.

spec     the form: fields and what they mean
request  parameters → URL, headers, time limit
fields   names and values of queries and forms
body     JSON, form, multipart, text → bytes
auth     basic, bearer, API key, OAuth 2 client credentials
tokens   OAuth 2 access tokens, kept until shortly before they end, apart for each owner
pages    following next links, cursors and page numbers, with a bound
"""

from automate_connectors.http.connector import HttpAdapter
from automate_connectors.http.request import METHODS, is_repeatable

ADAPTERS = (HttpAdapter,)

__all__ = ["ADAPTERS", "METHODS", "HttpAdapter", "is_repeatable"]
