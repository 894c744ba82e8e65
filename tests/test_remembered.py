"""A model that remembers asks nothing twice, and what it answers is what it was once answered."""

from __future__ import annotations

from dataclasses import dataclass, field

import cloudpickle
import numpy as np
import pytest

from qd.errors import ModelError, QDError
from qd.models import LanguageModel, Remembered, Reply, Scripted
from qd.store.settings import described, without_resumable


@dataclass(frozen=True)
class Moody(LanguageModel):
    """Never gives the same answer twice, and says nothing to what it fears."""

    afraid: str = ""
    block: int = 1
    asked: list = field(default_factory=list)

    identity = "moody"

    def encode(self, text):
        return np.frombuffer(text.encode(), np.uint8).astype(np.int32)

    def decode(self, ids):
        return bytes(np.asarray(ids, np.uint8)).decode()

    def score_choices(self, prefix, items, choices):
        self.asked.append([self.decode(item) for item in items])
        if self.afraid and self.afraid in self.asked[-1]:
            raise ModelError("afraid")
        return np.array([np.full(len(choices), len(self.asked) + place / 8) for place in range(len(items))])

    def generate(self, texts, max_tokens=128, temperature=0.0, seeds=None, stop=()):
        self.asked.append(list(texts) if seeds is None else [*zip(texts, seeds.tolist(), strict=True)])
        return [
            Reply("", 3, "afraid")
            if self.afraid and text == self.afraid
            else Reply(f"{text} {len(self.asked)}\ud800", 7)
            for text in texts
        ]


def texts(replies):
    return [reply.text for reply in replies]


def test_what_was_asked_is_not_asked_again(tmp_path):
    model = Moody()
    first = Remembered(model, tmp_path).generate(["a", "b"])
    again = Remembered(model, str(tmp_path)).generate(["b", "c", "a", "c"])
    assert model.asked == [["a", "b"], ["c"]], "the same question once, even within a call"
    assert again[2] == first[0] and again[0] == first[1] and again[1] == again[3]
    assert again[0].tokens == 7, "costs do not depend on who asked first"


@pytest.mark.parametrize(
    "change", [{"max_tokens": 9}, {"temperature": 0.5}, {"seeds": np.array([2], np.uint64)}, {"stop": ("x",)}]
)
def test_another_question_is_asked(change):
    model = Moody()
    remembered = Remembered(model, "")
    base = {"temperature": 1.0, "seeds": np.array([1], np.uint64)}
    one, other = remembered.generate(["a"], **base), remembered.generate(["a"], **(base | change))
    assert one != other and len(model.asked) == 2
    assert (one, other) == (remembered.generate(["a"], **base), remembered.generate(["a"], **(base | change)))
    assert len(model.asked) == 2


def test_two_models_share_a_folder_and_no_answers(tmp_path):
    for text in ("one", "two"):
        remembered = Remembered(Scripted(replies=((".", text),), bias=(0.0, 1.0)), tmp_path)
        assert texts(remembered.generate(["a"])) == [text]
    other = Remembered(Scripted(bias=(1.0, 0.0)), tmp_path)
    ids = other.encode("ab")
    assert (other.score_choices(ids, [ids], ids) != remembered.score_choices(ids, [ids], ids)).all()


def test_seeds_go_with_their_texts_and_count_with_a_temperature_alone():
    model = Moody()
    remembered = Remembered(model, "")
    seeds = np.array([1, 2, 3], np.uint64)
    remembered.generate(["b"], temperature=1.0, seeds=seeds[1:2])
    remembered.generate(["a", "b", "c", "b"], temperature=1.0, seeds=np.array([1, 2, 3, 4], np.uint64))
    assert model.asked[1] == [("a", 1), ("c", 3), ("b", 4)]
    remembered.generate(["a"], seeds=seeds[:1])
    remembered.generate(["a"], seeds=seeds[1:2])
    remembered.generate(["a"])
    assert len(model.asked) == 3


def test_a_temperature_without_seeds_is_new_each_time():
    remembered = Remembered(Moody(), "")
    assert remembered.generate(["a"], temperature=1.0) != remembered.generate(["a"], temperature=1.0)


def test_failures_are_asked_again(tmp_path):
    model = Moody(afraid="b")
    replies = Remembered(model, tmp_path).generate(["a", "b", "c"])
    assert [reply.ok for reply in replies] == [True, False, True] and replies[1].error == "afraid"
    brave = Moody()
    after = Remembered(brave, tmp_path).generate(["a", "b", "c"])
    assert brave.asked == [["b"]] and after[1].ok and after[::2] == replies[::2]


def test_going_on_by_ids_is_kept_too():
    model = Moody()
    remembered = Remembered(model, "")
    prefix, items = model.encode("a "), [model.encode("b"), model.encode("c")]
    first = remembered.go_on(prefix, items)
    assert texts(first)[0].startswith("a b")
    assert remembered.go_on(prefix, items[::-1]) == first[::-1]
    assert model.asked == [["a b", "a c"]]


def test_choices_are_kept_by_blocks():
    model = Moody(block=2)
    remembered = Remembered(model, "")
    assert remembered.block == 2
    items = [model.encode(text) for text in "abcde"]
    choices = model.encode("xy")
    first = remembered.score_choices(model.encode("p"), items, choices)
    assert first.shape == (5, 2) and first.dtype == np.float64
    np.testing.assert_array_equal(remembered.score_choices(model.encode("p"), items, choices), first)
    again = remembered.score_choices(model.encode("p"), [items[i] for i in (0, 1, 4, 3, 4)], choices)
    assert model.asked == [list("abcde"), ["e", "d"]], "a block is asked for with the whole of it"
    np.testing.assert_array_equal(again[[0, 1, 4]], first[[0, 1, 4]])
    for prefix, asked in (("q", "xy"), ("p", "xz"), ("", "xy")):
        assert (remembered.score_choices(model.encode(prefix), items, model.encode(asked)) != first).any()
    assert remembered.score_choices(model.encode("p"), [], choices).size == 0


def test_choices_that_fail_are_not_kept():
    remembered = Remembered(Moody(afraid="b"), "")
    items = [remembered.encode(text) for text in "ab"]
    for _ in range(2):
        with pytest.raises(ModelError):
            remembered.score_choices(items[0], items, items[0])
    assert len(remembered.model.asked) == 2


def test_what_was_paid_for_before_a_failure_is_kept():
    remembered = Remembered(Moody(afraid="!"), "")
    items = [remembered.encode(text) for text in (*map(chr, range(48, 48 + 40)), "!")]
    for _ in range(2):
        with pytest.raises(ModelError):
            remembered.score_choices(items[0], items, items[0])
    assert [len(asked) for asked in remembered.model.asked] == [32, 9, 9]
    assert remembered.score_choices(items[0], items[:32], items[0]).shape == (32, 1)


def test_all_else_is_the_models_own():
    model = Scripted(unigrams={"the": -1.0})
    remembered = Remembered(model, "")
    ids = model.encode("a the")
    assert remembered.identity == model.identity and remembered.decode(ids) == "a the"
    assert remembered.log_likelihood(ids) == model.log_likelihood(ids)
    assert remembered.context_length == model.context_length and remembered.block == 1
    np.testing.assert_array_equal(remembered.embeddings(ids), model.embeddings(ids))
    np.testing.assert_array_equal(remembered.word_ids(), model.word_ids())


def test_it_travels_and_the_folder_may_change(tmp_path):
    remembered = Remembered(Scripted(replies=(("a", "b"),)), tmp_path)
    remembered.generate(["a"])
    copy = cloudpickle.loads(cloudpickle.dumps(remembered))
    assert copy == remembered and texts(copy.generate(["a"])) == ["b"]
    moved = Remembered(remembered.model, "")
    assert without_resumable(described(moved), moved) == without_resumable(described(copy), copy)


def test_bad_settings(tmp_path):
    with pytest.raises(QDError, match=r"Remembered.model: got str"):
        Remembered("gpt", "")
    with pytest.raises(QDError, match="remembers already"):
        Remembered(Remembered(Scripted(), ""), "")
    (tmp_path / "file").write_text("")
    with pytest.raises(QDError, match="is a file"):
        Remembered(Scripted(), tmp_path / "file")
