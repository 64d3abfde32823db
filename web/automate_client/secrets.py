"""`automate secrets …`: a value comes from stdin or a file, never from a flag, where others would see it."""

from __future__ import annotations

import argparse
import getpass
import sys
from typing import Any
from urllib.parse import quote

from automate_client.api import Api, Refused
from automate_client.documents import text_of
from automate_client.failures import USAGE, CommandFailed
from automate_client.parser import filters_of
from automate_client.talk import show, show_page

COLUMNS = {"name": "name", "version": "version_num", "used by": "used_by", "rotated": "rotated_at", "note": "note"}


def list_(options: argparse.Namespace) -> None:
    show_page(options, Api(options).get("/secrets", **filters_of(options)), COLUMNS)


def set(options: argparse.Namespace) -> None:
    api, value = Api(options), _value(options)
    try:
        api.get(_path(options.name))
    except Refused as error:
        if error.status != 404:
            raise
        body = {"name": options.name, "value": value, "hosts": options.host, "note": options.note}
        _told(options, api.change("POST", "/secrets", body, is_secret=True))
        return
    if options.host or options.note:
        raise CommandFailed(f"{options.name} is there already: --host and --note are for a new one.", USAGE)
    _told(options, _next(api, options.name, value))


def rotate(options: argparse.Namespace) -> None:
    api, value = Api(options), _value(options)
    api.get(_path(options.name))  # not found is said before a dry run says what it would do
    _told(options, _next(api, options.name, value))


def _next(api: Api, name: str, value: str) -> Any:
    return api.change("POST", f"{_path(name)}/versions", {"value": value}, is_secret=True)


def _path(name: str) -> str:
    return f"/secrets/{quote(name, safe='')}"


def _told(options: argparse.Namespace, secret: Any) -> None:
    show(options, secret, [f"{secret['name']}: version {secret['version_num']}"])


def _value(options: argparse.Namespace) -> str:
    if options.file:
        value = text_of(options.file)
    elif not sys.stdin.isatty():
        value = sys.stdin.read()
    elif options.no_input:
        raise CommandFailed("No value was given. Send it on stdin, or say --file.", USAGE)
    else:
        value = getpass.getpass("Value (it is not shown): ", stream=sys.stderr)
    value = value.removesuffix("\n").removesuffix("\r")
    if not value:
        raise CommandFailed("No value was given.", USAGE)
    return value
