"""Stored answers: what was put is found, by any process, after a kill; no trouble with the disk ends a run."""

from __future__ import annotations

import itertools
import logging
import os
import pickle
import signal
import sqlite3
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from qd.errors import QDError
from qd.models import store as module
from qd.models.store import AnswerStore, answer_key
from tests.launching import environment

parts = st.lists(st.one_of(st.binary(max_size=8), st.text(max_size=8), st.integers()), max_size=4)


@given(parts, parts)
def test_keys_are_equal_exactly_where_the_parts_are(one, other):
    typed = [[(type(part), part) for part in each] for each in (one, other)]
    assert (answer_key(*one) == answer_key(*other)) == (typed[0] == typed[1])
    assert len(answer_key(*one)) == 16
    assert answer_key("a", "b") != answer_key("asb")


def test_keys_refuse_what_has_no_one_form():
    with pytest.raises(QDError, match="got a float"):
        answer_key("temperature", 0.5)
    assert answer_key(np.uint64(2**64 - 1)) == answer_key(2**64 - 1)


def keys(count, about="k"):
    return [answer_key(about, number) for number in range(count)]


numbers = arrays(st.sampled_from([np.float64, np.float32, np.int32, bool]), array_shapes(min_dims=0, min_side=0))


@given(st.lists(st.one_of(st.text(), numbers), max_size=5))
def test_answers_come_back_as_they_were(answers):
    store = AnswerStore()
    store.put_many(keys(len(answers)), answers)
    for answer, found in zip(answers, store.get_many(keys(len(answers))), strict=True):
        if isinstance(answer, str):
            assert found == answer
        else:
            assert isinstance(found, np.ndarray) and found.dtype == answer.dtype
            np.testing.assert_array_equal(found, answer)


def test_another_store_of_the_folder_finds_them(tmp_path):
    folder = tmp_path / "new" / "answers"
    first, second = AnswerStore(folder), AnswerStore(str(folder))
    some = keys(1200)  # more than one query
    assert first.get_many(some[:3]) == [None] * 3
    first.put_many(some, [np.array([i, -i]) for i in range(1200)])
    asked = [answer_key("absent"), *some[::-1], some[5]]
    found = second.get_many(asked)
    assert found[0] is None
    assert [answer[0] for answer in found[1:]] == [*range(1199, -1, -1), 5]
    second.put_many(some[:1], ["another"])
    assert first.get_many(some[:1]) == ["another"]
    second.close()
    assert second.get_many(some[:1]) == ["another"], "it opens again"
    assert second.get_many([]) == []


def test_what_is_found_is_the_callers_own(tmp_path):
    for store in (AnswerStore(), AnswerStore(tmp_path)):
        given = np.zeros(2)
        store.put_many(keys(1), [given])
        given += 1
        (found,) = store.get_many(keys(1))
        found += 2
        np.testing.assert_array_equal(store.get_many(keys(1))[0], [0, 0])


def test_a_store_travels_as_its_folder(tmp_path):
    store = AnswerStore(tmp_path)
    store.put_many(keys(1), ["text"])
    assert pickle.loads(pickle.dumps(store)).get_many(keys(1)) == ["text"]
    memory = AnswerStore()
    memory.put_many(keys(1), ["text"])
    assert pickle.loads(pickle.dumps(memory)).get_many(keys(1)) == [None]


def test_in_memory_the_oldest_go(monkeypatch):
    monkeypatch.setattr(module, "_IN_MEMORY", 3)
    store = AnswerStore()
    for number, key in enumerate(keys(5)):
        store.put_many([key], [str(number)])
    assert store.get_many(keys(5)) == [None, None, "2", "3", "4"]


@pytest.mark.parametrize("key", ["text", b"short", bytes(33), None])
def test_other_keys_are_refused(key):
    with pytest.raises(QDError, match="16 to 32 bytes"):
        AnswerStore().get_many([key])


def test_objects_are_refused():
    with pytest.raises(QDError, match="array of object"):
        AnswerStore().put_many(keys(1), [np.array([None])])


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(QDError, match="is a file, wanted a folder"):
        AnswerStore(tmp_path / "file")


# ---------------------------------------------------------------- damage


def filled(folder, count=2000):
    store = AnswerStore(folder)
    store.put_many(keys(count), [np.arange(4.0) + i for i in range(count)])
    return store


def overwrite(path, start, length):
    with open(path, "r+b") as file:
        file.seek(start)
        file.write(os.urandom(length))


@pytest.mark.parametrize("damage", ["head", "middle", "cut", "text", "empty"])
def test_a_damaged_file_is_set_aside_and_a_new_one_begun(tmp_path, caplog, damage):
    filled(tmp_path).close()
    path = tmp_path / "answers.sqlite"
    size = path.stat().st_size
    if damage == "head":
        overwrite(path, 0, 100)
    elif damage == "middle":
        overwrite(path, 4096, size - 4096)
    elif damage == "cut":
        os.truncate(path, size // 2)
    else:
        path.write_text("not a database, but long enough to be read as one" * 9 if damage == "text" else "")
    store, other = AnswerStore(tmp_path), AnswerStore(tmp_path)
    with caplog.at_level(logging.WARNING):
        found = store.get_many(keys(2000)) + other.get_many(keys(2000))
    for place, answer in enumerate(found):
        assert answer is None or answer[0] == place % 2000
    assert sum("set aside" in record.message for record in caplog.records) == (damage != "empty")
    store.put_many(keys(1, "new"), ["kept"])
    for again in (other, AnswerStore(tmp_path)):
        assert again.get_many(keys(1, "new")) == ["kept"]
    assert (tmp_path / "answers-1.sqlite").exists() == (damage != "empty")


def test_a_file_that_is_damaged_while_it_is_open_is_set_aside(tmp_path, caplog):
    store, late = filled(tmp_path), AnswerStore(tmp_path)
    late.get_many(keys(1))
    store._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    size = (tmp_path / "answers.sqlite").stat().st_size
    overwrite(tmp_path / "answers.sqlite", 4096, size - 4096)
    other = AnswerStore(tmp_path)
    assert other.get_many(keys(3)) == [None] * 3
    assert "set aside" in caplog.text
    assert late.get_many(keys(2000)[1000:]) == [None] * 1000
    late.put_many(keys(1, "late"), ["kept"])
    assert other.get_many(keys(1, "late")) == ["kept"]
    other.put_many(keys(1, "new"), ["kept"])
    store.put_many(keys(1, "newer"), ["kept"])
    store.close()
    assert AnswerStore(tmp_path).get_many(keys(1, "new")) == ["kept"]


def test_a_value_that_is_not_what_was_written_is_absent(tmp_path, caplog):
    filled(tmp_path, 3).close()
    with sqlite3.connect(tmp_path / "answers.sqlite") as connection:
        (value,) = connection.execute("SELECT value FROM answers WHERE key = ?", keys(1)).fetchone()
        changed = value[:20] + bytes([value[20] ^ 1]) + value[21:]
        connection.execute("UPDATE answers SET value = ? WHERE key = ?", (changed, keys(1)[0]))
        connection.execute("UPDATE answers SET value = ? WHERE key = ?", (value, keys(2)[1]))  # of another key
    connection.close()
    store = AnswerStore(tmp_path)
    found = store.get_many(keys(3))
    assert found[0] is None and found[1] is None and found[2][0] == 2
    assert keys(1)[0].hex() in caplog.text
    store.put_many(keys(1), ["again"])
    assert store.get_many(keys(1)) == ["again"]


def test_a_file_of_another_format_is_left_alone(tmp_path, caplog):
    filled(tmp_path, 3).close()
    with sqlite3.connect(tmp_path / "answers.sqlite") as connection:
        connection.execute("PRAGMA user_version=99")
    connection.close()
    assert AnswerStore(tmp_path).get_many(keys(3)) == [None] * 3
    assert "format 99, wanted 1" in caplog.text


# ---------------------------------------------------------------- the disk


class Full:
    """A connection whose disk is full: it reads, and cannot write."""

    def __init__(self, connection):
        self.connection = connection

    def executemany(self, *_):
        raise sqlite3.OperationalError("database or disk is full")

    def __getattr__(self, name):
        return getattr(self.connection, name)


def test_a_full_disk_is_one_warning_and_answers_are_kept_in_memory(tmp_path, caplog):
    store = filled(tmp_path, 2)
    store._connection = Full(store._connection)
    store.put_many(keys(2, "new"), ["a", "b"])
    store.put_many(keys(3, "new")[2:], ["c"])
    assert store.get_many(keys(3, "new")) == ["a", "b", "c"]
    assert store.get_many(keys(2))[1][0] == 1, "what is on the disk can still be read"
    (record,) = caplog.records
    assert str(tmp_path) in record.getMessage() and "disk is full" in record.getMessage()
    assert "Free some space" in record.getMessage()


def test_a_file_that_cannot_be_read_is_one_warning(tmp_path, caplog, monkeypatch):
    store = filled(tmp_path, 2)

    asked = []

    def broken(keys):
        asked.append(keys)
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(store, "_select", broken)
    assert store.get_many(keys(2)) == [None, None]
    store.put_many(keys(2), ["a", "b"])
    assert store.get_many(keys(2)) == ["a", "b"]
    assert store.get_many(keys(3)[2:]) == [None]
    assert len(caplog.records) == len(asked) == 1


def test_two_processes_that_make_the_file_at_once_wait_for_each_other(tmp_path, caplog, monkeypatch):
    connect, busy = module._raw, [sqlite3.OperationalError("database is locked")] * 2
    for error in busy:
        error.sqlite_errorcode = sqlite3.SQLITE_BUSY_RECOVERY

    class Busy(Full):
        def execute(self, *_):
            raise busy.pop()

    monkeypatch.setattr(module, "_raw", lambda *how: Busy(connect(*how)) if busy else connect(*how))
    filled(tmp_path, 2)
    assert not caplog.records
    monkeypatch.undo()
    assert AnswerStore(tmp_path).get_many(keys(2))[1][0] == 1


def test_a_folder_that_cannot_be_made_is_one_warning(caplog):
    store = AnswerStore("/proc/self/answers")
    store.put_many(keys(1), ["a"])
    assert store.get_many(keys(2)) == ["a", None]
    assert len(caplog.records) == 1 and "/proc/self/answers" in caplog.text


def python(code, *arguments, **options):
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


LITTLE_SPACE = """
import resource, sys
from qd.models.store import AnswerStore, answer_key
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
store = AnswerStore(sys.argv[1])
keys = [answer_key(i) for i in range(500)]
for i in range(0, 500, 10):
    store.put_many(keys[i : i + 10], ["x" * 1000 + str(j) for j in range(i, i + 10)])
assert [text[1000:] for text in store.get_many(keys)] == [str(i) for i in range(500)]
"""


@pytest.mark.launch
def test_a_file_that_may_not_grow(tmp_path):
    process = python(LITTLE_SPACE, tmp_path)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said.decode()
    assert said.decode().count("answers cannot be written there") == 1
    found = AnswerStore(tmp_path).get_many([answer_key(i) for i in range(500)])
    kept = [i for i, text in enumerate(found) if text is not None]
    assert 10 <= len(kept) < 500 and kept == list(range(len(kept))), "what fitted is whole"


NOT_OURS = """
import os, sys
from qd.models.store import AnswerStore, answer_key
if os.geteuid() == 0:
    os.setegid(65534); os.seteuid(65534)
store = AnswerStore(sys.argv[1])
assert store.get_many([answer_key(0)]) == ["there"], "it can be read"
store.put_many([answer_key(1)], ["new"])
assert store.get_many([answer_key(0), answer_key(1)]) == ["there", "new"]
"""


@pytest.mark.launch
@pytest.mark.parametrize("in_use", [False, True])
def test_a_folder_that_may_only_be_read(tmp_path_factory, in_use):
    folder = tmp_path_factory.mktemp("answers")
    store = AnswerStore(folder)
    store.put_many([answer_key(0)], ["there"])
    if not in_use:
        store.close()
    for above in itertools.takewhile(lambda path: path.name.startswith(("pytest", "popen")), folder.parents):
        above.chmod(0o755)  # the other user must come by; how deep pytest's folders are depends on its workers
    for path in folder.iterdir():
        path.chmod(0o444)
    folder.chmod(0o555)
    process = python(NOT_OURS, folder)
    _, said = process.communicate(timeout=60)
    folder.chmod(0o755)
    assert process.returncode == 0, said.decode()
    assert said.decode().count("answers cannot be written there") == 1
    assert os.listdir(folder)[0].startswith("answers.sqlite")


# ---------------------------------------------------------------- several processes

WRITER = """
import sys
from qd.models.store import AnswerStore, answer_key
folder, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
store = AnswerStore(folder)
i = 0
while i < count:
    keys = [answer_key(name, j) for j in range(i, i + 5)]
    both = [answer_key("both", j) for j in range(i, i + 5)]
    store.put_many(keys + both, [f"{name} {j}" for j in range(i, i + 5)] + [f"both {j}" for j in range(i, i + 5)])
    assert store.get_many(keys)[0] == f"{name} {i}"
    i += 5
    print(i, flush=True)
"""


@pytest.mark.launch
def test_processes_write_at_once(tmp_path):
    writers = [python(WRITER, tmp_path, name, 300) for name in "abc"]
    for writer in writers:
        _, said = writer.communicate(timeout=120)
        assert writer.returncode == 0 and not said, said.decode()
    store = AnswerStore(tmp_path)
    for name in ("a", "b", "c", "both"):
        assert store.get_many(keys(300, name)) == [f"{name} {i}" for i in range(300)]
    assert sorted(p.name for p in tmp_path.iterdir() if p.suffix == ".sqlite") == ["answers.sqlite"]


@pytest.mark.launch
def test_what_was_put_is_there_after_a_kill(tmp_path):
    survivor = python(WRITER, tmp_path, "b", 200)
    killed = python(WRITER, tmp_path, "a", 10**9)
    put = 0
    while put < 100:
        put = int(killed.stdout.readline())
    killed.send_signal(signal.SIGKILL)
    put = max([put, *map(int, killed.stdout.read().split())])
    killed.wait()
    _, said = survivor.communicate(timeout=120)
    assert survivor.returncode == 0 and not said, said.decode()
    store = AnswerStore(tmp_path)
    assert store.get_many(keys(put, "a")) == [f"a {i}" for i in range(put)]
    assert store.get_many(keys(200, "b")) == [f"b {i}" for i in range(200)]
    assert store._connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.launch
def test_a_child_of_a_fork_opens_the_file_anew(tmp_path):
    store = filled(tmp_path, 2)
    child = os.fork()
    if not child:
        code = 1
        try:
            inherited = store._connection
            store.put_many(keys(1, "child"), ["kept"])
            assert store._connection is not inherited
            code = 0 if store.get_many(keys(2))[1][0] == 1 else 2
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    assert store.get_many(keys(1, "child")) == ["kept"]
