"""The section `evaluator` of params.yaml; docs/evaluator.md explains how the evaluator works."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from x_instruction.models.settings import Training
from x_instruction.runner.settings import NonEmpty, Positive, Section, Share

Weight = Annotated[float, Field(ge=0)]


class Defects(Section):
    """How often each defect is drawn when a response of its level (flawed or worst) is made from a good response.

    A weight counts relative to the weights of the other defects of the same level. A defect of weight 0 is not taught
    but is still measured. `model_answer` and `drift` are never measured.
    """

    cut: Weight
    """The end is missing."""
    repeated: Weight
    """A sentence is repeated in place of the sentences that follow it."""
    partly_foreign: Weight
    """The text continues in another language."""
    strays: Weight
    """The text continues with the response to another instruction."""
    model_answer: Weight
    """The answer of the current response model."""
    boilerplate: Weight
    """Site notices replace some sentences. The evaluator learns half of the language's phrases and is measured on the
    other half."""
    swapped: Weight
    """The response to another instruction. The default is low because the embedded model cannot learn what fits an
    instruction: many such responses would only teach it to rate good responses lower."""
    wrong_language: Weight
    drift: Weight
    """What the base model writes after the instruction. Set it to 0 for a base model that already follows instructions.
    On the sample, AUC in the two iterations was 0.850 and 0.866 with this defect, and 0.858 and 0.848 without it."""

    @model_validator(mode="after")
    def _each_level_has_a_defect(self) -> Defects:
        flawed = (self.cut, self.repeated, self.partly_foreign, self.strays, self.model_answer, self.boilerplate)
        if not any(flawed) or not (self.swapped or self.wrong_language):
            raise ValueError(
                "each level needs a defect with a weight above 0: one of cut, repeated, partly_foreign, strays, "
                "model_answer, boilerplate, and one of swapped, wrong_language"
            )
        return self


class Evaluator(Section):
    """How the evaluator of an iteration is trained."""

    start_from: Literal["base_model", "instruction_model", "response_model"]
    rated_pairs: Positive
    """Number of rated pairs to learn from, rounded to whole passes over the good pairs. Each pass draws new defects and
    new runs of sentences."""
    whole_share: Share
    """Share of the responses that are shown whole. The other responses are shortened to a run of sentences, so that the
    model does not memorize a small number of pairs."""
    open_instructions: tuple[NonEmpty, ...]
    """Instructions that any text answers, such as `Write a text.`: their pairs do not get the defects `swapped` and
    `strays`, and their similarities and likelihoods are not used."""
    batches: Literal["by_length", "in_order"]
    """`by_length` needs less padding, but its batches have mostly one label, because cut responses are short. In the
    artificial languages of docs/evaluator.md, AUC of cut responses was 0.58 with `by_length` and 1.00 with `in_order`.
    On the sample, `by_length` was not worse, and `in_order` took 60 % more time."""
    loss_over: Literal["labels", "vocabulary"]
    """Tokens that the loss compares: only the three labels, as a rating does, or the whole vocabulary. In the
    artificial languages, AUC of swapped responses was 0.94 with `labels` and 0.50 with `vocabulary`; on the sample,
    each was better in one of two iterations."""
    defects: Defects
    temperature_scaling: bool
    """Without signals, the probabilities are scaled by a temperature if that lowers the cross-entropy of pairs on which
    it was not fitted. With signals, the regression that combines them also scales the probabilities."""
    training: Training
