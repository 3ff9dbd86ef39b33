"""Counts strings that a tokenizer or a prompt template may read as structure: special tokens and headers of a chat.

The patterns describe the forms of special tokens in published tokenizers (Llama, Mistral, Gemma, Qwen, DeepSeek, GLM,
Phi, Cohere, T5, BERT, StarCoder, NLLB), because a list of the tokens would miss those of a new model. In web text these
strings stay and are counted, because prompts encode them as ordinary text. A seed pair with such a string is dropped.
"""

from __future__ import annotations

import polars as pl

# Matches <|im_end|>, <|turn>, <turn|>, and with full-width bars <｜end▁of▁sentence｜>.
_BARS = r"<[|｜][^\s<>|｜]{1,40}[|｜]?>|<[^\s<>|｜]{1,40}[|｜]>"
# Names of tags that tokenizers use. Of these, only <s>, <mask> and <image> are also tags of HTML or SVG.
_NAMES = (
    r"s|pad|unk|bos|eos|cls|sep|mask|eod|eop|sop|eot|eoh|eoa|image|think|thinking|answer|tools?|tool_(?:call|"
    r"response|use)s?|function_calls?|function=[\w.-]+|invoke|human|user|bot|assistant|system|"
    r"(?:start|end|begin)_of_[a-z_]{2,20}|fim_[a-z]{3,10}|reponame|filename|gh_stars|"
    r"(?:file|repo|issue|jupyter|commit|empty|code)_(?:sep|name|start|end|text|code|output|comment|before|after|msg|"
    r"closed)|"
    r"(?:BOS|EOS|PAD|UNK|CLS|SEP|MASK|EOT|SYS|INST)(?:_TOKEN)?|TOKENS_UNUSED_\d+|"
    r"(?:extra_id|unused|reserved|special|sentinel|ctrl)_?(?:token_)?_?\d{1,5}|0x[0-9A-F]{2}|2[a-z]{2,3}|seed:[a-z]+"
)
TAG = rf"{_BARS}|</?(?:{_NAMES})/?>|<</?SYS>>"
_BRACKETS = (
    r"\[/?(?:INST|CLS|SEP|PAD|UNK|MASK|BOS|EOS|EOT|IMG|IMG_(?:BREAK|END)|TOOL_(?:CALLS|RESULTS|CONTENT)|ARGS|"
    r"AVAILABLE_TOOLS|SYSTEM_PROMPT|THINK|PREFIX|SUFFIX|MIDDLE|[gs]MASK|unused\d{1,4}|control_\d{1,4})\]"
)
# "Question" and "Context" are not in the list, because they are also headings of pages.
_SPEAKERS = r"Human|Assistant|User|System|Instruction|Input|Response|Output"
# "### Response:" counts anywhere. "Human:" and "ASSISTANT:" count only at the beginning of a line, and "### User" only
# alone on a line.
_TURNS = (
    rf"(?i:###\s*(?:{_SPEAKERS})\s*:)|(?m:^#{{2,4}} ?(?:Human|Assistant|User|System)[ ]*$)"
    r"|(?m:^(?:Human|Assistant|USER|ASSISTANT|SYSTEM|HUMAN|GPT4? (?:Correct )?(?:User|Assistant)): )|\]~b\]|\[e~\["
)
CONTROL_STRING = rf"{TAG}|{_BRACKETS}|{_TURNS}"
# Texts are first searched for the beginnings of all patterns, which is quick. Nine in ten texts have none of them.
MAY_HOLD_CONTROL = r"[<\[\]]|#{2}|(?m:^(?:Human|Assistant|USER|ASSISTANT|SYSTEM|HUMAN|GPT))"


def count_control_strings(text: pl.Expr) -> pl.Expr:
    """Number of control strings in each text."""
    searched = pl.when(text.str.contains(MAY_HOLD_CONTROL)).then(text)
    return searched.str.count_matches(CONTROL_STRING).fill_null(0).cast(pl.Int64)
