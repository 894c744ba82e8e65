"""Rewards as programs: text in and out, units, limits, evaluation, variation of trees."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qd
from operators import trees
from qd.rewards import Program, ProgramReward, Steps, Variable
from qd.rewards.edits import EDITS, Edit, edited, terms_of
from tests.twins import program as twin

SCHEMA = (
    Variable("distance", low=0, unit="cells"),
    Variable("speed", low=-1, high=1, unit="m"),
    Variable("key", "flag", 0, 1),
    Variable("gain", low=-1, high=1, unit="cells", about="step"),
    Variable("note", "text"),
)
SPACE = Program(SCHEMA)


def steps(m: int = 40, seed: int = 0) -> Steps:
    rng = np.random.default_rng(seed)

    def states() -> dict[str, Any]:
        return {"distance": rng.integers(0, 4, m) * 1.0, "speed": rng.uniform(-1, 1, m), "key": rng.integers(0, 2, m)}

    return Steps({**states(), "gain": rng.integers(-1, 2, m)}, states())


@given(st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_a_formula_reads_back_to_the_bit(seed: int) -> None:
    for row in SPACE.sample(10, np.random.default_rng(seed)):
        assert SPACE.parse(SPACE.formula(row)).tobytes() == row.tobytes()


def test_constants_read_back_whatever_their_sign() -> None:
    for text in ("-0.0", "neg(0.0)", "neg(2.0)", "--2.0", "exp(-2.0)", "exp(--2.0)", "1e-07", "2.0 - -3.0"):
        assert SPACE.formula(SPACE.parse(text)) == text
    assert SPACE.formula(SPACE.parse("exp(2)")) == "exp(-neg(2.0))"
    assert SPACE.formula(SPACE.parse("1 - (2 - 3) * key")) == "1.0 - (2.0 - 3.0) * key"


@given(st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_samples_lie_in_the_space(seed: int) -> None:
    batch = SPACE.sample(12, np.random.default_rng(seed))
    assert SPACE.valid(batch) is None
    assert batch.lengths.max() <= 2 * SPACE.max_nodes  # type: ignore[union-attr]


def test_a_ramped_sample_has_all_depths() -> None:
    from qd.rewards._tree import shape_of

    batch = SPACE.sample(200, np.random.default_rng(0))
    depths = {shape_of(row.reshape(-1, 2), SPACE.arity).depth for row in batch}
    assert depths == {1, 2, 3, 4, 5}


def test_values_are_those_of_a_plain_evaluator() -> None:
    batch, given_steps = SPACE.sample(300, np.random.default_rng(3)), steps()
    values = SPACE.values(batch, given_steps)
    for i, row in enumerate(batch):
        for t in range(0, 40, 7):
            after = {name: float(column[t]) for name, column in given_steps.after.items()}
            before = {name: float(column[t]) for name, column in given_steps.before.items()}
            np.testing.assert_allclose(values[i, t], twin.worth(SPACE, row, after, before), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("distance + speed", "add of cells and m"),
        ("gain + key", "add of cells and a plain number"),
        ("min(distance * speed, distance)", "min of cells m and cells"),
        ("near(distance, speed)", "near of cells and m"),
        ("if_positive(key, distance, speed)", "if_positive of cells and m"),
        ("distance / distance + gain", "add of a plain number and cells"),
    ],
)
def test_units_that_differ_are_not_added_or_compared(text: str, says: str) -> None:
    with pytest.raises(qd.QDError, match=says.replace("(", r"\(")):
        SPACE.parse(text)


def test_units_that_agree_are() -> None:
    for text in (
        "distance - gain", "0.5 * distance + speed * 2", "key + tanh(speed)", "distance / gain + key",
        "if_positive(speed, distance, gain)", "distance * speed - speed * gain", "distance + 1",
    ):  # fmt: skip
        SPACE.parse(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("key.__class__", "character 0: a Attribute"),
        ("__import__('os')", 'character 11: "\'"'),
        ("__import__(key)", "no function '__import__'"),
        ("1 + eval(key)", "character 4: no function 'eval'"),
        ("key[0]", "character 3: '\\['"),
        ("(lambda: key)", "character 7: ':'"),
        ("key if key else key", "a IfExp"),
        ("key ** 2", "the operator Pow"),
        ("key // 2", "the operator FloorDiv"),
        ("+key", "the operator UAdd"),
        ("min(*key, key)", "min takes 2 plain"),
        ("min(key)", "min takes 2 plain"),
        ("key(key)", "no function 'key'"),
        ("(key, key)", "a Tuple"),
        ("key and key", "a BoolOp"),
        ("True", "a Constant"),
        ("2j", "a Constant"),
        ("1e400", "outside -10 .. 10"),
        ("11", "outside -10 .. 10"),
        ("9" * 1999, "outside -10 .. 10"),
        ("kez", "did you mean 'key'"),
        ("note", "no variable 'note'"),
        ("delta(gain)", "delta is of a state variable"),
        ("ｋey", "character 0: '\\\\uff4b'"),  # folds to key in Python
        ("kеy", "character 1"),  # the Cyrillic e
        ("key\0", "character 3"),
        ("key\n+key", "character 3"),
        ("", "character 0"),
        ("key +", "character"),
        ("-" * 1000 + "key", "deeper than max_depth"),
        ("(" * 900 + "key", "brackets are nested deeper"),
        ("+".join(["key"] * 400), "deeper than max_depth"),
        ("key " * 500, "character"),
        ("k" * 5_000_000, "got 5000000 characters"),
    ],
)
def test_text_that_is_no_formula_is_refused_with_a_place(text: str, says: str) -> None:
    with pytest.raises(qd.QDError, match=says):
        SPACE.parse(text)


def hostile(rng: np.random.Generator) -> str:
    """Text from pieces of formulas, of Python and of noise."""
    pieces = [
        "key", "distance", "gain", "(", ")", ",", "+", "-", "*", "/", " ", "1", "9e9", "0x", ".", "min", "max(", "exp(",
        "delta(", "__", "__class__", ".mro()", "import os", "lambda:", "[", "]", "'", "\\", "{", "}", "eval(", "if",
        "e", "else", "for", "in", "or", "not ", "ｋ", "\u202e", "\0", "\n", "**", "//", ":=", "@", ";", "#", "await",
        "yield", "_", "1_0", "1j", "None", "~", "print(", "-" * 30, "(" * 30, "é", "𝐤𝐞𝐲", "if_positive(",
    ]  # fmt: skip
    return "".join(pieces[i] for i in rng.integers(0, len(pieces), rng.integers(0, 25)))


def mutated(rng: np.random.Generator, row: Any) -> str:
    text = list(SPACE.formula(row))
    for _ in range(int(rng.integers(1, 4))):
        text[rng.integers(len(text))] = chr(int(rng.integers(32, 127 if rng.random() < 0.9 else 0x2FFF)))
    return "".join(text)


def fuzz(count: int) -> tuple[int, int]:
    """How many of so many generated texts were read, and how many refused; nothing else may come of any."""
    rng, read, called, reasons = np.random.default_rng(0), 0, list[Any](), set[str]()

    def watch(event: str, arguments: Any) -> None:
        if active and (event in ("exec", "import", "open", "os.system") or event.startswith("subprocess")):
            called.append((event, arguments))

    active = False
    sys.addaudithook(watch)
    rows = list(SPACE.sample(200, rng))
    with pytest.raises(qd.QDError):  # what it imports is imported
        SPACE.parse("kez")
    for i in range(count):
        text = hostile(rng) if i % 2 else mutated(rng, rows[i % len(rows)])
        active = True
        try:
            row = SPACE.parse(text)
        except qd.QDError as error:
            reasons.add(str(error)[:7])
            continue
        finally:
            active = False
        read += 1
        assert not SPACE.refusal(row)
    assert not called
    assert reasons == {"program"}
    return read, count - read


def test_hostile_text_is_refused_and_nothing_runs() -> None:
    read, refused = fuzz(2000)
    assert read > 10
    assert refused > 1000


@pytest.mark.slow
def test_a_hundred_thousand_hostile_texts() -> None:
    read, refused = fuzz(100_000)
    assert read + refused == 100_000


def test_rows_that_are_no_programs() -> None:
    cases = {
        "numbers, wanted two": [1.0],
        "no symbol": [99.0, 0.0],
        "no symbol ": [0.5, 0.0],
        "arguments are missing": [1.0, 0.0],
        "complete before": [0.0, 1.0, 0.0, 1.0],
        "outside -10 .. 10": [0.0, np.nan],
        "or a node that is none": [float(SPACE.language.first_terminal), 3.0],
        "depth 6": [8.0, 0.0] * 6 + [0.0, 1.0],
    }
    for says, row in cases.items():
        assert says.strip() in SPACE.refusal(np.array(row)), says
    inside = SPACE.valid(SPACE.pack([np.array([0.0, 1.0]), np.array([0.0, 11.0])]))
    assert inside is not None
    assert inside.tolist() == [True, False]
    with pytest.raises(qd.QDError, match="wants a ragged batch"):
        SPACE.check(np.zeros((1, 2)))


def test_settings_that_make_no_space() -> None:
    with pytest.raises(qd.QDError, match="word of formulas"):
        Program((Variable("min"),))
    with pytest.raises(qd.QDError, match="no number and no flag"):
        Program((Variable("note", "text"),))
    with pytest.raises(qd.QDError, match="not ASCII"):
        Program((Variable("größe"),))
    with pytest.raises(qd.QDError, match=r"ProgramReward\.clip"):
        ProgramReward(SCHEMA, clip=0)


def test_a_reward_is_clipped_and_its_parts_add_up() -> None:
    form, given_steps = ProgramReward(SCHEMA, scale=0.1), steps()
    row = form.parse("9 * key - (0.5 * gain + tanh(speed))")
    paid = form.values(form.space.pack([row]), given_steps)
    assert paid.max() == pytest.approx(0.5)
    parts = form.parts(row, given_steps)
    assert list(parts) == ["9 * key", "0.5 * gain", "tanh(speed)"]
    total = np.clip(sum(parts.values()) / 0.1, -5, 5) * 0.1
    np.testing.assert_allclose(total, paid[0])


def test_the_canonical_form_is_one_for_programs_that_are_alike() -> None:
    alike = [("key + 2*speed*0", "speed*0*2 + key"), ("1 * key", "key"), ("key + 0", "key"), ("--speed", "speed"),
             ("min(gain, distance)", "min(distance, gain)"), ("2 + 3", "5"), ("abs(-gain)", "abs(gain)")]  # fmt: skip
    for one, other in alike:
        if "*0" in one:
            continue
        assert SPACE.canonical(SPACE.parse(one)).tobytes() == SPACE.canonical(SPACE.parse(other)).tobytes(), one
    assert (
        SPACE.canonical(SPACE.parse("gain - distance")).tobytes()
        != SPACE.canonical(SPACE.parse("distance - gain")).tobytes()
    )
    assert SPACE.formula(SPACE.simplified(SPACE.parse("1 * gain + key"))) == "1.0 * gain + key"  # or units would differ


@given(st.integers(0, 2**32))
@settings(max_examples=30, deadline=None)
def test_the_canonical_form_is_worth_the_same(seed: int) -> None:
    batch, given_steps = SPACE.sample(10, np.random.default_rng(seed)), steps()
    shorter = SPACE.pack([SPACE.canonical(row) for row in batch])
    np.testing.assert_allclose(SPACE.values(shorter, given_steps), SPACE.values(batch, given_steps), rtol=1e-9)
    assert (shorter.lengths <= batch.lengths).all()  # type: ignore[union-attr]


@given(st.integers(0, 2**32))
@settings(max_examples=30, deadline=None)
def test_varied_trees_stay_in_the_space(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = (row.reshape(-1, 2) for row in SPACE.sample(2, rng))

    def fits(tree: Any) -> bool:
        return not SPACE.refusal(tree.reshape(-1))

    crossed = trees.subtree_crossover(first, second, rng, SPACE.arity, fits)
    grown = trees.subtree_mutation(first, rng, SPACE.arity, lambda r: SPACE.grow(r, 3), fits)
    pointed = trees.point_mutation(first, rng, SPACE.arity, fits)
    jittered = trees.jitter_constants(first, rng, 0.5, SPACE.bound)
    for child, ok in (crossed, grown, pointed, jittered):
        assert fits(child)
        if not ok:
            assert np.array_equal(child, first)
    for kind in EDITS:
        child, ok = edited(SPACE, first.reshape(-1), Edit(kind), rng)
        assert not SPACE.refusal(child)
        assert ok or np.array_equal(child, first.reshape(-1))


def test_a_subtree_crossed_over_by_hand() -> None:
    arity = np.array([0, 2, 0, 0])
    first = np.array([[1, 0], [2, 0], [3, 0.0]])
    assert trees.subtree_end(first, 0, arity) == 3
    assert trees.replace_subtree(first, 2, first, arity)[:, 0].tolist() == [1, 2, 1, 2, 3]
    never, ok = trees.subtree_crossover(first, first, np.random.default_rng(0), arity, lambda tree: False)
    assert not ok
    assert np.array_equal(never, first)
    with pytest.raises(ValueError, match="lacks 1 arguments"):
        trees.subtree_end(first[:2], 0, arity)


def test_edits_do_what_they_say() -> None:
    row, rng = SPACE.parse("2 * key - 0.5 * gain"), np.random.default_rng(0)
    cases = {
        "2.0 * key": Edit("drop", "0.5 * gain"),
        "2.0 * key - 0.25 * gain": Edit("rescale", "0.5 * gain", 0.5),
        "2.0 * key + 0.5 * gain": Edit("flip", "0.5 * gain"),
        "2.0 * key + 3.0 * delta(key) - 0.5 * gain": Edit("bonus", "delta(key)", 3.0),
        "2.0 * key - (0.5 * gain + 0.1 * speed)": Edit("penalty", "speed", 0.1),
    }
    for wanted, edit in cases.items():
        child, ok = edited(SPACE, row, edit, rng)
        assert ok
        assert SPACE.formula(child) == wanted
    assert len(terms_of(SPACE, row)) == 2
    assert not edited(SPACE, SPACE.parse("key"), Edit("drop"), rng)[1]


def test_what_overflows_is_not_hidden_by_the_clip() -> None:
    form = ProgramReward((Variable("x"),), clip=5.0, scale=1.0)
    steps = Steps({"x": np.array([1.0, 1e300])}, {"x": np.array([1.0, 1e300])})
    with np.errstate(over="ignore"):
        paid = form.values(form.space.pack([form.parse("x * x")]), steps)
    assert paid.tolist() == [[1.0, np.inf]]
