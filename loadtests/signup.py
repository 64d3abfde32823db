"""Sign-up, measured as a browser does it: from sending the form to the new workspace's /start/ page.

usage: python -m loadtests.signup [--workspaces 200] [--signups 27]

Starts its own copy of the product, fills it with workspaces, then signs up one person after the other over HTTP. Each
time is from the POST of the form until /start/ has answered: person, schema, tables, key, endpoint and published sample
made, hand-over done. Ten sign-ups a minute are allowed from one address, so more of them wait.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar
from pathlib import Path

from loadtests.bench import product
from loadtests.load import percentile

SIGNUPS_A_MINUTE = 9  # ten from one address, and then a wait
FILL = """
import django, sys; django.setup()
from automate_tenants.context import public_scope
from automate_tenants.onboarding import open_workspace
from django.contrib.auth import get_user_model
from django.utils import timezone
with public_scope():
    owner = get_user_model().objects.create_user(username="fill", email="fill@example.com")
    for number in range(int(sys.argv[1])):
        open_workspace(name=f"Fill {number}", slug=f"fill-{number}", owner_id=owner.pk, now=timezone.now())
"""


def fill(root: Path, workspaces: int) -> float:
    """Make that many workspaces; seconds for each."""
    environment = {
        **os.environ,
        "DJANGO_AUTOMATE_HOME": str(root),
        "DJANGO_SETTINGS_MODULE": "automate_platform.settings",
    }
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", FILL, str(workspaces)], env=environment, check=True)
    return (time.perf_counter() - began) / workspaces


def sign_up(base_url: str, number: int) -> float:
    """Seconds from the POST to the new workspace's first page. Exits when that is not what comes."""
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    with browser.open(f"{base_url}/signup/") as page:
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.read().decode())
    assert token is not None
    form = {
        "csrfmiddlewaretoken": token[1],
        "email": f"person{number}@example.com",
        "password1": f"correct horse {number}",
        "workspace_name": f"Measured {number}",
        "address": f"measured-{number}",
    }
    request = urllib.request.Request(
        f"{base_url}/signup/", urllib.parse.urlencode(form).encode(), {"Referer": f"{base_url}/signup/"}
    )
    began = time.perf_counter()
    with browser.open(request) as arrived:
        page_text = arrived.read().decode()
    seconds = time.perf_counter() - began
    if not arrived.url.endswith(f"/w/measured-{number}/start/"):
        raise SystemExit(f"sign-up ended at {arrived.url}:\n{page_text[:3000]}")
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workspaces", type=int, default=200)
    parser.add_argument("--signups", type=int, default=3 * SIGNUPS_A_MINUTE)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="automate-signup-") as folder, product(Path(folder), 1) as copy:
        each = fill(Path(folder), options.workspaces)
        base_url = copy.ready["api_url"].partition("/api/")[0]
        took = []
        for number in range(options.signups):
            if number and number % SIGNUPS_A_MINUTE == 0:
                time.sleep(61)
            took.append(sign_up(base_url, number))
    print(f"{options.workspaces} workspaces present, {each * 1000:.0f} ms to open each without HTTP")
    p50, p95 = (percentile(took, share) * 1000 for share in (0.5, 0.95))
    print(f"sign-up to ready workspace: p50 {p50:.0f} ms, p95 {p95:.0f} ms, slowest {max(took) * 1000:.0f} ms")


if __name__ == "__main__":
    main()
