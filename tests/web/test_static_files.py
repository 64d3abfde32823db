"""Styles and scripts are collected and compressed once a release, whoever starts."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from automate_web.static_files import collect

FINDER = "django.contrib.staticfiles.finders.FileSystemFinder"


@pytest.fixture
def source(tmp_path: Path, settings) -> Path:
    """The one style sheet there is; the setting names a folder that does not exist yet."""
    file = tmp_path / "source" / "a.css"
    file.parent.mkdir()
    file.write_text("p { color: red }\n" * 50)
    settings.STATICFILES_FINDERS = [FINDER]
    settings.STATICFILES_DIRS = [str(file.parent)]
    settings.STATIC_ROOT = str(tmp_path / "collected")
    return file


def names(source: Path) -> set[str]:
    return {path.suffix for path in (source.parents[1] / "collected").glob("a.*.css*")}


def test_what_is_up_to_date_is_left_alone(source):
    assert collect() is True
    first = sorted((path.name, path.stat().st_mtime_ns) for path in source.parents[1].glob("collected/*"))

    assert collect() is False
    assert sorted((path.name, path.stat().st_mtime_ns) for path in source.parents[1].glob("collected/*")) == first
    assert names(source) == {".css", ".gz", ".br"}


def test_a_change_of_the_content_alone_is_seen_and_the_file_of_before_stays(source):
    collect()
    before = set(source.parents[1].glob("collected/a.*.css"))
    source.write_text(source.read_text().replace("red", "tan"))  # as long as before

    assert collect() is True
    after = set(source.parents[1].glob("collected/a.*.css"))
    assert before < after
    assert len(after) == 2


def test_of_many_at_once_one_does_it(source):
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: collect(), range(4)))

    assert sorted(done) == [False, False, False, True]


def test_who_was_killed_half_way_is_followed_by_one_who_does_it(source):
    collect()
    stamp = source.parents[1] / "collected.collected"
    stamp.unlink()  # it is written last

    assert collect() is True
    assert stamp.exists()


def test_a_folder_that_may_only_be_read_is_enough_when_it_holds_the_release(source):
    collect()
    root = source.parents[1] / "collected"
    (root.with_name("collected.lock")).unlink()
    root.chmod(0o500)

    try:
        assert collect() is False
        assert not root.with_name("collected.lock").exists()  # it did not even try to write
    finally:
        root.chmod(0o700)
