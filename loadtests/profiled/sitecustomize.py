"""A process that finds this on its path tells where its processor time goes: `loadtests.cost` puts it into its report.

A thread looks every few milliseconds at what the others are at, and counts for each the processor time that it used
since the last look (its own clock, so waiting costs nothing). The counts are written twice a second to
`$LOADTESTS_PROFILE/<process>.json`, and begin anew when the file `begin` there is written anew. Python imports a
`sitecustomize` by itself.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from types import FrameType

LOOK_SECONDS = 0.004
WRITE_SECONDS = 0.5
AREAS = {  # area → parts of a file's path; the first that a stack runs through counts
    "redaction": ("/automate_governance/redaction/", "/automate_governance/storable.py"),
    "policy": (
        "/automate/policy/",
        "/automate/execution/flow/quotas.py",
        "/automate_governance/egress/policy.py",
        "/automate_governance/egress/target.py",
        "/automate_governance/egress/addresses.py",
        "/automate_governance/egress/headers.py",
        "/automate_governance/egress/bound_secrets.py",
        "/automate_web/gateway/denials.py",
    ),
    "secrets": ("/automate/secrets/", "/automate/execution/secrets.py", "/automate_governance/secrets/"),
}


def look_for_ever(folder: Path, process: str) -> None:
    begin, target = folder / "begin", folder / f"{process}.json"
    areas: Counter[str] = Counter()
    functions: Counter[str] = Counter()
    used: dict[int, float] = {}
    began_at, written_at = 0.0, 0.0
    me = threading.get_ident()
    while True:
        time.sleep(LOOK_SECONDS)
        for thread, frame in sys._current_frames().items():
            if thread == me:
                continue
            try:
                clock = time.clock_gettime(time.pthread_getcpuclockid(thread))
            except OSError:  # it ended just now
                continue
            spent, used[thread] = clock - used.get(thread, clock), clock
            if spent > 0:
                areas[area_of(frame)] += spent
                functions[f"{Path(frame.f_code.co_filename).name}:{frame.f_code.co_name}"] += spent
        now = time.monotonic()
        if now - written_at >= WRITE_SECONDS:
            written_at = now
            started = begin.stat().st_mtime if begin.exists() else 0.0
            if started != began_at:
                began_at = started
                areas.clear()
                functions.clear()
            told = {"areas": dict(areas), "functions": dict(functions.most_common(15))}
            temporary = target.with_suffix(".tmp")
            temporary.write_text(json.dumps(told))
            temporary.replace(target)


def area_of(frame: FrameType | None) -> str:
    while frame is not None:
        path = frame.f_code.co_filename
        for area, parts in AREAS.items():
            if any(part in path for part in parts):
                return area
        frame = frame.f_back
    return "everything else"


if folder := os.environ.get("LOADTESTS_PROFILE"):
    words = sys.orig_argv
    process = words[words.index("automate_platform") + 1] if "automate_platform" in words[:-1] else ""
    if process in ("gateway", "worker"):
        threading.Thread(target=look_for_ever, args=(Path(folder), process), daemon=True, name="profile").start()
