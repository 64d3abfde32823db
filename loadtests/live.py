"""Live, measured: from the 202 of an event to the moment a waiting page is told of a change.

usage: python -m loadtests.live [--events 50]

Starts its own copy of the product, logs its demo person in, opens the stream that pages listen to, and sends one event
after the other. Each time is from the answer to the first `event: change` that follows; the next event is sent once the
stream has been quiet for 0.3 s, so that no change of an earlier run is taken for it. A change that comes before the
answer has been read counts as 0. What a page then fetches is not in it.
"""

from __future__ import annotations

import argparse
import json
import queue
import re
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Mapping
from http.cookiejar import CookieJar
from pathlib import Path

from loadtests.bench import product
from loadtests.load import percentile

QUIET_SECONDS, PATIENCE_SECONDS = 0.3, 30.0


def stream_url(ready: Mapping[str, str]) -> str:
    """The stream's address with its token, as a page of the workspace names it to its script."""
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    base_url = ready["api_url"].partition("/api/")[0]
    with browser.open(f"{base_url}/login/") as page:
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.read().decode())
    assert token is not None
    form = {"csrfmiddlewaretoken": token[1], "login": ready["email"], "password": ready["password"]}
    request = urllib.request.Request(
        f"{base_url}/login/", urllib.parse.urlencode(form).encode(), {"Referer": f"{base_url}/login/"}
    )
    with browser.open(request) as arrived:
        found = re.search(r'data-live="([^"]+)"', arrived.read().decode())
    if found is None:
        raise SystemExit(f"log-in ended at {arrived.url}, where no page is live")
    return base_url + found[1].replace("&amp;", "&")


def listen(url: str, told: queue.Queue[float]) -> None:
    """Put the time of each change on `told`, and of the stream's readiness first. Ends with the stream."""
    with urllib.request.urlopen(url, timeout=PATIENCE_SECONDS * 4) as stream:
        for line in stream:
            if line.startswith((b"event: change", b"event: ready")):
                told.put(time.perf_counter())


def one_event(ready: Mapping[str, str], number: int, told: queue.Queue[float]) -> float:
    """Seconds from the 202 to the change; 0 when the change was quicker."""
    body = json.dumps({"name": f"Person {number}"}).encode()
    headers = {"Authorization": f"Bearer {ready['api_key']}", "Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(ready["webhook_url"], body, headers)) as answer:
        answered = time.perf_counter()
        assert answer.status == 202
    try:
        return max(0.0, told.get(timeout=PATIENCE_SECONDS) - answered)
    except queue.Empty:
        raise SystemExit(f"event {number}: no page was told within {PATIENCE_SECONDS:.0f} s") from None


def until_quiet(told: queue.Queue[float]) -> None:
    """Take what is still told of the event before."""
    while True:
        try:
            told.get(timeout=QUIET_SECONDS)
        except queue.Empty:
            return


def measure(ready: Mapping[str, str], events: int) -> list[float]:
    """Seconds for each event."""
    told: queue.Queue[float] = queue.Queue()
    threading.Thread(target=listen, args=(stream_url(ready), told), daemon=True).start()
    told.get(timeout=PATIENCE_SECONDS)  # ready: every later change will be told
    took = []
    for number in range(events):
        until_quiet(told)
        took.append(one_event(ready, number, told))
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=50)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="automate-live-") as folder, product(Path(folder), 1) as copy:
        took = measure(copy.ready, options.events)
    p50, p95 = (percentile(took, share) * 1000 for share in (0.5, 0.95))
    print(
        f"{len(took)} events, accepted to told: p50 {p50:.0f} ms, p95 {p95:.0f} ms, slowest {max(took) * 1000:.0f} ms"
    )
    print(f"live within 1 s: {sum(seconds <= 1 for seconds in took)} of {len(took)}")


if __name__ == "__main__":
    main()
