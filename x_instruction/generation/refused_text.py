"""Finds model outputs without a usable answer: a refusal, or several versions to choose from.

The patterns are our own. REFUSAL_PATTERN works in polars and in `re`.
"""

from __future__ import annotations

import re

# After "I cannot", the pattern requires a word for the refused task, such as "help" or "translate", because the
# instruction "I cannot sleep, what helps?" is not a refusal.
REFUSAL_PATTERN = (
    r"(?i)^(?:(?:i'?m|i am) (?:very |so )?sorry\b.{0,20}\b(?:i|but|as)\b|sorry,? (?:but )?i\b|unfortunately,? i\b"
    r"|(?:i apologi[sz]e|(?:my )?apologies)\b.{0,20}\b(?:i|but|as|for)\b[^?]*$|as an ai\b"
    r"|(?:i (?:cannot|can't|can not|won't|am unable to|am not able to|do not have enough|don't have enough)"
    r"|i'm (?:unable|not able) to)"
    r" (?:help|assist|provide|write|generate|create|answer|comply|fulfil+|produce|give|complete|information|context"
    r"|translate|rewrite)"
    r"|i (?:do not|don't|cannot|can't) understand (?:the|this|that) (?:text|language)\b"
    r"(?:[.,]? (?:so|and|but)\b[^?]*|\W*)$)"
    r"|\b(?:as an|i am an|i'm an) ai (?:language model|model|assistant)\b(?: *[,.;:]|,? (?:i|and|that|who)\b)"
    r"|\bas an ai language model\b|^as a (?:large )?language model\b|, as a (?:large )?language model,"
)
APOSTROPHES = r"[’ʼ`´]"


def is_refusal(text: str) -> bool:
    """Whether REFUSAL_PATTERN finds a refusal in the text. The characters of APOSTROPHES are read as '."""
    return re.search(REFUSAL_PATTERN, re.sub(APOSTROPHES, "'", text)) is not None


# A text has several versions in four cases:
# - Lines begin with the same word before 1 and 2, each followed by punctuation ("Option 1: … Option 2: …").
# - Lines begin with "option", "version", "alternative", "variant" or "translation" before "A" or "one", and then with
#   one of these words before "B" or "two" ("Option A … Option B", "Option one … Version two").
# - A line begins with a word such as "formal" or "literal", and a later line with one such as "casual" or "natural".
# - A line has only the word "or" or "alternatively".
VERSIONS = re.compile(
    r"(?ims)^[\W_]*(\w+) ?#?1[\W_]*[:.)\-–—].*^[\W_]*\1 ?#?2[\W_]*[:.)\-–—]"
    r"|^[\W_]*(?:option|version|alternative|variant|translation) (?:a|one)\b.*"
    r"^[\W_]*(?:option|version|alternative|variant|translation) (?:b|two)\b"
    r"|^[\W_]*(?:more )?(?:formal|literal|polite)(?: \w+)?[\W_]*[:：].*"
    r"^[\W_]*(?:more )?(?:informal|casual|natural|colloquial|idiomatic)(?: \w+)?[\W_]*[:：]"
    r"|^[ \t*_(]*(?:or|alternatively)[:,*_) \t]*$"
)
