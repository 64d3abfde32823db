"""Home: secrets are random, private and made once."""

from __future__ import annotations

import stat

import pytest

from automate_platform.home import Home, HomeUnusable, private_folder


def test_a_secret_is_random_private_and_stays(tmp_path):
    home, other = Home(tmp_path / "one"), Home(tmp_path / "two")

    first = home.secret("django")

    assert home.secret("django") == first != other.secret("django")
    assert len(first) >= 43  # 32 random bytes
    assert stat.S_IMODE((home.secrets / "django").stat().st_mode) == 0o600
    assert stat.S_IMODE(home.secrets.stat().st_mode) == 0o700


def test_processes_that_make_a_secret_at_once_end_with_the_same(tmp_path, at_once):
    home = Home(tmp_path)

    assert len(set(at_once(*[lambda: home.secret("live")] * 8))) == 1


def test_a_folder_that_others_could_read_is_closed(tmp_path):
    loose = tmp_path / "secrets"
    loose.mkdir(mode=0o755)

    assert stat.S_IMODE(private_folder(loose).stat().st_mode) == 0o700


def test_a_link_in_the_place_of_a_private_folder_is_refused(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "run"
    link.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(HomeUnusable):
        private_folder(link)
