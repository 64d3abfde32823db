"""The archive: a ZIP file written as a stream, with a manifest of what is in it, and of what is not."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from automate_tenants.context import current_tenant
from automate_tenants.export import contents
from automate_tenants.models import Tenant

FORMAT = "automate-export/1"
README = Path(__file__).with_name("README.txt")


class Archive:
    """Writes files one after the other to `out`, which needs no seeking, and remembers each for the manifest."""

    def __init__(self, out: Any, *, now: datetime):
        self._zip = zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=6)
        self._at = now.utctimetuple()[:6]
        self.files: list[dict[str, Any]] = []

    def add(self, name: str, lines: Iterable[str]) -> None:
        """One file, line by line; `rows` of its manifest entry counts them."""
        digest, size, rows = sha256(), 0, 0
        entry = zipfile.ZipInfo(name, date_time=self._at)
        entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
        with self._zip.open(entry, "w", force_zip64=True) as file:
            for line in lines:
                data = line.encode()
                file.write(data)
                digest.update(data)
                size, rows = size + len(data), rows + 1
        self.files.append({"name": name, "rows": rows, "bytes": size, "sha256": digest.hexdigest()})

    def close(self) -> None:
        self._zip.close()


def write(out: Any, *, is_raw: bool, now: datetime) -> dict[str, int]:
    """Write the current workspace's archive to `out`; rows by file."""
    tenant = Tenant.objects.get(pk=current_tenant().id)
    archive = Archive(out, now=now)
    archive.add("README.txt", [README.read_text(encoding="utf-8")])
    archive.add("workspace.json", [contents.as_text(contents.about(tenant)) + "\n"])
    for slug, text in contents.definitions():
        archive.add(f"definitions/{slug}.json", [text])
    for name, rows in contents.public_rows(tenant).items():
        archive.add(f"{name}.jsonl", _lines(rows))
    for model in contents.tables():
        archive.add(f"{contents.file_of(model)}.jsonl", _lines(contents.rows_of(model, is_raw=is_raw)))
    manifest = {
        "format": FORMAT,
        "workspace": tenant.slug,
        "made_at": now,
        "payloads": "raw" if is_raw else "redacted",
        "files": archive.files,
        "left_out": contents.LEFT_OUT,
    }
    counts = {file["name"]: file["rows"] for file in archive.files}
    archive.add("manifest.json", [contents.as_text(manifest) + "\n"])
    archive.close()
    return counts


def _lines(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    return (contents.as_text(row) + "\n" for row in rows)
