"""Special tokens of published tokenizers and headers of chat turns are counted, but HTML and code are not."""

import re

import polars as pl
import pytest

from x_instruction.cleaning.control_strings import count_control_strings

KNOWN = re.findall(
    r"\S+",
    """
    <s> </s> <pad> <unk> <bos> <eos> <mask> <|endoftext|> <|im_start|> <|im_end|> <|im_sep|> <|begin_of_text|>
    <|eot_id|> <|start_header_id|> <|python_tag|> <|reserved_special_token_12|> [INST] [/INST] <<SYS>> <</SYS>>
    [TOOL_CALLS] [AVAILABLE_TOOLS] [/AVAILABLE_TOOLS] [SYSTEM_PROMPT] [IMG] <start_of_turn> <end_of_turn>
    <start_of_image> <unused42> <tool_call> </tool_call> <think> </think> <|fim_prefix|> <fim_prefix> <file_sep>
    <repo_name> <gh_stars> <jupyter_start> <commit_before> <empty_output> <｜begin▁of▁sentence｜> <｜User｜> [gMASK]
    <sop> <eop> <|user|> <|assistant|> <|START_OF_TURN_TOKEN|> <BOS_TOKEN> <EOS_TOKEN> <extra_id_0> <reserved_106>
    <0x0A> [CLS] [SEP] [MASK] [PAD] [UNK] [unused1] <2fi> <|channel|> <end_of_utterance> <eoh> <TOKENS_UNUSED_1>
    <seed:bos> ]~b] <|turn> <turn|> <|instruction|> <image> [control_7] <ctrl99> <function=get>
    """,
)
TURNS = ["### Response:", "###Human:", "### input :", "## Assistant\nHei", "Human: hei", "Hei\nASSISTANT: hei"]
OTHERS = [
    *("<b>lihava</b> <p> <code> <video>", "x < y | z > w", "List<String>", "[Linkki](sivu) [1]", "## Vastaus"),
    *("## Instructions:\n1. Mix", "### Instructions:", "### Question: why?", "## Context:"),
    *("a<b|c>d", "Assistant professor", "<script>"),
]


def count(text: str) -> int:
    return int(pl.DataFrame({"text": [text]}).select(count_control_strings(pl.col("text"))).item())


@pytest.mark.parametrize("text", KNOWN + TURNS)
def test_a_control_string_is_counted_once(text: str) -> None:
    assert count(text) == 1


@pytest.mark.parametrize("text", OTHERS)
def test_markup_and_code_are_not_counted(text: str) -> None:
    assert count(text) == 0
