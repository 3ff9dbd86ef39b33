"""Cleans text that a chat model returned, before it is used as a translation or an instruction.

Chat models add text around the answer: a reasoning block, "Sure! Here is the translation:", a fence, quotation marks, a
remark at the end. Such additions are removed, unless the text given to the model has an addition of the same kind. If
the rest is unusable, for example because the model declined the task, `refused` has the reason, which the stage counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

from x_instruction.generation.refused_text import VERSIONS, is_refusal

# What a model was asked for: a translation of `Wanted.given`, or an instruction. There is no kind for the answers that
# eval_scores compares, because only their reasoning is removed (`without_reasoning`).
Kind = Literal["translation", "instruction"]

TAG = r"(?:think(?:ing)?|thoughts?|reason(?:ing)?|reflection|scratchpad|analysis|seed:think|inner_monologue)"
OPENING = re.compile(rf"(?i)<\|?{TAG}\|?>|\[THINK\]|◁think▷")
CLOSING = re.compile(rf"(?i)<\|?/{TAG}\|?>|\[/THINK\]|◁/think▷")
# gpt-oss marks its reasoning and its answer by control strings. Some servers remove the control strings but leave the
# names of role and channel (`analysis…assistantfinal…`), so the pattern matches these names too.
FINAL = re.compile(r"(?s)^.*<\|channel\|>final(?:<\|\w+\|>\w+)?<\|message\|>|^analysis(?=\W*[A-Z]).*assistantfinal")
CHANNEL = re.compile(r"<\|channel\|>")
# Control strings at the end of a text, which a server should have removed.
END = re.compile(r"\s*(?:<\|(?:return|end|im_end|eot_id|endoftext)\|>|</s>|<end_of_turn>)\s*$")

OPENER = r"(?:sure|certainly|of course|okay|ok|absolutely|gladly|here(?:'s| is| are| you go)|below is|the following)"
# "translation" in the project's ten languages
NATIVE = r"käännös|terjemahan|คำแปล|การแปล|çeviri|bản dịch|অনুবাদ|अनुवाद|tafsiri|மொழிபெயர்ப்பு|ترجمہ"
NEW_TEXT = rf"(?:translat(?:ion|ed)|version|rewritten|rewrite|revised|polished|improved|{NATIVE})"
# A first line that only announces the text: it ends with a colon, or it is a paragraph such as "Sure, happy to help!".
ANNOUNCED = (
    rf"(?i)^\W{{0,3}}(?:{OPENER}\b[^\n]{{0,120}}|[^\n]{{0,60}}{NEW_TEXT}[^\n]{{0,60}})[:：]\W{{0,3}}\n\s*"
    r"|^(?:sure|certainly|of course|absolutely)\b[^\n]{0,120}\n\s*\n"
)
PREFACES = {
    "translation": ANNOUNCED,
    # "Here is a text:" may begin an instruction, so the line must contain a word such as "instruction".
    "instruction": rf"(?i)^\W{{0,3}}(?:{OPENER}\W+)?here(?:'s| is) (?:an?|the|your|one) (?:\w+ ){{0,2}}"
    r"(?:instruction|question|prompt)\b[^\n]{0,60}[:：]\W{0,3}\n\s*",
}
# A label before a translation, usually on the same line. An instruction may itself begin with such a label.
LABEL = (
    rf"(?:{OPENER}\b[^\n:：]{{0,80}}?)?(?:the )?(?:\w+ )?(?:translation|translated(?: text)?)"
    rf"(?: \(\w+\)| (?:in|into|to|of) [^\n:：]{{0,60}})?|{NATIVE}"
)
CHAT = (
    r"let me know|i hope|hope this|feel free|if you(?:'d| would)? (?:need|want|have|like|prefer)"
    r"|would you like|is there anything|do you want|please let me know"
)
NOTE = r"(?:please )?note\b|n\.?b\.?\b|explanation\b|translator'?s? note"
REMARKS = {
    "instruction": CHAT,  # "Note: …" can be a part of an instruction
    "translation": rf"{CHAT}|{NOTE}",
}
FENCED = re.compile(r"(?s)^(`{3,}|~{3,})[\w+-]*[ \t]*\n(.*?)\n?\s*\1$")
FENCE = re.compile(r"(?m)^\s*(?:`{3,}|~{3,})")
# The closing marks that fit each opening mark, as in „German“ and ”Finnish”.
QUOTES = {'"': '"', "“": "”", "”": "”", "„": "”“", "«": "»", "»": "«", "‘": "’", "'": "'", "「": "」", "『": "』"}
ECHOED = 20  # characters; a shorter repeated text may be a name or a number
SHOWN = 300  # characters of a refused text that are shown
LAYERS = 4  # at most this many layers of added text are removed


@dataclass(frozen=True)
class Returned:
    """A returned text after cleaning.

    `removed`: the kinds of removed additions (end_token, reasoning, remark, preface, label, fence, quotes, echo).
    `refused`: why the text cannot be used; "" for a usable text. A refused text has an empty `text`.
    `raw`: the first characters of the returned text, to show with a refusal.
    """

    text: str
    removed: tuple[str, ...] = ()
    refused: str = ""
    raw: str = field(default="", compare=False)


@dataclass(frozen=True)
class Wanted:
    """What a model was asked for.

    `given` is the text that was to be translated, or "" for an instruction. `language` is the English name of the
    requested language, which some models write before the text.
    """

    kind: Kind
    given: str = ""
    language: str = ""


def usable(raw: str | None, wanted: Wanted, finished: bool = True) -> Returned:
    """The usable part of a returned text.

    The text is refused for one of these reasons: unfinished, empty, reasoning_unfinished, reasoning_inside,
    fence_inside, refusal, two_versions, untranslated.
    """
    whole = (raw or "").strip()
    ended = whole if END.search(wanted.given) else END.sub("", whole)
    result = _without_reasoning(Returned(ended, ("end_token",) if ended != whole else ()), wanted.given)
    if not finished:
        result = _refused(result, "unfinished")
    if not result.refused:
        result = _unwrapped(result, wanted)
    reason = result.refused or _reason(result.text, wanted)
    return replace(_refused(result, reason) if reason else result, raw=whole[:SHOWN])


def without_reasoning(raw: str | None) -> str:
    """A model's answer without the reasoning, for a comparison of models.

    Nothing else is removed, because a preface or a refusal is part of the answer that is compared. The answer is empty
    if the reasoning does not end, or if it begins within the answer.
    """
    return _without_reasoning(Returned((raw or "").strip()), given="").text


def _refused(returned: Returned, reason: str) -> Returned:
    return Returned("", returned.removed, reason)


def _without_reasoning(returned: Returned, given: str) -> Returned:
    """The text after the reasoning, whose opening tag may be missing: some templates put this tag into the prompt."""
    if OPENING.search(given) or CLOSING.search(given) or CHANNEL.search(given):
        return returned
    if final := FINAL.match(returned.text):
        return Returned(returned.text[final.end() :].strip(), (*returned.removed, "reasoning"))
    if CHANNEL.search(returned.text):
        return _refused(returned, "reasoning_unfinished")
    text = returned.text
    while opening := OPENING.match(text):
        closing = CLOSING.search(text, opening.end())
        if closing is None:
            return _refused(returned, "reasoning_unfinished")
        text = text[closing.end() :].strip()
    closings = list(CLOSING.finditer(text))
    if OPENING.search(text):
        return _refused(returned, "reasoning_inside")
    if closings:
        text = text[closings[-1].end() :].strip()
    return Returned(text, (*returned.removed, "reasoning")) if text != returned.text else returned


def _unwrapped(returned: Returned, wanted: Wanted) -> Returned:
    steps: dict[str, Callable[[str, Wanted], str]] = {
        "remark": _without_remark,
        "preface": _without_preface,
        "label": _without_label,
        "fence": _without_fence,
        "quotes": _without_quotes,
        "echo": _without_echo,
    }
    text, removed = returned.text, list(returned.removed)
    for _ in range(LAYERS):
        before = text
        for name, step in steps.items():
            shorter = step(text, wanted).strip()
            # At least one letter or digit must remain, so "Here is the translation:" without a translation is kept.
            if shorter != text and any(map(str.isalnum, shorter)):
                text = shorter
                removed += [] if name in removed else [name]
        if text == before:
            break
    return Returned(text, tuple(removed))


def _without_remark(text: str, wanted: Wanted) -> str:
    """The text without an English remark in its last line."""
    remark = re.compile(rf"(?i)\n\s*[*_(\[]*(?:{REMARKS[wanted.kind]})[^\n]*$")
    return text if remark.search(wanted.given) else remark.sub("", text, count=1)


def _without_preface(text: str, wanted: Wanted) -> str:
    preface = re.compile(PREFACES[wanted.kind])
    return text if preface.match(wanted.given) else preface.sub("", text, count=1)


def _without_label(text: str, wanted: Wanted) -> str:
    if wanted.kind != "translation":
        return text
    names = "|".join([LABEL, *([re.escape(wanted.language)] if wanted.language else [])])
    label = re.compile(rf"(?i)^[*_#\s]*(?:{names})[*_ ]*[:：][*_ ]*\s*")
    return text if label.match(wanted.given) else label.sub("", text, count=1)


def _without_fence(text: str, wanted: Wanted) -> str:
    whole = FENCED.match(text)
    return whole[2] if whole and not FENCE.search(whole[2]) and not FENCE.search(wanted.given) else text


def _without_quotes(text: str, wanted: Wanted) -> str:
    """The text without quotation marks around it. `"Yes," she said, "no"` keeps its marks."""
    if len(text) < 2 or wanted.given.strip()[:1] in QUOTES or text[0] not in QUOTES:
        return text
    first, last, inner = text[0], text[-1], text[1:-1]
    if last not in QUOTES[first]:
        return text
    return text if first in inner or last in inner else inner


def _without_echo(text: str, wanted: Wanted) -> str:
    """The text without the given text, which some models repeat before its translation."""
    given = wanted.given.strip()
    repeated = wanted.kind == "translation" and len(given) >= ECHOED and text.startswith(given)
    rest = text[len(given) :] if repeated else text
    return rest if any(map(str.isalpha, rest)) else text


def _reason(text: str, wanted: Wanted) -> str:
    """Why an unwrapped text cannot be used; "" if it can."""
    given = wanted.given
    if not any(map(str.isalnum, text)):
        return "empty"
    if FENCE.search(text) and given and not FENCE.search(given):
        return "fence_inside"
    if is_refusal(text) and not is_refusal(given):
        return "refusal"
    if VERSIONS.search(text) and not VERSIONS.search(given):
        return "two_versions"
    if wanted.kind == "translation" and any(map(str.isalpha, given)) and _repeats(text, given):
        return "untranslated"
    return ""


def _repeats(text: str, given: str) -> bool:
    """Whether a translation is the given text or contains a given text of at least ECHOED letters and digits."""
    returned, original = _plain(text), _plain(given)
    return returned == original or (len(original) >= ECHOED and original in returned)


def _plain(text: str) -> str:
    return "".join(filter(str.isalnum, text)).casefold()
