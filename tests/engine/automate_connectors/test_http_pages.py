"""`paginate` of http.request: all items of a bounded row of pages, on one host."""

from __future__ import annotations

import pytest

from automate_connectors.http import HttpAdapter
from automate_connectors.models import ConnectorError

from .standin import Answer, Received, standing_in

ITEMS = [{"n": n} for n in range(7)]
SIZE = 3


def shop(request: Received) -> Answer:
    """Seven items, three a page, in each of the three ways."""
    kind = request.path.split("?")[0].lstrip("/")
    if kind == "link":
        start = int(request.query.get("from", "0"))
        more = f'</link?from={start + SIZE}>; rel="next", </link>; rel=first' if start + SIZE < len(ITEMS) else ""
        return Answer(200, ITEMS[start : start + SIZE], {"Link": more})
    if kind in ("cursor", "url"):
        start = int(request.query.get("after", "0"))
        following = start + SIZE if start + SIZE < len(ITEMS) else None
        shown = f"/url?after={following}" if kind == "url" and following else following
        return Answer(200, {"data": {"items": ITEMS[start : start + SIZE]}, "meta": {"next": shown}})
    if kind == "page":
        start = (int(request.query.get("p", "1")) - 1) * SIZE
        return Answer(200, {"rows": ITEMS[start : start + SIZE]})
    if kind == "loop":
        return Answer(200, [1], {"Link": '</loop>; rel="next"'})
    if kind == "foreign":
        return Answer(200, [1], {"Link": '<https://evil.example/steal>; rel="next"'})
    if kind == "big":
        return Answer(200, ["x" * 400_000], {"Link": f'</big?n={len(request.path)}{request.path[-1]}>; rel="next"'})
    return Answer(200, {"rows": "none"})


@pytest.fixture(scope="module")
def shop_server():
    with standing_in(shop) as server:
        yield server


@pytest.fixture
def get(shop_server):
    shop_server.received.clear()

    def call(path, paginate, **params):
        context = {"egress": shop_server.policy, "timeout_seconds": 20.0, "secrets": {}}
        return HttpAdapter().execute(
            "request", {"url": shop_server.url + path, "paginate": paginate, **params}, context
        )

    return call


@pytest.mark.parametrize(
    ("path", "paginate", "pages"),
    [
        ("/link", {"type": "link"}, 3),
        ("/cursor", {"type": "cursor", "items": "data.items", "cursor": "meta.next", "param": "after"}, 3),
        ("/url", {"type": "cursor", "items": "data.items", "cursor": "meta.next"}, 3),
        ("/page", {"type": "page", "items": "rows", "param": "p"}, 4),
        ("/page?p=2", {"type": "page", "items": "rows", "param": "p", "start": 2}, 3),
    ],
)
def test_all_items_come_as_one_list(get, shop_server, path, paginate, pages):
    output = get(path, paginate, headers={"X-Key": "k"})

    assert output["body"] == (ITEMS if "?" not in path else ITEMS[3:])
    assert (output["pages"], output["truncated"], output["status"]) == (pages, False, 200)
    assert len(shop_server.received) == pages
    assert all(request.headers["x-key"] == "k" for request in shop_server.received)


def test_pages_are_bounded_and_the_output_says_so(get, shop_server):
    output = get("/link", {"type": "link", "max_pages": 2})

    assert (output["body"], output["pages"], output["truncated"]) == (ITEMS[:6], 2, True)
    assert len(shop_server.received) == 2


def test_more_than_an_output_holds_is_cut_at_an_item(get):
    output = get("/big", {"type": "link"})

    assert (len(output["body"]), output["truncated"]) == (2, True)


@pytest.mark.parametrize(
    ("path", "paginate", "code"),
    [
        ("/foreign", {"type": "link"}, "foreign_page"),
        ("/loop", {"type": "link"}, "page_loop"),
        ("/other", {"type": "link"}, "not_a_page"),
        ("/other", {"type": "page", "items": "rows"}, "not_a_page"),
        ("/other", {"type": "page", "items": "a.b"}, "not_a_page"),
        ("/link", {"type": "scroll"}, "invalid_params"),
        ("/link", {"type": "cursor"}, "invalid_params"),
        ("/link", {"type": "link", "max_pages": 0}, "invalid_params"),
        ("/link", {"type": "link", "max_pages": True}, "invalid_params"),
        ("/link", {"type": "link", "items": 5}, "invalid_params"),
        ("/link", {"type": "page", "start": -1}, "invalid_params"),
        ("/link", {"type": "link", "depth": 1}, "invalid_params"),
        ("/link", [], "invalid_params"),
    ],
)
def test_what_cannot_be_followed_is_an_error(get, path, paginate, code):
    with pytest.raises(ConnectorError) as raised:
        get(path, paginate)

    assert raised.value.code == code
    assert not raised.value.retryable


def test_a_page_that_fails_fails_the_step_and_may_be_repeated(get, shop_server):
    shop_server.mishaps[:] = [Answer(200, ITEMS[:3], {"Link": '</link?from=3>; rel="next"'}), Answer(502)]
    with pytest.raises(ConnectorError) as raised:
        get("/link", {"type": "link"})

    assert (raised.value.code, raised.value.retryable) == ("http_502", True)
