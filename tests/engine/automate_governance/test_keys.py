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


def test_a_rotation_keeps_every_data_key_and_changes_every_file(store, folder):
    for name in ("a", "b"):
        store.create(name)
    keys = {name: store.data_key(name) for name in ("a", "b")}
    running = FileKeyStore(folder)
    running.data_key("a")  # has the old installation key in memory, and has not read b yet
    before = {file.name: file.read_bytes() for file in folder.iterdir()}

    assert store.rotate_installation_key() == 2

    assert {name: FileKeyStore(folder).data_key(name) for name in keys} == keys
    assert {name: running.data_key(name) for name in keys} == keys
    after = {file.name: file.read_bytes() for file in folder.iterdir()}
    assert after.keys() == before.keys()
    assert all(after[name] != before[name] for name in before)
    running.create("c")  # wraps with the key of now, though it began with the old one
    assert FileKeyStore(folder).data_key("c") == running.data_key("c")


def test_both_keys_are_good_while_a_rotation_is_under_way_and_the_next_finishes_it(store, folder, monkeypatch):
    for name in ("a", "b", "c"):
        store.create(name)
    keys = {name: store.data_key(name) for name in ("a", "b", "c")}
    wrap, done = FileKeyStore._wrap_anew, []

    def die_at_the_third(self, path, old, new):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(path)
        return wrap(self, path, old, new)

    monkeypatch.setattr(FileKeyStore, "_wrap_anew", die_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        store.rotate_installation_key()
    monkeypatch.undo()

    assert {name: FileKeyStore(folder).data_key(name) for name in keys} == keys
    assert store.rotate_installation_key() == 1  # only what was left
    assert {name: FileKeyStore(folder).data_key(name) for name in keys} == keys
    assert not (folder / "installation.next").exists()


def test_the_old_installation_key_opens_nothing_after_a_rotation(store, folder, tmp_path):
    store.create("a")
    old = (folder / "installation.key").read_bytes()
    store.rotate_installation_key()
    thief = tmp_path / "copy"
    thief.mkdir(mode=0o700)
    (thief / "installation.key").write_bytes(old)
    (thief / "installation.key").chmod(0o600)
    (thief / "a.key").write_bytes((folder / "a.key").read_bytes())

    with pytest.raises(UnsafeKeyStore):
        FileKeyStore(thief).data_key("a")


def test_readers_and_makers_go_on_through_rotations(folder):
    stores = [FileKeyStore(folder) for _ in range(4)]
    for number in range(8):
        stores[0].create(f"k{number}")
    keys = [stores[0].data_key(f"k{number}") for number in range(8)]
    stop, faults = threading.Event(), []

    def read(store: FileKeyStore, mine: int) -> None:
        turn = 0
        while not stop.is_set():
            turn += 1
            try:
                fresh = FileKeyStore(folder)
                assert [fresh.data_key(f"k{number}") for number in range(8)] == keys
                if turn <= 5:
                    store.create(f"made-{mine}-{turn}")
            except Exception as error:
                faults.append(error)
                return

    threads = [threading.Thread(target=read, args=(store, number)) for number, store in enumerate(stores)]
    for thread in threads:
        thread.start()
    for _ in range(5):
        FileKeyStore(folder).rotate_installation_key()
    stop.set()
    for thread in threads:
        thread.join()

    assert faults == []
    last = FileKeyStore(folder)
    assert all(len(last.data_key(file.stem)) == 32 for file in folder.glob("made-*.key"))


def test_a_destroyed_key_leaves_its_certificate_and_stays_gone_through_a_rotation(store):
    store.create("a")
    store.destroy("a", b"signed words")

    store.rotate_installation_key()

    assert store.certificate("a") == b"signed words"
    assert store.certificate("never-made") is None
    with pytest.raises(KeyDestroyed):
        store.data_key("a")
