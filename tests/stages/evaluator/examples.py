"""Pairs in three languages, from which several tests make defects and sets."""

from __future__ import annotations

from tests.conftest import ROOT
from x_instruction.pairs.training_pairs import Pair

PAGES = ROOT / "languages"
SENTENCES = {
    "fi": ["Leipä paistetaan uunissa.", "Se jäähtyy liinan alla!", "Sitten se syödään."],
    "hi": ["रोटी बनती है।", "वह गरम है।", "हम खाते हैं।"],
    "ur": ["روٹی پکتی ہے۔", "وہ گرم ہے۔", "ہم کھاتے ہیں۔"],
}


def sentences(language: str, number: int) -> list[str]:
    return [f"{sentence[:-1]} {number}{sentence[-1]}" for sentence in SENTENCES[language]]


def pair(language: str, number: int, instruction: str = "") -> Pair:
    response = " ".join(sentences(language, number))
    return Pair(f"{language}{number}", language, instruction or f"Instruction {number}", response, " in style")


PAIRS = [pair(language, number) for language in SENTENCES for number in range(4)]
OPEN = "Write a text."  # an instruction that any text answers
