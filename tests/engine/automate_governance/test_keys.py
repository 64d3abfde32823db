"""The key store: one key per name whatever races, wrapped on disk, gone for ever once destroyed."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from automate_governance.keys import FileKeyStore, KeyDestroyed, KeyNotFound, UnsafeKeyStore

RACE = """
import sys
from pathlib import Path
from automate_governance.keys import FileKeyStore
store = FileKeyStore(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for number in range(20):
    store.create(f"tenant-{number}")
print(b"".join(store.data_key(f"tenant-{number}") for number in range(20)).hex())
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "keys"


@pytest.fixture
def store(folder: Path) -> FileKeyStore:
    return FileKeyStore(folder)


def test_a_key_stays_the_same_for_every_reader(store, folder):
    store.create("a")
    key = store.data_key("a")

    store.create("a")

    assert len(key) == 32
    assert store.data_key("a") == key
    assert FileKeyStore(folder).data_key("a") == key


def test_keys_of_two_names_differ(store):
    store.create("a")
    store.create("b")

    assert store.data_key("a") != store.data_key("b")


def test_the_key_itself_is_not_on_disk_and_the_files_are_private(store, folder):
    store.create("a")
    key = store.data_key("a")

    assert folder.stat().st_mode & 0o777 == 0o700
    for file in folder.iterdir():
        assert file.stat().st_mode & 0o777 == 0o600
        assert key not in file.read_bytes()
    assert {file.name for file in folder.iterdir()} == {"installation.key", "a.key"}  # no temporary file stays


def test_a_name_without_a_key_is_not_found(store):
    with pytest.raises(KeyNotFound):
        store.data_key("never-made")


def test_a_destroyed_key_is_gone_for_all_and_for_ever(store, folder):
    store.create("a")
    reader = FileKeyStore(folder)
    reader.data_key("a")
    backup = (folder / "a.key").read_bytes()

    store.destroy("a")

    for each in (store, reader):  # also for the process that had it in memory
        with pytest.raises(KeyDestroyed):
            each.data_key("a")
        with pytest.raises(KeyDestroyed):
            each.create("a")
    assert not (folder / "a.key").exists()
    (folder / "a.key").write_bytes(backup)  # somebody restores an old copy
    with pytest.raises(KeyDestroyed):
        FileKeyStore(folder).data_key("a")


def test_destroying_twice_or_before_creation_is_allowed(store):
    store.destroy("a")
    store.destroy("a")

    with pytest.raises(KeyDestroyed):
        store.create("a")


@pytest.mark.parametrize("name", ["", "../a", "a/b", "a.b", ".a", "-a", "installation", "a\n", "a" * 101, "ä"])
def test_a_name_that_could_be_a_path_is_refused(store, name):
    for operation in (store.create, store.data_key, store.destroy):
        with pytest.raises(ValueError, match="key name"):
            operation(name)


def test_a_key_of_another_installation_is_refused(store, folder, tmp_path):
    store.create("a")
    other = FileKeyStore(tmp_path / "other")
    other.create("a")
    (folder / "a.key").write_bytes((tmp_path / "other" / "a.key").read_bytes())

    with pytest.raises(UnsafeKeyStore, match="not wrapped by"):
        FileKeyStore(folder).data_key("a")


def test_a_lost_installation_key_is_never_replaced_silently(store, folder):
    store.create("a")
    (folder / "installation.key").unlink()

    with pytest.raises(UnsafeKeyStore, match="restore"):
        FileKeyStore(folder).create("b")


def test_an_installation_key_open_to_everybody_is_refused(store, folder):
    store.create("a")
    (folder / "installation.key").chmod(0o644)

    with pytest.raises(UnsafeKeyStore, match="chmod"):
        FileKeyStore(folder).data_key("a")


def test_threads_that_create_at_once_end_with_one_key(folder):
    stores = [FileKeyStore(folder) for _ in range(16)]
    barrier, keys = threading.Barrier(16), []

    def create(store: FileKeyStore) -> None:
        barrier.wait()
        store.create("a")
        keys.append(store.data_key("a"))

    threads = [threading.Thread(target=create, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(keys) == 16
    assert len(set(keys)) == 1


def test_processes_that_create_at_once_end_with_one_key(folder):
    path = str(Path(__file__).parents[3] / "engine")
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", RACE, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"PYTHONPATH": path},
            text=True,
        )
        for _ in range(4)
    ]
    for worker in workers:
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    answers = {worker.communicate()[0] for worker in workers}

    assert len(answers) == 1
    assert len(answers.pop().strip()) == 20 * 64
