"""Words the value of a filter rule so that it is true whether or not the text broke the rule.

A rule of filtered_text words its value for a dropped text: "12 words < 40". For a kept text, this would be a false
statement ("72 words < 40"), so an explanation says "72 words (dropped if below 40)".
"""

from __future__ import annotations

import re

from stages.filtered_text.rules.lines import MIN_TEASERS
from stages.filtered_text.settings import FilteredText
from x_instruction.language.settings import LanguageSettings

# The values of these rules quote the page, and "> 5" in a quotation is not a limit.
QUOTING = ("blocked_site", "placeholder", "fragment", "private_data", "evaluation_overlap")
LIMIT = re.compile(r" ([<>]) ([\d.e-]+%?(?: per sentence)?)(?=;|$)")
SIDES = {"<": "below", ">": "above"}
RANGE = re.compile(r", not (\S+ to \S+)$")
TEASERS = re.compile(r", (more than once in \d+ words)$")
IN_SCRIPT, FOREIGN = re.compile(r"(% of letters in \w+ script)"), re.compile(r"(% of letters not in \w+)")


def with_limits(rule: str, value: str, settings: FilteredText, language: LanguageSettings) -> str:
    """The value of a rule, with "(dropped if …)" after each figure that has a limit."""
    if rule in QUOTING:
        return value
    more = _other_conditions(settings).get(rule, "")
    value = LIMIT.sub(lambda found: f" (dropped if {SIDES[found[1]]} {found[2]}{more})", value)
    value = RANGE.sub(r" (dropped if not \1)", value)
    value = TEASERS.sub(rf" (dropped if at least {MIN_TEASERS} times and \1)", value)
    value = IN_SCRIPT.sub(rf"\1 (dropped if below {language.min_script_share:.0%})", value)
    return FOREIGN.sub(rf"\1 (dropped if above {language.max_foreign_letters_share:.0%})", value)


def _other_conditions(settings: FilteredText) -> dict[str, str]:
    """What must also be true for a text over the limit to be dropped, for the rules that have two conditions."""
    phrases, topic = settings.min_boilerplate_phrases, settings.max_topic_share
    return {
        "boilerplate": f" with at least {phrases} different phrases, or above {topic:.0%}",
        "titles": f" with at least {settings.min_title_lines} lines",
    }


def nothing_found(settings: FilteredText, evaluations: str) -> dict[str, str]:
    """What the rules that search for something show if they find nothing.

    `evaluations` is the name of the setting that lists the evaluation sets.
    """
    placeholder = f"0 placeholders (dropped if any in less than {settings.max_placeholder_characters} characters)"
    shared = f"0 runs of {settings.decontamination_ngram} words shared with evaluation prompts (dropped if any)"
    return {
        "blocked_site": "not a blocked site" if settings.blocked_sites else "no site is blocked (blocked_sites: null)",
        "placeholder": placeholder,
        "listed_words": "no word is listed for the language",
        "fragment": "no incomplete sentence at its ends",
        "private_data": "0 addresses or numbers are left after masking (dropped if any)",
        "evaluation_overlap": shared if settings.decontaminate_against else f"no file is set ({evaluations})",
    }
