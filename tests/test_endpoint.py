"""A model at an address, against a server on this machine that misbehaves in every way it can."""

from __future__ import annotations

import json
import logging
import math
import os
import pickle
import re
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate

import numpy as np
import pytest

from qd.errors import ModelError, QDError
from qd.models import Endpoint, _session
from qd.store.settings import described, without_resumable
from tests.serving import chat, listed, refusal, said

pytestmark = pytest.mark.peer  # the client takes a second to import

KEY = "sk-very-secret-0123456789"


@pytest.fixture
def waits(monkeypatch):
    """Seconds that were waited, each at once."""
    waited = []
    monkeypatch.setattr(_session, "wait", lambda halt, seconds: waited.append(seconds))
    return waited


@pytest.fixture
def model(server, waits, monkeypatch):
    """Makes endpoints of the server, with a key in the environment."""
    monkeypatch.setenv("TEST_KEY", KEY)
    return lambda **more: Endpoint("small", **({"base_url": server.url, "key_variable": "TEST_KEY"} | more))


# ---------------------------------------------------------------- what goes well


def test_replies_in_the_order_of_the_texts(server, model):
    def late(number, body):
        time.sleep(0.03 * (3 - number % 4))
        return chat(f"echo {said(body)}", tokens=number)

    server.play = late
    texts = [f"text {i} é" for i in range(9)]
    endpoint = model(concurrency=4)
    replies = endpoint.generate(texts)
    assert [reply.text for reply in replies] == [f"echo {text}" for text in texts]
    assert all(reply.ok for reply in replies)
    assert sum(reply.tokens for reply in replies) == sum(range(9))
    assert len(server.bodies) == 9
    assert server.most_under_way == 4
    assert endpoint.spent == (9, sum(range(9)))
    assert endpoint.generate([]) == []


def test_threads_that_share_a_model_share_its_concurrency(server, model):
    endpoint = model(concurrency=2)
    server.play = lambda number, body: (time.sleep(0.02), chat(said(body)))[1]
    with ThreadPoolExecutor(4) as pool:
        asked = [[f"{caller} {i}" for i in range(4)] for caller in range(4)]
        answered = list(pool.map(endpoint.generate, asked))
    assert [[reply.text for reply in replies] for replies in answered] == asked
    assert server.most_under_way == 2 and endpoint.spent[0] == 16


def test_what_is_sent(server, model):
    model(system="Be brief.", extra={"top_p": 0.9}).generate(
        ["a"], 7, temperature=0.5, seeds=np.array([2**64 - 1], np.uint64), stop=("x", "", "y")
    )
    (body,) = server.bodies
    assert body == {
        "model": "small",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "a"}],
        "max_tokens": 7, "temperature": 0.5, "seed": 2**31 - 1, "stop": ["x", "y"], "top_p": 0.9,
    }  # fmt: skip
    assert server.paths == ["/v1/chat/completions"]
    assert server.headers[0]["authorization"] == f"Bearer {KEY}"


def test_what_a_server_refuses_is_left_out(server, model):
    model(omit=("temperature", "seed"), limit_field="max_completion_tokens").generate(
        ["a"], temperature=1.0, seeds=np.ones(1, np.uint64)
    )
    assert set(server.bodies[0]) == {"model", "messages", "max_completion_tokens"}


def test_without_a_temperature_no_seed_is_sent(server, model):
    model().generate(["a"], seeds=np.ones(1, np.uint64))
    assert "seed" not in server.bodies[0] and server.bodies[0]["temperature"] == 0.0


def test_the_route_of_completions(server, model):
    server.play = lambda number, body: (
        200,
        {},
        {"choices": [{"text": f" and {body['prompt']}", "finish_reason": None}]},
    )
    (reply,) = model(route="completions").generate(["on"])
    assert reply.text == " and on" and server.paths == ["/v1/completions"]
    assert 0 < reply.tokens < 300, "estimated where the server does not count"


def test_more_stops_than_servers_take_are_cut_here(server, model):
    server.play = lambda number, body: chat("one two three")
    stop = ("a", "b", "c", "d", " three", " two")
    assert model().generate(["x"], stop=stop)[0].text == "one"
    assert server.bodies[0]["stop"] == list(stop[:4])


# ---------------------------------------------------------------- what passes


def test_429_with_retry_after_then_success(server, model, waits):
    server.play = lambda number, body: refusal(429, headers={"Retry-After": "7"}) if number == 0 else chat("fine")
    endpoint = model()
    assert endpoint.generate(["x"])[0].text == "fine"
    assert len(server.bodies) == 2 and endpoint.spent == (2, 10)
    assert len(waits) == 2 and waits[0] == 7.0
    assert all(6 < wait <= 7 for wait in waits[1:]), "the pause is for all requests"


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ({"retry-after-ms": "1500", "Retry-After": "9"}, 1.5, 1.5),
        ({"Retry-After": +3600}, 3500, 3600),
        ({"Retry-After": -3600}, 0, 0),
        ({"Retry-After": "soon"}, 0.75, 1.25),
        ({"Retry-After": "nan"}, 0.75, 1.25),
    ],
)
def test_forms_of_retry_after(server, model, waits, headers, least, most):
    headers = {
        name: value if isinstance(value, str) else formatdate(time.time() + value, usegmt=True)
        for name, value in headers.items()
    }  # fmt: skip - a date is of now, not of when tests were collected
    server.play = lambda number, body: refusal(503, headers=headers) if number == 0 else chat("fine")
    assert model(patience=4000).generate(["x"])[0].ok
    assert least <= waits[0] <= most


def test_more_than_patience_is_a_failure(server, model, waits):
    server.play = lambda number, body: refusal(429, "slow down", {"Retry-After": "3600"})
    (reply,) = model(patience=60).generate(["x"])
    assert not reply.ok and len(server.bodies) == 1 and not waits
    assert "asks to wait 3600 s" in reply.error and "Endpoint.patience is 60 s" in reply.error


def test_twice_wrong_then_success(server, model, waits):
    endpoint = model(backoff=10)
    for status in (500, 502, 503, 504, 529, 408):
        waits.clear()
        server.bodies.clear()
        server.play = lambda number, body, status=status: refusal(status) if number < 2 else chat("fine")
        assert endpoint.generate(["x"])[0].text == "fine"
        assert len(server.bodies) == 3
        assert 7.5 <= waits[0] <= 12.5 and waits[1] == pytest.approx(2 * waits[0])


def test_one_text_fails_for_good_and_the_others_stand(server, model, waits):
    server.play = lambda number, body: refusal(500, "overloaded") if said(body) == "b" else chat(said(body))
    first, failed, last = model(retries=2).generate(["a", "b", "c"])
    assert (first.text, last.text) == ("a", "c")
    assert not failed.ok and failed.text == ""
    assert "500: overloaded" in failed.error and "tried 3 times" in failed.error
    assert len(server.bodies) == 5


def test_a_broken_connection_is_tried_again(server, model):
    def half(number, body):
        return (200, {"Content-Length": "5000"}, b'{"choices": [') if number == 0 else chat("fine")

    server.play = half
    assert model().generate(["x"])[0].text == "fine"
    assert len(server.bodies) == 2


def test_a_timeout_is_tried_again(server, model):
    server.play = lambda number, body: None if number == 0 else chat("fine")
    assert model(timeout=0.15).generate(["x"])[0].text == "fine"
    assert len(server.bodies) == 2


def test_a_server_that_never_answers(server, model):
    server.play = lambda number, body: None
    with pytest.raises(ModelError, match=r"Endpoint.timeout: no answer within 0.1 s \(tried 2 times"):
        model(timeout=0.1, retries=1).generate(["x", "y", "z"])
    assert len(server.bodies) == 2, "the first text goes alone"


# ---------------------------------------------------------------- half answers

GARBAGE = [
    (b"<html>busy</html>", "no JSON.*<html>"),
    (b'{"choices": [{"message": {"content": "ha', "no JSON, or the half"),
    (b"", "no JSON"),
    (b"[]", "no choices"),
    (b"null", "no choices"),
    (b'{"choices": []}', "no choices"),
    (b'{"choices": "x"}', "no choices"),
    (b'{"choices": [null]}', "no choices"),
    (b'{"error": {"message": "out of memory"}}', "no choices, but says.*out of memory"),
    (b'{"choices": [{}]}', "no text"),
    (b'{"choices": [{"message": null}]}', "no text"),
    (b'{"choices": [{"message": {"content": null}, "finish_reason": "tool_calls"}]}', "no text.*tool_calls"),
    (b'{"choices": [{"message": {"content": 3}}]}', "no text"),
    (b"\xff\xfe\x00", "no JSON"),
]


@pytest.mark.parametrize("kind", ["application/json", "text/html"])
def test_garbage_is_a_reason_and_not_paid_for_again(server, model, kind):
    def play(number, body):
        place = int(said(body))
        return (200, {"Content-Type": kind}, GARBAGE[place // 2][0]) if place % 2 else chat("fine")

    server.play = play
    replies = model().generate([str(i) for i in range(2 * len(GARBAGE))])
    assert [reply.text for reply in replies] == ["fine", ""] * len(GARBAGE)
    for reply, (content, wanted) in zip(replies[1::2], GARBAGE, strict=True):
        assert re.search(wanted, reply.error), (content, reply.error)
    assert len(server.bodies) == 2 * len(GARBAGE)


def test_counts_that_are_none_are_estimated(server, model):
    choices = [{"message": {"content": "fine"}, "finish_reason": "stop"}]
    usages = [None, "x", {}, {"total_tokens": None}, {"total_tokens": -3}, {"total_tokens": "9"}]
    server.play = lambda number, body: (200, {}, {"choices": choices, "usage": usages[int(said(body))]})
    for reply in model().generate([str(i) for i in range(len(usages))], 5):
        assert reply.text == "fine" and 5 < reply.tokens < 100


def test_answers_that_are_cut_off(server, model):
    server.play = lambda number, body: chat("half of", finish="length", tokens=30)
    (reply,) = model().generate(["x"])
    assert "half an answer" in reply.error and "Endpoint.cut" in reply.error
    assert reply.text == "" and reply.tokens == 30, "it was paid for"
    assert model(cut="keep").generate(["x"])[0].text == "half of"
    server.play = lambda number, body: chat("", finish="content_filter")
    assert "filter" in model().generate(["x"])[0].error


def test_half_a_character_is_replaced(server, model):
    server.play = lambda number, body: (200, {}, b'{"choices": [{"message": {"content": "a\\ud83d"}}]}')
    assert model().generate(["x"])[0].text == "a?"


# ---------------------------------------------------------------- what does not pass


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        (refusal(401, "Incorrect API key provided"), r"Endpoint.key_variable.*401: Incorrect.*TEST_KEY"),
        (refusal(403, "not yours"), r"Endpoint.key_variable.*403: not yours"),
        (refusal(404, "no such model"), r"Endpoint.model, Endpoint.base_url.*'small'.*404: no such model"),
        ((404, {"Content-Type": "text/html"}, b"<h1>Not\nFound</h1>"), r"404: <h1>Not Found</h1>"),
        (refusal(429, "You exceeded", code="insufficient_quota"), r"nothing left \(429: You exceeded"),
    ],
)
def test_what_cannot_pass_costs_one_request(server, model, waits, answer, wanted):
    server.play = lambda number, body: answer
    endpoint = model()
    with pytest.raises(ModelError, match=wanted):
        endpoint.generate(list("abcdefgh"))
    assert len(server.bodies) == 1 and not waits


def test_a_key_that_is_withdrawn_leaves_what_was_answered(server, model):
    server.play = lambda number, body: chat("fine") if number == 0 else refusal(401)
    first, *others = model(concurrency=1).generate(list("abcdef"))
    assert first.ok and all("Endpoint.key_variable" in reply.error for reply in others)
    assert len(server.bodies) == 2


def test_a_request_that_is_refused_is_one_texts_trouble(server, model):
    server.play = lambda number, body: refusal(400, "too long") if said(body) == "b" else chat("fine")
    first, failed = model().generate(["a", "b"])
    assert first.ok and "refuses the request (400: too long)" in failed.error
    server.play = lambda number, body: refusal(400, "Unsupported parameter: 'max_tokens'")
    assert "Endpoint.limit_field" in model().generate(["a"])[0].error
    server.play = lambda number, body: refusal(400, "temperature does not support 0")
    assert "refuses temperature" in model().generate(["a"])[0].error


def test_a_server_that_wants_a_key_and_gets_none(server, model):
    server.play = lambda number, body: refusal(401)
    with pytest.raises(ModelError, match="name the environment variable"):
        model(key_variable="").generate(["a"])


@pytest.mark.parametrize("value", [None, "", "  ", "two\nlines", "schlüssel"])
def test_a_key_that_is_none_costs_no_request(server, model, monkeypatch, value):
    monkeypatch.delenv("TEST_KEY")
    if value is not None:
        monkeypatch.setenv("TEST_KEY", value)
    with pytest.raises(ModelError, match=r"Endpoint.key_variable.*TEST_KEY"):
        model().generate(["a"])
    assert not server.bodies


def test_nobody_listens(model, waits):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with pytest.raises(
        ModelError, match=rf"Endpoint.base_url: http://127.0.0.1:{port}/v1 cannot be reached.*server running"
    ):
        model(base_url=f"http://127.0.0.1:{port}/v1", retries=2).generate(["a", "b", "c"])
    assert len(waits) == 2


def test_an_unknown_host_is_not_asked_twice(model, waits, monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(ModelError, match=r"Endpoint.base_url: the host of http://nowhere.invalid/v1 is not known"):
        model(base_url="http://nowhere.invalid/v1").generate(["a", "b"])
    assert not waits


# ---------------------------------------------------------------- limits and budgets


def test_the_budget_of_requests_counts_retries(server, model):
    server.play = lambda number, body: refusal(500) if number == 1 else chat("fine")
    endpoint = model(max_requests=4, concurrency=1)
    replies = endpoint.generate(list("abcde"))
    assert [reply.ok for reply in replies] == [True, True, True, False, False]
    assert "Endpoint.max_requests: the budget is spent: 4 of 4" in replies[-1].error
    assert len(server.bodies) == 4
    with pytest.raises(ModelError, match=r"Endpoint.max_requests: the budget is spent"):
        endpoint.generate(["f"])
    assert len(server.bodies) == 4


def test_the_budget_of_tokens_is_never_passed(server, model):
    server.play = lambda number, body: chat("fine", tokens=40)
    endpoint = model(max_tokens_total=250, concurrency=3)
    replies = endpoint.generate(["x"] * 10, max_tokens=40)
    done = sum(reply.ok for reply in replies)
    assert done == len(server.bodies) and 3 <= done <= 6
    assert endpoint.spent[1] == 40 * done <= 250
    assert "Endpoint.max_tokens_total" in replies[-1].error
    with pytest.raises(ModelError, match=r"Endpoint.max_tokens_total: the budget is spent"):
        endpoint.generate(["x"], max_tokens=300)


def test_requests_go_at_an_even_pace(server, model, waits):
    model(requests_per_minute=30, concurrency=1).generate(list("abcd"))
    assert len(waits) == 3
    assert np.diff([0, *waits]) == pytest.approx(2, abs=0.5), "two seconds apart; none passes while the test waits"


def test_tokens_go_at_an_even_pace(server, model, waits):
    server.play = lambda number, body: chat("fine", tokens=100)
    model(tokens_per_minute=6000, concurrency=1).generate(list("abc"))
    assert waits == pytest.approx([1, 2], abs=0.5), "100 tokens are a second, whatever was reserved"


def test_real_waiting_ends_at_once_when_a_request_fails_for_good(server, monkeypatch):
    def play(number, body):
        time.sleep(0.05)
        return {"a": chat("fine"), "b": refusal(503, headers={"Retry-After": "50"})}.get(said(body), refusal(401))

    server.play = play
    start = time.monotonic()
    replies = Endpoint("small", server.url, key_variable="", concurrency=2).generate(["a", "b", "c"])
    assert time.monotonic() - start < 20
    assert [reply.ok for reply in replies] == [True, False, False]


# ---------------------------------------------------------------- choices


def scored(model, *words, items=("x",), **more):
    endpoint = model(vocabulary=words, **more)
    ids = np.concatenate([endpoint.encode(" " + word) for word in words])
    assert len(ids) == len(words)
    return endpoint.score_choices(endpoint.encode("Good or bad? "), [endpoint.encode(item) for item in items], ids)


def test_choices_are_scored_by_the_first_token(server, model):
    play = {
        "Good or bad? a": listed(good=0.6, bad=0.2, Well=0.1),
        "Good or bad? b": listed(_bad=0.3, bad=0.1, good=0.1),
    }
    server.play = lambda number, body: play[said(body)]
    np.testing.assert_allclose(scored(model, "good", "bad", items=("a", "b")), [[0.75, 0.25], [0.2, 0.8]])
    assert server.bodies[0]["logprobs"] is True and server.bodies[0]["top_logprobs"] == 20
    assert server.bodies[0]["max_tokens"] == 1 and server.bodies[0]["temperature"] == 0


def test_a_beginning_counts_where_it_is_of_one_choice_alone(server, model):
    server.play = lambda number, body: listed(terri=0.4, g=0.3, great=0.1, goodness=0.1)
    np.testing.assert_allclose(scored(model, "terrible", "great", "good")[0], np.array([0.4, 0.1, 0.1]) / 0.6)


@pytest.mark.parametrize(
    ("given", "floor"),
    [({"good": 0.9, "x": 0.06}, 0.02), ({"good": 0.5, "x": 0.01}, 0.01), ({"good": 1.0}, 1e-12)],
)
def test_a_choice_that_is_not_listed_gets_what_it_could_have_at_most(server, model, given, floor):
    server.play = lambda number, body: listed(**given)
    wanted = np.array([given["good"], floor, floor])
    np.testing.assert_allclose(scored(model, "good", "bad", "so")[0], wanted / wanted.sum(), rtol=1e-6)


def test_answers_with_none_of_the_choices_are_a_warning_once(server, model, caplog):
    server.play = lambda number, body: listed(Well=0.6, The=0.2)
    np.testing.assert_allclose(scored(model, "good", "bad", items=("a", "b")), 0.5)
    (record,) = [record for record in caplog.records if record.name == "qd"]
    assert "'Well'" in record.getMessage() and "['good', 'bad']" in record.getMessage()


def test_choices_by_the_route_of_completions(server, model):
    listed = {"top_logprobs": [{" good": math.log(0.3), " bad": math.log(0.1)}]}
    server.play = lambda number, body: (200, {}, {"choices": [{"text": " good", "logprobs": listed}]})
    np.testing.assert_allclose(scored(model, "good", "bad", route="completions"), [[0.75, 0.25]])
    assert server.bodies[0]["logprobs"] == 20 and server.bodies[0]["prompt"] == "Good or bad? x"


def test_a_server_without_probabilities(server, model):
    endpoint = model(vocabulary=("good", "bad"))
    ids = [endpoint.encode(text) for text in ("x", "y", " good bad")]
    for none in (None, {}, {"content": []}, {"content": [{"top_logprobs": []}]}, {"content": [3]}, "x"):
        server.play = lambda number, body, none=none: chat("good", logprobs=none)
        with pytest.raises(ModelError, match=r"Endpoint.base_url.*lists no probabilities of tokens \(logprobs\)"):
            endpoint.score_choices(ids[0], ids[1:2], ids[2])


def test_a_server_that_refuses_to_list(server, model):
    server.play = lambda number, body: refusal(400, "logprobs is not supported")
    with pytest.raises(ModelError, match="refuses logprobs"):
        scored(model, "good", "bad")


def test_choices_that_fail_say_which_item(server, model):
    server.play = lambda number, body: refusal(400, "too long") if said(body).endswith("b") else listed(good=0.5)
    with pytest.raises(ModelError, match=r"item 1 of 3.*too long"):
        scored(model, "good", "bad", items=("a", "b", "c"))


def test_choices_that_cannot_be_told_apart(server, model):
    endpoint = model()
    with pytest.raises(QDError, match=r"Endpoint.vocabulary"):
        endpoint.score_choices(endpoint.encode("x"), [endpoint.encode("y")], endpoint.encode("aa"))
    with pytest.raises(QDError, match="white space"):
        endpoint.score_choices(endpoint.encode("x"), [endpoint.encode("y")], endpoint.encode("a "))
    with pytest.raises(QDError, match="item 0 are empty"):
        endpoint.score_choices(endpoint.encode(""), [endpoint.encode("")], endpoint.encode("ab"))
    assert not server.bodies


# ---------------------------------------------------------------- the key


def test_the_key_is_nowhere(server, model, caplog):
    server.play = lambda number, body: refusal(401 if number else 400, f"wrong: {KEY} is wrong", code=KEY)
    endpoint = model()
    with caplog.at_level(logging.DEBUG):
        texts = [endpoint.generate(["a"])[0].error]
        with pytest.raises(ModelError) as caught:
            endpoint.generate(["a", "b"])
        server.play = lambda number, body: (200, {}, f"<p>{KEY}</p>".encode())
        texts += [endpoint.generate(["a"])[0].error, str(caught.value), "".join(map(str, caught.value.args))]
    assert "wrong: *** is wrong" in texts[0] and "***" in texts[1]
    assert server.headers[0]["authorization"] == f"Bearer {KEY}"
    texts += [repr(endpoint), str(endpoint), endpoint.identity, json.dumps(described(endpoint)), caplog.text]
    assert not [text for text in texts if KEY in text]
    assert KEY.encode() not in pickle.dumps(endpoint)
    assert not [record for record in caplog.records if KEY in str(record.__dict__)]


def test_travelling_takes_the_settings_alone(server, model):
    endpoint = model(max_requests=3)
    endpoint.generate(["a", "b"])
    copy = pickle.loads(pickle.dumps(endpoint))
    assert copy == endpoint and hash(copy) == hash(endpoint) and copy.spent == (0, 0)
    assert copy.generate(["c"])[0].text == "echo c"


def test_identity_tells_answers_apart_and_nothing_else():
    base = {"model": "small", "base_url": "https://one.example/v1"}
    changes = [
        {}, {"model": "large"}, {"base_url": "https://two.example/v1"}, {"system": "Be brief."}, {"extra": {"a": 1}},
        {"vocabulary": ("a",)}, {"omit": ("seed",)}, {"route": "completions"}, {"cut": "keep"},
    ]  # fmt: skip
    assert len({Endpoint(**(base | change)).identity for change in changes}) == len(changes)
    for setting, value in (("timeout", 3.0), ("retries", 0), ("key_variable", "OTHER"), ("max_requests", 5)):
        one, other = Endpoint(**base), Endpoint(**(base | {setting: value}))
        assert one.identity == other.identity
        assert without_resumable(described(one), one) == without_resumable(described(other), other)


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({"model": ""}, "Endpoint.model"),
        ({"base_url": "api.example/v1"}, "Endpoint.base_url"),
        ({"base_url": "https://"}, "Endpoint.base_url"),
        ({"base_url": "https://host:port/v1"}, "Endpoint.base_url"),
        ({"base_url": f"https://me:{KEY}@host/v1"}, "Endpoint.base_url"),
        ({"base_url": f"https://host/v1?key={KEY}"}, "Endpoint.base_url"),
        ({"key_variable": KEY}, "Endpoint.key_variable"),
        ({"key_variable": "abcDEF0123"}, "Endpoint.key_variable"),
        ({"route": "chats"}, "Endpoint.route.*did you mean 'chat'"),
        ({"cut": "drop"}, "Endpoint.cut"),
        ({"system": "x", "route": "completions"}, "Endpoint.system"),
        ({"timeout": 0}, "Endpoint.timeout: got 0"),
        ({"timeout": float("inf")}, "Endpoint.timeout"),
        ({"retries": -1}, "Endpoint.retries: got -1"),
        ({"concurrency": 0}, "Endpoint.concurrency"),
        ({"max_requests": float("nan")}, "Endpoint.max_requests"),
        ({"requests_per_minute": 0}, "Endpoint.requests_per_minute"),
        ({"vocabulary": ("two words",)}, "Endpoint.vocabulary: got 'two words'"),
    ],
)
def test_bad_settings_are_refused_by_name(settings, wanted):
    with pytest.raises(QDError, match=wanted) as caught:
        Endpoint(**({"model": "small"} | settings))
    assert KEY not in str(caught.value)


def test_a_missing_client_names_what_to_install(model, monkeypatch):
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(ModelError, match=r"pip install 'qd-evolution\[endpoint\]'"):
        model().generate(["a"])


@pytest.mark.launch
def test_a_child_of_a_fork_has_its_own_connections_and_counts(server, model):
    endpoint = model()
    endpoint.generate(["a"])
    child = os.fork()
    if not child:
        code = 1
        try:
            before = endpoint._session
            code = 0 if before.process == os.getpid() and before.traffic.requests == 0 else 2
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    assert endpoint.spent[0] == 1
