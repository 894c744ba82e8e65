"""Tasks whose answers are letters, numbers and texts."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

import qd
from qd.errors import ModelError, QDError
from qd.models import LanguageModel, Reply
from qd.prompts import (
    TEMPLATES,
    ExactMatch,
    Examples,
    MultipleChoice,
    Splits,
    Template,
    TextReward,
    choice_template,
    lettered,
)
from qd.prompts.text_rewards import bleu, chrf, last_number, rouge1, rouge2, rouge_l


@dataclass(frozen=True)
class Adding(LanguageModel):
    """A character a token; adds the numbers of the last line with a question, and thinks of the letter of the longest
    option. Every text also tells how many shared its call."""

    block: int = 1
    context_length: int = 10_000
    answer: str = "The sum is {}."
    calls: list = field(default_factory=list, compare=False)

    @property
    def identity(self):
        return f"adding {self.block} {self.answer}"

    def encode(self, text):
        ids = [1000 + ord(text[1])] if text[:1] == " " and len(text) == 2 else [ord(letter) for letter in text]
        return np.array(ids, np.int32)  # a space and a letter are one

    def decode(self, ids):
        return "".join(chr(i) if i < 1000 else " " + chr(i - 1000) for i in ids)

    def score_choices(self, prefix, items, choices):
        self.calls.append(len(items))
        told = []
        for item in items:
            options = self.decode(item).split(") ")[-len(choices) :]
            told.append(np.array([len(option.partition(chr(10))[0]) for option in options], float))
        return np.array([row / row.sum() for row in told])

    def generate(self, texts, max_tokens=128, temperature=0.0, seeds=None, stop=()):
        self.calls.append(len(texts))
        replies = []
        for text in texts:
            question = text.rpartition("Question:")[2]
            numbers = [int(word) for word in question.replace("?", " ").split() if word.isdigit()]
            if sum(numbers) == 13:
                replies.append(Reply("", 0, "out of luck"))
                continue
            said = self.answer.format(sum(numbers))
            for end in stop:
                said = said.partition(end)[0]
            replies.append(Reply(said, len(text) + len(said)))
        return replies


def sums(*pairs):
    return Examples({"question": tuple(f"{a} and {b}?" for a, b in pairs)}, tuple(f"{a + b}" for a, b in pairs))


SPLITS = Splits(sums((1, 2), (3, 4), (5, 6), (500, 600), (2, 2)), sums((7, 1)), sums((9, 9)), sums((0, 0)))
ALL = np.arange(5)


def added(**settings):
    return ExactMatch(**{"model": Adding(), "examples": SPLITS, "template": TEMPLATES["mawps"], **settings})


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("The answer is 18.", "18"),
        ("#### 1,250", "1250"),
        ("$3.50 each, so $7.00", "7"),
        ("1,23", "23"),  # no thousands: two numbers
        ("7 - 2 = 5, or -5", "-5"),
        ("10-3", "3"),
        ("x-3", "3"),
        (".5", "0.5"),
        ("12.", "12"),
        ("3.14.15", "3.14"),
        ("no", None),
        ("²", None),
    ],
)
def test_the_last_number_of_a_text(text, number):
    found = last_number(text)
    assert (found is None) if number is None else found == type(found)(number)


def test_the_prompt_is_demonstrations_and_the_open_question():
    task = added()
    text = "Question: 0 and 0?\nAnswer: 0\n\nQuestion:{question}\nAnswer:"
    assert task.base().text(task.model) == text
    assert task.from_text("Add.").text(task.model) == "Add.\n\nQuestion:{question}\nAnswer:"
    assert task.most_tokens("test") == len(" 9 and 9?\nAnswer:") + 128


def test_numbers_are_right_or_wrong():
    task = added(model=Adding(answer="It is {},000 or so. Question: why?"))
    judged = task.judge(task.base(), "search", ALL)
    assert judged.replies[0] == "It is 3,000 or so. "  # the second question is not the model's to ask
    assert judged.scores.tolist() == [0, 0, 0, 0, 0]
    assert judged.feedback[0] == "said 3000, right is 3"
    judged = added().judge(task.base(), "search", ALL)
    assert judged.scores.tolist() == [1, 1, 1, 1, 1] and judged.feedback[3] == "right: 1100"
    assert added().value("accuracy", judged, "search", ALL) == 1
    judged = added(model=Adding(answer="who knows")).judge(task.base(), "search", ALL[:1])
    assert judged.feedback == ("no number in the reply, right is 3",)
    with pytest.raises(QDError, match=r"objective: got 'mean', .*accuracy"):
        added().value("mean", judged, "search", ALL)


def test_tokens_are_counted_an_example_and_the_prefix_once():
    task = added()
    prompt = task.base()
    judged = task.judge(prompt, "search", ALL[:1])
    assert judged.prefix == len("Question: 0 and 0?\nAnswer: 0\n\nQuestion:")
    assert judged.tokens.tolist() == [len(" 1 and 2?\nAnswer:") + len("The sum is 3.")]
    assert judged.tokens.max() <= task.most_tokens("search")


def test_a_failed_reply_is_named_and_the_others_stand():
    splits = Splits(sums((1, 2), (6, 7)), sums((7, 1)), sums((9, 9)))
    task = added(examples=splits)
    judged = task.judge(task.base(), "search", np.array([1, 0]))
    assert judged.errors == {0: "out of luck"}
    assert np.isnan(judged.scores[0]) and judged.scores[1] == 1
    task.judge(task.base(), "search", np.array([1, 0]))
    assert task.model.calls == [2, 1]  # what failed is asked again, what was answered is not


@pytest.mark.parametrize(("block", "calls"), [(1, [4]), (2, [2, 2, 1]), (16, [5])])
def test_replies_come_by_fixed_blocks_and_are_remembered(block, calls):
    task = added(model=Adding(block))
    some = task.judge(task.base(), "search", np.array([4, 0, 3, 1]))
    assert task.model.calls == calls
    assert [task.judge(task.base(), "search", np.array([i])).replies[0] for i in (4, 0, 3, 1)] == list(some.replies)
    assert task.model.calls == calls
    task.judge(task.base(), "test", np.array([0]))
    task.judge(task.query(), "search", np.array([0]))
    assert len(task.model.calls) == len(calls) + 2  # another split, another prompt


def test_a_task_travels_and_is_the_same():
    task = added()
    task.judge(task.base(), "search", ALL)
    other = pickle.loads(pickle.dumps(task))
    assert other.identity == task.identity
    assert other.judge(other.base(), "search", ALL).scores.tolist() == [1] * 5
    assert replace(task, max_tokens=5).identity != task.identity
    assert replace(task, stop=("x",)).identity != task.identity


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"template": TEMPLATES["sst2"]}, r"template: 'sst2' has verbalizers"),
        ({"max_tokens": 0}, r"max_tokens: got 0"),
        ({"stop": "x"}, r"stop: got 'x'"),
        ({"stop": ("",)}, r"stop: got \('',\)"),
        ({"template": Template("t", "{text} {label}")}, r"no field 'text'"),
        ({"examples": Splits(sums((1, 1)), Examples({"question": ()}, ()), sums((2, 2)))}, r"'select' is empty"),
        (
            {"examples": Splits(sums((1, 1)), sums((2, 2)), Examples({"question": ("why?",)}, ("so",)))},
            r"label of example 0 of 'test' holds no number: 'so'",
        ),
    ],
)
def test_settings_of_word_problems_are_refused(settings, message):
    with pytest.raises(QDError, match=message):
        added(**settings)


def test_a_prompt_that_leaves_no_room_for_a_reply_is_refused():
    with pytest.raises(QDError, match=r"example 3 of 'search' adds .* and a reply 128: more than the 180"):
        added(model=Adding(context_length=180)).base()


# ---------------------------------------------------------------- texts


SAID = ("the cat sat on the mat", ["the cat lay on the mat", "a dog"])


@pytest.mark.peer
def test_scores_of_texts_are_those_of_the_libraries():
    import sacrebleu
    from rouge_score.rouge_scorer import RougeScorer

    assert bleu(*SAID) == pytest.approx(sacrebleu.sentence_bleu(*SAID).score / 100)
    assert chrf(*SAID) == pytest.approx(sacrebleu.sentence_chrf(*SAID).score / 100)
    rouge = RougeScorer(["rouge1", "rouge2", "rougeL"]).score(SAID[1][0], SAID[0])
    for own, name in ((rouge1, "rouge1"), (rouge2, "rouge2"), (rouge_l, "rougeL")):
        assert own(*SAID) == pytest.approx(rouge[name].fmeasure)
    assert rouge1(*SAID) == pytest.approx(5 / 6)
    assert rouge2(*SAID) == pytest.approx(3 / 5)
    for score in (bleu, chrf, rouge1, rouge2, rouge_l):
        assert score(SAID[0], [SAID[0]]) == pytest.approx(1)
        assert score("", [SAID[0]]) == 0
        assert score("zzz", [SAID[0]]) < 0.2


TEXTS = Template("plain", "Question: {question}\nAnswer: {label}")


def texts(score="bleu", references=(), **settings):
    fields = {"question": ("1 and 2?", "3 and 4?"), "other": ("It makes 3.", "")}
    search = Examples(fields, ("The sum is 3.", "Seven."))
    one = Examples({"question": ("9?",), "other": ("",)}, ("nine",))
    two = Examples({"question": ("8?",), "other": ("",)}, ("eight",))
    return TextReward(**{"model": Adding(), "examples": Splits(search, one, two), "template": TEXTS, "score": score,
                         "references": references, **settings})  # fmt: skip


@pytest.mark.peer
def test_texts_are_worth_their_likeness_to_references():
    task = texts()
    judged = task.judge(task.base(), "search", np.array([1, 0]))
    assert judged.scores[1] == pytest.approx(1) and judged.scores[0] < 0.2
    assert judged.feedback[1] == "1; wanted 'The sum is 3.'"
    assert task.value("mean", judged, "search", np.array([1, 0])) == pytest.approx(judged.scores.mean())


def shortness(reply, references):
    return -len(reply) + len(references)


def test_texts_are_worth_what_a_function_says():
    task = texts(shortness, ("other",))
    judged = task.judge(task.base(), "search", np.array([0, 1]))
    assert judged.scores.tolist() == [-13 + 2, -13 + 1]  # an empty reference counts as none
    assert judged.feedback[0].endswith("wanted 'The sum is 3.' or 'It makes 3.'")
    assert "shortness" in task.identity


@pytest.mark.parametrize(
    ("score", "message"),
    [(lambda reply, _: float("nan"), "gave nan"), (lambda reply, _: 1 / 0, "ZeroDivisionError from")],
)
def test_a_function_that_fails_fails_its_example(score, message):
    judged = texts(score).judge(texts().base(), "search", np.array([0]))
    assert np.isnan(judged.scores[0]) and message in judged.errors[0]


def test_a_library_that_is_missing_is_named(monkeypatch):
    import qd.prompts.text_rewards as module

    monkeypatch.setattr(module, "_bleu", lambda: module._needed("not_a_library.metrics"))
    with pytest.raises(ModelError, match=r"not_a_library is not installed .*`make prompts`"):
        texts().judge(texts().base(), "search", np.array([0]))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"score": "blue"}, r"score: got 'blue', did you mean 'bleu'"),
        ({"score": 3}, r"score: got int"),
        ({"references": "other"}, r"references: got the text 'other'"),
        ({"references": ("oter",)}, r"no field 'oter'; did you mean 'other'"),
        ({"references": ("question",)}, r"'question' stands in the query"),
    ],
)
def test_settings_of_texts_are_refused(settings, message):
    with pytest.raises(QDError, match=message):
        texts(**settings)


# ---------------------------------------------------------------- letters


def quiz(count=12, seed=0, options=3):
    questions = [f"q{i}?" for i in range(count)]
    wrong = [[f"no{i}{'xyz'[k]}" for k in range(options - 1)] for i in range(count)]
    return lettered(questions, [f"yes it is {i}" for i in range(count)], wrong, seed)


def test_right_answers_stand_behind_each_letter_equally_often():
    examples = quiz()
    assert sorted(examples.labels) == ["A"] * 4 + ["B"] * 4 + ["C"] * 4
    for i, letter in enumerate(examples.labels):
        assert examples.fields[f"option_{letter.lower()}"][i] == f"yes it is {i}"
    assert quiz().identity() == examples.identity() != quiz(seed=1).identity()


def test_a_letter_is_scored_for_each_option():
    examples = quiz()
    splits = Splits(*(examples.rows(np.arange(12)[i::4]) for i in range(4)))
    task = MultipleChoice(Adding(), splits, choice_template(3))
    judged = task.judge(task.base(), "search", np.arange(3))
    assert task.classes == ("A", "B", "C") and judged.probabilities.shape == (3, 3)
    assert judged.scores.tolist() == [1, 1, 1]  # the longest option is the right one
    assert task.model.decode(task.choices) == " A B C"


def test_quizzes_that_do_not_fit_together_are_refused():
    with pytest.raises(QDError, match=r"got 1 questions, 2 right answers and 1 lists"):
        lettered(["a"], ["b", "c"], [["d"]])
    with pytest.raises(QDError, match=r"question 0 has an option twice"):
        lettered(["a"], ["b"], [["b"]])
    with pytest.raises(QDError, match=r"wrong: got \[1, 2\] options"):
        lettered(["a", "b"], ["b", "c"], [["d"], ["e", "f"]])
    with pytest.raises(QDError, match=r"options: got 11, wanted 2 to 10"):
        choice_template(11)
    splits = Splits(*(quiz().rows(np.arange(12)[i::4]) for i in range(4)))
    with pytest.raises(QDError, match=r"MultipleChoice.template: 'sst2' has the classes"):
        MultipleChoice(Adding(), splits, TEMPLATES["sst2"])


# ---------------------------------------------------------------- as problems


class Hinted(Adding):
    """Adds right only where the prompt still says Add, and fails the whole prompt's own words."""

    def generate(self, texts, max_tokens=128, temperature=0.0, seeds=None, stop=()):
        replies = super().generate(texts, max_tokens, temperature, seeds, stop)
        return [reply if "Add" in text else Reply("who knows", len(text)) for text, reply in zip(texts, replies)]


def hinted():
    template = Template("hinted", "Add, please.\nQuestion: {question}\nAnswer: {label}")
    splits = Splits(sums((1, 2), (3, 4), (5, 6), (2, 2)), sums((7, 1), (2, 8)), sums((9, 9), (3, 3)), sums((0, 0)))
    return qd.problems.PrunedPrompt(ExactMatch(Hinted(), splits, template, max_tokens=20))


def test_word_problems_make_a_sound_problem_of_pruning():
    assert qd.check_problem(hinted()) == []


@pytest.mark.thorough
def test_pruning_keeps_what_answers_need():
    search = qd.algorithms.Selected(
        qd.algorithms.PromptQuine(population_size=6, offspring=10, initial="random_drops", halving=True), candidates=4
    )
    result = qd.run(qd.Experiment(hinted(), search, 60, seed=2))
    last = result.metrics.iloc[-1]
    assert (last.test_objective, last.compared_test_objective) == (1.0, 1.0)
    kept = np.asarray(result.populations["selected"])[0].astype(bool)
    words = np.array(hinted().words())[kept]
    assert "Add" in "".join(words) and not kept.all()


def test_a_failed_reply_fails_its_prompt_alone():
    splits = Splits(sums((6, 7), (1, 2)), sums((7, 1)), sums((9, 9)))
    problem = qd.problems.PrunedPrompt(added(examples=splits))
    request = qd.Request(np.ones((2, len(problem.genes)), np.uint8), fidelity={"examples": np.array([[0, 1], [1, -1]])})
    evaluation = problem.evaluate(request, np.zeros(2, np.uint64))
    assert evaluation.status.tolist() == [qd.Status.FAILED, qd.Status.OK]
    assert "1 of 2 examples failed, e.g. 0: out of luck" in evaluation.reasons[0]
    assert evaluation.objective[1] == 1
