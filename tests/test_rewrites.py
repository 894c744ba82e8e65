"""What a writer is asked, how its answers are read, and what becomes of those that cannot be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import qd
from qd.errors import ModelError
from qd.models import Reply, Scripted
from qd.prompts import breeding
from qd.prompts.comparing import Towards, judged
from qd.prompts.crossing import Cross, Differ
from qd.prompts.overlap import alike, different, overlap
from qd.prompts.reflecting import Merge, Reflect
from qd.prompts.rewrites import Context, Job, Paraphrase, Parent, Rewrite, Trace, rewritten, seeds_of, tagged
from tests.planted_texts import blocks

SPACE = qd.Texts(("prompt", "mutation", "shown"), (("Be brief.", "Shorter!", ""),), max_bytes=60)
CONTEXT = Context(
    "prompt",
    task="Answer questions.",
    traces=(Trace("2 + 2?", "4", "right", 1.0), Trace("3 + 3?", "5", "should have been 6", 0.0)),
    others=("Be kind.", "Be calm and exact."),
    target="length: from 2 to 3",
    mutation="mutation",
    demonstrations="shown",
)
PARENTS = tuple(
    Parent({"prompt": f"Prompt {name}.", "mutation": f"Change {name}.", "shown": ""}, id, objective)
    for name, id, objective in (("a", 3, 0.1), ("b", 5, 0.2), ("c", 7, 0.3), ("d", 9, 0.4))
)
ALL: list[Rewrite] = [
    Paraphrase(), Cross(), Differ(), Reflect(), Towards(), Merge(), breeding.ZeroOrder(), breeding.FirstOrder(),
    breeding.FromPopulation(), breeding.FromPopulation(ranked=True), breeding.FromLineage(), breeding.Lamarck(),
    breeding.HyperMutation(), breeding.HyperMutation(fresh=True), breeding.Swap(), breeding.Shuffle(),
]  # fmt: skip


@dataclass(frozen=True)
class Noted(Scripted):
    """Answers alike, and counts its calls."""

    answer: str = "<prompt>New.</prompt>"

    def generate(self, texts: Sequence[str], *args: Any, **more: Any) -> list[Reply]:
        CALLS.append(list(texts))
        return [Reply(self.answer, 10) for _ in texts]


CALLS: list[list[str]] = []


def job(rewrite: Rewrite, context: Context = CONTEXT) -> Job:
    return Job(rewrite, PARENTS[: rewrite.parents], context)


def seeds(n: int) -> NDArray[np.uint64]:
    return seeds_of(np.random.default_rng(0), n)


def test_all_rewrites_of_a_generation_are_one_call() -> None:
    CALLS.clear()
    jobs = [job(rewrite) for rewrite in ALL]
    families = rewritten(Noted(answer="<mutation>M</mutation> <prompt>New.</prompt>"), jobs, seeds(len(jobs)), SPACE)
    assert len(CALLS) == 1 and len(CALLS[0]) == sum(rewrite.writes for rewrite in ALL) == len(ALL) - 3
    for rewrite, (child,) in zip(ALL, families, strict=True):
        assert child.operator == rewrite.name
        assert child.parents == (3, 5, 7, 9)[: rewrite.parents]
        assert child.tokens == (10 if rewrite.writes else 0)
        if not isinstance(rewrite, Merge):
            assert child.texts is not None, (rewrite, child.error)
        if rewrite.writes:
            assert child.texts is not None and child.texts["prompt"] == "New."
            changed = "M" if isinstance(rewrite, breeding.HyperMutation) else "Change a."
            assert child.texts["mutation"] == changed


@pytest.mark.parametrize("rewrite", ALL, ids=lambda rewrite: rewrite.name)
def test_what_a_writer_is_asked_holds_the_parents(rewrite: Rewrite) -> None:
    asked = rewrite.ask(PARENTS[: rewrite.parents], CONTEXT, np.random.default_rng(0))
    if not rewrite.writes:
        return
    assert "Answer questions." in asked and "<prompt>" in asked
    own = [parent.texts["prompt"] in asked for parent in PARENTS[: rewrite.parents]]
    from_parent = not isinstance(
        rewrite, breeding.ZeroOrder | breeding.FromPopulation | breeding.FromLineage | breeding.Lamarck
    )
    assert all(own) if from_parent else not any(own)


def test_reflection_shows_input_output_and_feedback() -> None:
    asked = Reflect(longest=10).ask(PARENTS[:1], CONTEXT, np.random.default_rng(0))
    assert "Input: 3 + 3?\nOutput: 5\nFeedback: shoul [...] een 6\nScore: 0" in asked


def test_populations_are_shown_without_what_is_alike() -> None:
    context = Context("prompt", others=("Be kind to all.", "be kind to all", "Do it."))
    asked = breeding.FromPopulation(limit=0.95).ask(PARENTS[:1], context, np.random.default_rng(0))
    assert blocks(asked)["list"] == "1. Be kind to all.\n2. Do it."


def test_merging_takes_what_each_has_changed() -> None:
    old = Parent({"prompt": "p", "mutation": "m", "shown": "s"}, 0)
    left = Parent({"prompt": "P", "mutation": "m", "shown": "S1"}, 1, 0.5)
    right = Parent({"prompt": "p", "mutation": "M", "shown": "S2"}, 2, 0.6)
    (child,) = rewritten(Noted(), [Job(Merge(), (left, right, old), CONTEXT)], seeds(1), SPACE)[0]
    assert child.texts == {"prompt": "P", "mutation": "M", "shown": "S2"}
    same = Parent({"prompt": "P", "mutation": "m", "shown": "s"}, 2, 0.6)
    (child,) = rewritten(Noted(), [Job(Merge(), (same, old, old), CONTEXT)], seeds(1), SPACE)[0]
    assert child.texts is None and "no different" in child.error


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("no tags", "no text between <prompt>"),
        ("<prompt>cut off", "no text between <prompt>"),
        ("</prompt> late <prompt>", "no text between <prompt>"),
        ("<prompt>  </prompt>", "nothing between <prompt>"),
        (f"<prompt>{'x' * 80}</prompt>", "more than Texts.max_bytes = 60"),
    ],
)
def test_an_unreadable_answer_is_a_failed_child(answer: str, error: str) -> None:
    (child,) = rewritten(Noted(answer=answer), [job(Paraphrase())], seeds(1), SPACE)[0]
    assert child.texts is None and error in child.error and child.tokens == 10


def test_a_rewrite_with_nothing_to_ask_fails_alone() -> None:
    bare = Context("prompt", mutation="mutation", demonstrations="shown")
    jobs = [job(breeding.Lamarck(), bare), job(Paraphrase(), bare), job(breeding.Shuffle(), bare)]
    (first,), (second,), (third,) = rewritten(Noted(), jobs, seeds(3), SPACE)
    assert first.texts is None and "working" in first.error
    assert second.texts is not None and third.texts is None


def test_a_writer_that_is_down_fails_all_children() -> None:
    class Down(Scripted):
        def generate(self, *args: Any, **more: Any) -> list[Reply]:
            raise ModelError("connection refused")

    families = rewritten(Down(), [job(Paraphrase()), job(Cross()), job(breeding.Swap())], seeds(3), SPACE)
    assert [family[0].error for family in families] == ["connection refused", "connection refused", ""]


def test_half_characters_become_question_marks() -> None:
    (child,) = rewritten(Noted(answer="<prompt>a\ud800b</prompt>"), [job(Paraphrase())], seeds(1), SPACE)[0]
    assert child.texts is not None and child.texts["prompt"] == "a?b"


@given(st.text(max_size=20), st.text(st.characters(exclude_characters="<>"), min_size=1, max_size=20))
def test_the_last_tags_count(before: str, inner: str) -> None:
    answer = f"<prompt>draft</prompt>{before}<prompt>{inner}</prompt> done"
    if inner.strip():
        assert tagged(answer) == inner.strip()


# ---------------------------------------------------------------- judges


def judge(text: str, seed: int) -> str:
    shown = blocks(text)
    if "odd" in shown["first"] + shown["second"]:
        return "first"  # whatever stands first
    if "mute" in shown["first"] + shown["second"]:
        return "hm"
    return "It is not the first but the second" if "good" in shown["second"] else "FIRST"


def test_only_who_wins_in_both_orders_has_won() -> None:
    pairs = [("good", "bad"), ("bad", "good"), ("odd", "bad"), ("mute", "bad")]
    verdicts = judged(Scripted(replies=judge), pairs, seeds(4))
    assert [verdict.winner for verdict in verdicts] == [0, 1, -1, -1]
    assert [verdict.readable for verdict in verdicts] == [2, 2, 2, 0]


# ---------------------------------------------------------------- n-grams in common


def test_overlaps_of_hand_worked_texts() -> None:
    assert overlap("a b c d", "A, b c d!") == 1
    assert overlap("a b", "c d") == 0
    assert overlap("a b c x", "a b c d") == 0, "no four words in common"
    assert overlap("a b", "a c") == 0, "no two words in common"
    assert overlap("a", "a b c") == pytest.approx(np.exp(-2))
    assert overlap("", "") == 1 and overlap("", "a") == 0
    assert alike("a", "a b c") == pytest.approx(1 / 3), "the longer one holds it at a third"
    assert different(("a b", "c d", "A b", "c d e"), 0.9) == ("a b", "c d", "c d e")


def test_overlaps_are_those_of_sacrebleu() -> None:
    bleu = pytest.importorskip("sacrebleu").BLEU(smooth_method="none", effective_order=False, tokenize="none")
    rng = np.random.default_rng(5)
    words = np.array(["be", "kind", "and", "brief", "or"])
    for _ in range(200):
        a, b = (" ".join(words[rng.integers(0, 5, rng.integers(4, 12))]) for _ in range(2))
        assert overlap(a, b) == pytest.approx(bleu.sentence_score(a, [b]).score / 100, abs=1e-9)
