"""An export of a large workspace: seconds, bytes, and the memory of the process that makes it.

usage: python -m loadtests.export [--rows 200000] [--raw] [--output FILE]

Fills the demo workspace of a copy of the product as `loadtests.pages` does, makes the archive in this process, reads it
back, and counts its events.
"""

from __future__ import annotations

import argparse
import io
import resource
import time
import zipfile
from datetime import UTC, datetime
from pathlib import Path

from loadtests.pages import filled


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--raw", action="store_true")
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    with filled(rows=options.rows, days=30) as (_, tenant):
        from automate_tenants.export import jobs

        before = _peak_mb()
        begun, processor = time.monotonic(), time.process_time()
        made = jobs.ask(tenant_id=tenant.id, is_raw=options.raw, actor="load", now=datetime.now(UTC))
        worker_took_it = jobs.make_next(datetime.now(UTC)) is None
        while worker_took_it and made.status in {"queued", "running"}:
            time.sleep(0.5)
            made.refresh_from_db()
        made.refresh_from_db()
        seconds, processor, after = time.monotonic() - begun, time.process_time() - processor, _peak_mb()
        archive = zipfile.ZipFile(io.BytesIO(b"".join(jobs.download(made, actor="load", now=datetime.now(UTC)))))
        events = sum(archive.read(name).count(b"\n") for name in archive.namelist() if name.startswith("events"))
    size_mb = (made.size_bytes or 0) / 1e6
    text = (
        f"{options.rows:,} events and runs, {'raw' if options.raw else 'redacted'}: {made.status}, {seconds:.1f} s"
        f" ({processor:.1f} s of processor time{', in the worker' if worker_took_it else ''}),"
        f" {size_mb:.1f} MB with {events:,} events; memory at most {after:.0f} MB, {before:.0f} before"
    )
    print(text)
    if options.output:
        options.output.write_text(text + "\n")


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
