"""The kind of task that an instruction sets, as a verb and a noun: "Write a short letter to …" is (write, letter).

Self-Instruct (Wang et al., ACL 2023) takes the root verb and its direct object from a parser, for which a model must be
downloaded. Here the position of the words decides:

1. Before the task, numbers of a list, polite words ("Please", "Can you", "I want you to") and a phrase that begins with
   a preposition and ends with a comma ("In two sentences, …") are skipped.
2. The verb is the first word. For a question it is the question word ("how", "what"), or "is" or "do" if the answer is
   yes or no.
3. The noun is the last word of the noun phrase, because an English noun phrase ends with its head: "Give me three quick
   tips for …" is (give, tip). A clause or a punctuation mark ends the phrase, and so does a preposition, a conjunction
   or a word ending in -ing that follows a noun. A plural becomes a singular.
4. If there is no noun before a word that opens a clause, that word is the noun: "Explain why …" is (explain, why).
   If there is neither, the noun is empty.

For a question, the rules often return its last verb in place of the noun: "cooked" for "How is rice cooked?". So the
result serves to compare draws, but is often wrong for a single instruction.
"""

from __future__ import annotations

import re

import polars as pl


def words_of(text: str) -> frozenset[str]:
    return frozenset(text.split())


NUMBER = re.compile(r"^(?:(?:\d+|[a-z])[.)]|[-*•])\s+")
OPENING = re.compile(
    r"^(?:after|as|at|based on|before|during|for|from|given|in|on|using|with|within|without)\s[^,.:;?!]{1,80},\s+"
)
POLITE = re.compile(
    r"^(?:(?:please|kindly|now|hi|hello|dear \w+|(?:can|could|would|will) you(?: please)?|i (?:want|need|would like)"
    r"(?: you)? to|i'd like(?: you)? to|your task is to|try to|help me(?: to)?|let'?s)[,:]?\s+)+"
)
WORD = re.compile(r"[a-z]+(?:['’-][a-z]+)*|[^\sa-z\d]")
YES_OR_NO = {
    **dict.fromkeys(("is", "are", "was", "were", "has", "have", "had"), "is"),
    **dict.fromkeys(("do", "does", "did", "can", "could", "should", "would", "will", "may", "must"), "do"),
}
QUESTIONS = frozenset({"what", "which", "who", "whose", "when", "where", "why", "how"})
# Words that may come between a question word and its noun phrase.
SKIPPED = frozenset({*YES_OR_NO, "be", "been", "s", "many", "much", "some", "any"})
CLAUSE = frozenset({*QUESTIONS, "whether", "if", "that"})
ENDS = words_of(
    "about above across after against along among and around as at because before behind below beside besides between "
    "beyond but by called despite down during except for from in inside into like near of off on onto or out outside "
    "over past regarding since so than through throughout till to toward towards under until up upon using via while "
    "with within without"
)
# Articles, pronouns, adverbs and other function words, which are never taken for the noun.
EMPTY = words_of(
    "a an the this that these those my your his her its our their me you him us them i we they he she it there not no "
    "briefly shortly please also then each every all both few several more most"
)
UNCHANGED = ("ss", "us", "is")  # a noun with one of these endings is not taken for a plural


def task_types(instructions: pl.Series) -> pl.DataFrame:
    """A row with `verb` and `noun` for each instruction; a word that is missing is ""."""
    return pl.DataFrame([parsed(text) for text in instructions], schema=["verb", "noun"], orient="row")


def parsed(instruction: str) -> tuple[str, str]:
    """Verb and noun of one instruction."""
    task = instruction.lower().strip()
    for skipped in (NUMBER, POLITE, OPENING, POLITE):
        task = skipped.sub("", task)
    words = WORD.findall(task)
    words = [word for word in words if word not in ('"', "“", "”", "«", "»")]
    if not words or not words[0][0].isalpha():
        return "", ""
    first = re.sub(r"['’](?:s|re)$", "", words[0])
    verb = YES_OR_NO.get(first, first)
    noun, end = _head(words[1:], question=first in QUESTIONS or first in YES_OR_NO)
    return verb, noun or (end if end in CLAUSE else "")


def _head(words: list[str], question: bool) -> tuple[str, str]:
    """The last word of the noun phrase, and the word that ended the phrase."""
    noun = ""
    for word in words:
        if word in ENDS or word in CLAUSE or not word[0].isalpha():
            if noun or word in CLAUSE or word not in ENDS:
                return noun, word
            continue  # "Write about rain": the phrase follows the preposition
        if noun and word.endswith("ing"):  # "a letter asking for …": "asking" ends the phrase
            return noun, word
        if word not in EMPTY and not (question and word in SKIPPED):
            noun = _singular(word)
    return noun, ""


def _singular(noun: str) -> str:
    plain = re.sub(r"['’]s?$", "", noun)
    if plain.endswith("ies") and len(plain) > 4:
        return f"{plain[:-3]}y"
    return plain if len(plain) < 4 or not plain.endswith("s") or plain.endswith(UNCHANGED) else plain[:-1]
