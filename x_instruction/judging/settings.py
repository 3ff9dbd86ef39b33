"""Settings of a judge: a model at an OpenAI-compatible endpoint that compares two answers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from x_instruction.generation.settings import Endpoint
from x_instruction.models.settings import PLACEHOLDER
from x_instruction.runner.settings import NonEmpty, Positive, Section, Share

# Names of the judges that need no settings.
EVALUATOR, SIMILARITY, PEOPLE = "evaluator", "similarity", "people"
RESERVED = (EVALUATOR, SIMILARITY, PEOPLE)

QUESTION = (
    "An answer in {language} was requested.\n\n[Request]\n{instruction}\n\n[Answer 1]\n{answer_1}\n\n[Answer 2]\n"
    "{answer_2}\n\n[End of the answers]\nJudge only how correct, helpful and well written an answer is, and whether it "
    "is in {language}. Its length and its place do not count. "
)
VERDICT_PROMPT = QUESTION + "Reply with one letter: A if answer 1 is better, B if answer 2 is better, C if neither is."
# A grade is a letter, because in many vocabularies "10" is two tokens, and the first of them is "1". "A" and "I" are no
# grades, because they are words: a reply in prose may begin with one of them ("I cannot judge").
GRADES = tuple("BCDEFGHJKLM")
GRADE_PROMPT = QUESTION + (
    "Grade answer {graded} from 0 (useless) to 10 (perfect). Reply with one letter: "
    + ", ".join(f"{letter} is {grade}" for grade, letter in enumerate(GRADES))
    + "."
)
PROMPTS = {"verdict": VERDICT_PROMPT, "grade": GRADE_PROMPT}
LABELS = {"verdict": tuple("ABC"), "grade": GRADES}
PLACEHOLDERS = {
    "verdict": {"language", "instruction", "answer_1", "answer_2"},
    "grade": {"language", "instruction", "answer_1", "answer_2", "graded"},
}


class Judge(Section):
    """An entry of `eval_scores.judges`. Only `name` and `endpoint` are required; docs/evaluator.md has the defaults."""

    name: NonEmpty
    endpoint: Endpoint
    scale: Literal["verdict", "grade"] = "verdict"
    """With `verdict`, the judge chooses answer 1, answer 2 or neither. With `grade`, it grades each answer from 0 to
    10."""
    prompt: NonEmpty | None = None
    """The judge's prompt; null: the default prompt of the scale."""
    labels: Annotated[tuple[NonEmpty, ...], Field(min_length=2)] | None = None
    """The tokens whose probabilities are read from the judge's reply. `verdict` needs three (answer 1, answer 2,
    neither); `grade` needs the grades from worst to best."""
    min_label_share: Share = 0.5
    """The least sum of the labels' probabilities. With a smaller sum there is no verdict, because the judge may have
    misunderstood the task."""
    questions: Positive | None = None
    """Number of questions of a language that are judged; null: all."""

    @property
    def template(self) -> str:
        return self.prompt or PROMPTS[self.scale]

    @property
    def tokens(self) -> tuple[str, ...]:
        return self.labels or LABELS[self.scale]

    @model_validator(mode="after")
    def _usable(self) -> Judge:
        if self.name in RESERVED:
            raise ValueError(f"the name {self.name} belongs to a judge that is always there: choose another")
        if not (self.endpoint.url and self.endpoint.model):
            raise ValueError("a judge needs endpoint.url and endpoint.model")
        if self.scale == "verdict" and len(self.tokens) != 3:
            raise ValueError(f"a verdict needs three labels (answer 1, answer 2, neither), not {len(self.tokens)}")
        if len({token.strip() for token in self.tokens}) != len(self.tokens):
            raise ValueError(f"labels {list(self.tokens)} must differ from each other")
        needed, used = PLACEHOLDERS[self.scale], set(PLACEHOLDER.findall(self.template))
        if wrong := sorted(needed ^ used):
            verb = "must contain" if wrong[0] in needed else "has the unknown placeholder"
            raise ValueError(f"the prompt {verb} {{{wrong[0]}}}")
        return self
