"""From templates and examples to token ids: demonstrations one after the other, then the query with its fields open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qd.models import Ids, LanguageModel
from qd.prompts.examples import Examples
from qd.prompts.prompt import Prompt
from qd.prompts.templates import Template, parts_of


def open_fields(model: LanguageModel, text: str, fields: Sequence[str]) -> tuple[Ids | str, ...]:
    """The parts of a prompt: ids of what stands between, names of the fields.

    Tokens of words begin with their space, so a space before a field goes with the field: ``field_ids`` encodes it.
    """
    parts: list[Ids | str] = []
    cut = parts_of(text, fields)
    for place, part in enumerate(cut):
        if place % 2:
            parts.append(part)
            continue
        before_field = place + 1 < len(cut) and part.endswith(" ")
        ids = model.encode(part[:-1] if before_field else part)
        if len(ids):
            parts.append(ids)
    return tuple(parts)


def spaced_fields(template: Template) -> frozenset[str]:
    """Names of the fields that the query has a space before: it is theirs."""
    cut = parts_of(template.query, template.fields)
    return frozenset(cut[place] for place in range(1, len(cut), 2) if cut[place - 1].endswith(" "))


def field_ids(model: LanguageModel, fields: Mapping[str, str], spaced: frozenset[str]) -> dict[str, Ids]:
    """The ids of an example's fields, with the space before them where they have one."""
    return {name: model.encode(f" {text}" if name in spaced else text) for name, text in fields.items()}


def whole(model: LanguageModel, template: Template, demos: Examples) -> Prompt:
    """Demonstrations, a part each, then the open query."""
    template.check(demos)
    parts = []
    for number, label in enumerate(demos.labels):
        fields = {name: texts[number] for name, texts in demos.fields.items()}
        parts.append(model.encode(template.demonstration(fields, label) + template.separator))
    return Prompt((*parts, *open_fields(model, template.query, template.fields)))


def opened(model: LanguageModel, template: Template, text: str) -> Prompt:
    """The prompt of a text with ``{field}`` in it; where it names no field, the query follows at its end."""
    names = template.asked
    parts = open_fields(model, text, names)
    if any(isinstance(part, str) for part in parts):
        return Prompt(parts)
    before = open_fields(model, text + template.separator, names) if text else ()
    return Prompt((*before, *open_fields(model, template.query, names)))
