"""The planted world: texts of known content in artificial languages that a small model can learn.

Every concept has fixed facts. The instructions of a *task family* ask in English about one aspect of a concept. The
response states the five facts of that aspect in an artificial language, which has a lexicon, a word order, affixes and
a few function words. `write_world` writes files in the sample's format: web pages (good ones, and some with a defect
that was put in), English pages for the base model, seeds, evaluation prompts and the language pages. It also writes a
file that says what each web page is about, and which defect it has.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

NOUNS = """
    lantern basket hammer kettle ladder blanket pillow mirror barrel candle saddle needle bucket carpet compass
    cradle curtain drum feather fiddle flag flute fork furnace glove goblet harp helmet hinge hook jar kite knife
    lamp lock loom mask mill nail net pan pipe plough pot pump quilt raft rake ring rope sail saw scarf shield
    shovel sled spoon stool stove sword table tent torch tray trumpet vase violin wagon wheel whistle window wreath
    yoke zither bell bench boot bottle bowl box bridge broom brush button cage cart chain chair chest clock coat
    comb crown cup desk dish door fan fence lid ruler shelf spade ladle kennel locket pencil plate purse razor ribbon
    sack sickle sofa sponge spring stamp statue sweater tile towel tractor trap tub vest wallet whip wig banner barn
    bead belt bicycle binder bracelet canoe cannon carriage ceiling chisel cloak coin collar cork couch cushion dagger
    dial doll dress drawer engine file fountain frame funnel garment gate grill gun handle hammock hat hoe hose jacket
    jug keg knob lace lever magnet mallet map mat medal mop mug napkin necklace notebook
""".split()  # noqa: SIM905
# The instructions of each task family. The first two are used in seeds and English pages, the last one only in
# evaluation prompts.
FAMILIES = {
    "looks": (
        "Describe what a {} looks like.",
        "Tell me about the look of a {}.",
        "I have never seen a {}, so please say how one looks.",
    ),
    "making": (
        "Explain how a {} is made.",
        "Give me the steps for making a {}.",
        "My friend wants to build a {}, so please say how.",
    ),
    "place": (
        "Say where people keep a {} at home.",
        "In which place do you find a {}?",
        "I am looking for a {}, so please say where one is.",
    ),
    "care": (
        "Advise me on the care of a {}.",
        "How should I clean and store a {}?",
        "My old {} is dirty, so please say what to do.",
    ),
    "story": (
        "Write about the history of a {}.",
        "Who was the first to use a {}?",
        "For school I need the story of the {}, so please tell it.",
    ),
}
SENTENCES = 5  # sentences of a response, each with one fact; with fewer, base_model would skip the pages as too short
VALUES = 10  # number of values that a fact can have
DEFECTS = ("cut", "repeated", "mixed", "foreign")
STOP_WORDS = 5
LEMMAS = [
    "cookies",
    *(f"noun {noun}" for noun in NOUNS),
    *(f"verb {family} {number}" for family in FAMILIES for number in range(SENTENCES)),
    *(f"value {family} {number} {n}" for family in FAMILIES for number in range(SENTENCES) for n in range(VALUES)),
]


@dataclass(frozen=True)
class Topic:
    """What an instruction asks for: a task family and a concept."""

    family: str
    concept: str

    def instruction(self, wording: int) -> str:
        return FAMILIES[self.family][wording].format(self.concept)


@dataclass(frozen=True)
class Tongue:
    """An artificial language. `order` is the order of subject, verb and object."""

    code: str
    name: str
    order: str
    consonants: str
    vowels: str
    affixes: dict[str, str]  # those of subject (S), verb (V) and object (O); "-x" is a suffix, "x-" a prefix

    @cached_property
    def lexicon(self) -> dict[str, str]:
        """Maps every lemma to a different word of three syllables."""
        choose = random.Random(self.code)
        syllables = [consonant + vowel for consonant in self.consonants for vowel in self.vowels]
        words: dict[str, None] = {}
        while len(words) < len(LEMMAS):
            words["".join(choose.choices(syllables, k=3))] = None
        return dict(zip(LEMMAS, words, strict=True))

    @cached_property
    def stop_words(self) -> list[str]:
        """Stop words of two syllables. The words for lemmas have three syllables, so they are not stop words."""
        syllables = [consonant + vowel for consonant in self.consonants for vowel in self.vowels]
        pairs = [first + second for first in syllables for second in syllables]
        return random.Random(f"{self.code} stop words").sample(pairs, STOP_WORDS)

    def sentence(self, concept: str, verb: str, value: str) -> str:
        lemmas = {"S": f"noun {concept}", "V": verb, "O": value}
        inner = [self._affixed(self.lexicon[lemmas[role]], role) for role in self.order]
        words = [self.stop_words[0], inner[0], inner[1], self.stop_words[1 + int(value[-1]) % 2], inner[2]]
        return " ".join([*words, self.stop_words[3 + int(verb[-1]) % 2]]).capitalize() + "."

    def _affixed(self, word: str, role: str) -> str:
        affix = self.affixes[role]
        return word + affix[1:] if affix.startswith("-") else affix[:-1] + word


TONGUES = (
    Tongue("xa", "Avian", "SOV", "ptkls", "aeio", {"S": "-ka", "V": "-mo", "O": "-ti"}),
    Tongue("xb", "Borian", "VSO", "bdgrz", "auoy", {"S": "ny-", "V": "zu-", "O": "ga-"}),
    Tongue("xc", "Cetian", "OVS", "fvhnj", "iuae", {"S": "-vu", "V": "he-", "O": "-ni"}),
)


@dataclass(frozen=True)
class World:
    concepts: int = 128
    families: int = 5
    languages: int = 2
    seeds_share: float = 0.9
    defective_share: float = 0.1  # number of pages with each kind of defect, divided by the number of topics
    # 2 is the lowest random seed with which every concept occurs in an instruction of the training split. With seed 1,
    # 14 of 121 held-out instructions asked for concepts that no training pair named.
    seed: int = 2

    @property
    def tongues(self) -> tuple[Tongue, ...]:
        return TONGUES[: self.languages]

    @property
    def topics(self) -> list[Topic]:
        return [
            Topic(family, concept) for concept in NOUNS[: self.concepts] for family in list(FAMILIES)[: self.families]
        ]

    def value(self, topic: Topic, number: int) -> str:
        """The fact that sentence `number` on a topic states; it is the same in every language."""
        choose = random.Random(f"{self.seed} {topic} {number}")
        return f"value {topic.family} {number} {choose.randrange(VALUES)}"

    def facts(self, topic: Topic, tongue: Tongue) -> list[str]:
        """The words that state a topic's five facts in a response."""
        return [tongue._affixed(tongue.lexicon[self.value(topic, number)], "O") for number in range(SENTENCES)]

    def response(self, topic: Topic, tongue: Tongue, choose: random.Random) -> list[str]:
        """The sentences of a response on a topic, in random order."""
        sentences = [
            tongue.sentence(topic.concept, f"verb {topic.family} {number}", self.value(topic, number))
            for number in range(SENTENCES)
        ]
        return choose.sample(sentences, len(sentences))

    def topic_of(self, instruction: str) -> Topic | None:
        """The topic of an instruction, or None for an instruction that is not from this world."""
        return self._by_instruction.get(instruction)

    @cached_property
    def _by_instruction(self) -> dict[str, Topic]:
        return {topic.instruction(wording): topic for topic in self.topics for wording in range(3)}

    def pages(self, tongue: Tongue) -> Iterator[tuple[str, str, Topic, str]]:
        """Yields name, kind, topic and text of a language's web pages: a good page per topic, and defective pages."""
        choose = random.Random(f"pages {self.seed} {tongue.code}")
        topics = self.topics
        for topic in topics:
            yield f"{topic.family}-{topic.concept}-good", "good", topic, " ".join(self.response(topic, tongue, choose))
        for kind in DEFECTS:
            for topic in choose.sample(topics, round(self.defective_share * len(topics))):
                yield f"{topic.family}-{topic.concept}-{kind}", kind, topic, self._worse(kind, topic, tongue, choose)

    def _worse(self, kind: str, topic: Topic, tongue: Tongue, choose: random.Random) -> str:
        sentences = self.response(topic, tongue, choose)
        if kind == "cut":
            text = " ".join(sentences)
            return text[: int(len(text) * choose.uniform(0.5, 0.85))].rstrip(". ")
        if kind == "repeated":
            return " ".join([sentences[0], sentences[1], sentences[1], sentences[1]])
        if kind == "foreign":
            other = choose.choice([candidate for candidate in self.tongues if candidate is not tongue])
            return " ".join([*sentences[:2], *self.response(topic, other, choose)[:2]])
        unrelated = [item for item in self.topics if item.concept != topic.concept and item.family != topic.family]
        return " ".join([*sentences[:2], *self.response(choose.choice(unrelated), tongue, choose)[:2]])

    def seeds(self, tongue: Tongue) -> list[dict[str, str]]:
        """Seeds whose instructions are the same in every language."""
        shared = random.Random(f"seeds {self.seed}")
        choose = random.Random(f"seeds {self.seed} {tongue.code}")
        rows = []
        for topic in self.topics:
            wording, chosen = shared.randrange(2), shared.random() < self.seeds_share
            response = " ".join(self.response(topic, tongue, choose))
            if chosen:
                rows.append({"instruction": topic.instruction(wording), "response": response})
        return rows

    def english_pages(self) -> Iterator[str]:
        choose = random.Random(f"english {self.seed}")
        instructions = [topic.instruction(wording) for topic in self.topics for wording in range(2)]
        choose.shuffle(instructions)
        for start in range(0, len(instructions), 10):
            yield " ".join(instructions[start : start + 10])

    def prompts(self, number: int) -> list[str]:
        topics = random.Random(f"prompts {self.seed}").sample(self.topics, number)
        return [topic.instruction(2) for topic in topics]


def write_world(world: World, folder: Path, languages: Path) -> None:
    """Writes the world to `folder` in the layout of data/sample, and its language pages to `languages`."""
    truth = []
    for number, text in enumerate(world.english_pages()):
        _write(folder / "web" / "en" / f"page-{number:03d}.html", _html("English", text))
    for tongue in world.tongues:
        for name, kind, topic, text in world.pages(tongue):
            page = f"{tongue.code}/{name}.html"
            _write(folder / "web" / page, _html(tongue.name, text))
            truth.append({"page": page, "kind": kind, "family": topic.family, "concept": topic.concept})
        _write(folder / "seeds" / f"{tongue.code}.jsonl", _lines(world.seeds(tongue)))
        _write(languages / f"{tongue.code}.yaml", _settings_file(tongue))
    _write(languages / "names.yaml", "".join(f"{tongue.code}: {tongue.name}\n" for tongue in world.tongues))
    _write(folder / "truth.jsonl", _lines(truth))
    _write(folder / "eval_prompts.jsonl", _lines([{"prompt": prompt} for prompt in world.prompts(10)]))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _lines(rows: list[dict[str, str]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _html(title: str, text: str) -> str:
    head = f'<head><meta charset="utf-8"><title>{title}</title></head>'
    nav = '<nav><ul><li><a href="/">Home</a></li><li><a href="/all">All</a></li></ul></nav>'
    main = f"<main><article><p>{text}</p>\n</article></main>"  # no heading, because it would name the topic
    foot = '<footer><a href="/terms">Terms</a></footer>'
    return f"<!DOCTYPE html>\n<html>{head}\n<body>{nav}\n{main}\n{foot}</body></html>\n"


def _settings_file(tongue: Tongue) -> str:
    return f"""# {tongue.name}, an artificial language.
script: Latin
identified_by: stop_words
min_language_score: 0.2 # half of the words of a sentence are function words
neighbours: {{}}
words: spaces
sentence_ends: ".!?…"
countries: []
min_mean_word_length: 2
max_mean_word_length: 14
# These rules are off, since the evaluator must find the pages that are cut or repeat sentences.
min_closed_lines_share: 0
max_duplicate_lines_share: 1
max_newlines_per_word: 1
max_top_ngram_share: {{2: 1, 3: 1, 4: 1}}
max_duplicate_ngrams_share: {{5: 1, 6: 1, 7: 1, 8: 1, 9: 1, 10: 1}}
min_alphabetic_words_share: 0.7
stop_words: {json.dumps(tongue.stop_words)}
boilerplate: ["{tongue.lexicon["cookies"]}"]
"""
