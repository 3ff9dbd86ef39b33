"""Translates English responses with a sequence-to-sequence checkpoint or an endpoint.

Translated seeds are marked, so that their effect can be compared with that of native seeds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

from stages.seed_pairs.settings import Translation
from x_instruction.generation.endpoint_client import EndpointClient
from x_instruction.generation.returned_text import Returned, Wanted, usable
from x_instruction.language.sentences import sentence_end
from x_instruction.runner.errors import InputError

# Most translation models are trained on sentences, and may omit or repeat parts of longer texts.
SENTENCE = re.compile(r"\S.*?(?:" + sentence_end(".!?…", space=r"(?=\s)") + "|$)", re.MULTILINE)


class Translator(Protocol):
    name: str

    def translate(self, texts: Sequence[str]) -> list[Returned]:
        """The translation of each English text, in order, or the reason why it has none."""
        ...


def translator(settings: Translation, code: str, name: str, root: Path) -> Translator:
    """The translator into a language, which is given by its code and its English name."""
    if settings.checkpoint:
        return Seq2SeqTranslator(settings, code, name, root)
    return EndpointTranslator(settings, name)


class Seq2SeqTranslator:
    """A checkpoint such as Marian, NLLB, M2M100 or T5. It translates each sentence by beam search."""

    def __init__(self, settings: Translation, language: str, language_name: str, root: Path) -> None:
        checkpoint = settings.checkpoint_for(language)
        self.name = checkpoint if settings.revision is None else f"{checkpoint}@{settings.revision}"
        self.settings, self.language, self.language_name = settings, language, language_name
        folder = root / checkpoint
        if not folder.is_dir() and settings.revision is None:
            raise InputError(
                f"seed_pairs.translation.checkpoint: {folder} is not a folder; for a hub id, set translation.revision"
            )
        self.model, self.tokenizer = _loaded(str(folder if folder.is_dir() else checkpoint), settings.revision)
        if settings.source_code:
            self.tokenizer.src_lang = settings.source_code

    def translate(self, texts: Sequence[str]) -> list[Returned]:
        lines = [text.split("\n") for text in texts]
        sentences = [match.strip() for text in lines for line in text for match in SENTENCE.findall(line)]
        translations = iter(self._sentences(sentences))
        translated = [[[next(translations) for _ in SENTENCE.findall(line)] for line in text] for text in lines]
        return [_translation(text) for text in translated]

    def _sentences(self, sentences: list[str]) -> list[str | None]:
        """Translations in the order of the sentences. Sentences of similar length share a batch."""
        order = sorted(range(len(sentences)), key=lambda number: (-len(sentences[number]), number))
        translations: dict[int, str | None] = {}
        for start in range(0, len(order), self.settings.batch_size):
            batch = order[start : start + self.settings.batch_size]
            translations.update(zip(batch, self._batch([sentences[number] for number in batch]), strict=True))
        return [translations[number] for number in range(len(sentences))]

    def _batch(self, sentences: list[str]) -> list[str | None]:
        """Translations of a batch; None if the sentence (with its prefix) or its translation reaches `max_tokens`."""
        import torch

        inputs = self._encoded(sentences)
        with torch.inference_mode():
            output = self.model.generate(
                **inputs,
                num_beams=self.settings.beams,
                do_sample=False,
                max_new_tokens=self.settings.max_tokens,
                **self._forced(),
            )
        complete = (inputs["attention_mask"].sum(dim=1) < self.settings.max_tokens) & self._ended(output)
        texts = self.tokenizer.batch_decode(output, skip_special_tokens=True)
        return [text.strip() if whole else None for text, whole in zip(texts, complete.tolist(), strict=True)]

    def _encoded(self, sentences: list[str]) -> Any:
        prefix = self.settings.prefix.replace("{language}", self.language_name).replace("{code}", self.language)
        inputs = self.tokenizer(
            [prefix + sentence for sentence in sentences],
            return_tensors="pt",
            padding=True,
            truncation=True,
            max_length=self.settings.max_tokens,
            # "</s>" in a sentence is four characters of text, not the token that ends a sentence.
            split_special_tokens=True,
        ).to(self.model.device)
        inputs.pop("token_type_ids", None)
        return inputs

    def _ended(self, output: Any) -> Any:
        """Whether each translation has an EOS token that the model chose.

        The first token does not count, because some models start with the EOS token. The last possible token does not
        count either, because some models, such as Marian, are forced to end there.
        """
        return (output[:, 1 : self.settings.max_tokens] == self.tokenizer.eos_token_id).any(dim=1)

    def _forced(self) -> dict[str, int]:
        """The argument of `generate` that sets the first token, from which a multilingual model takes the language."""
        code = self.settings.language_codes.get(self.language)
        if code is None:
            return {}
        token = self.tokenizer.convert_tokens_to_ids(code)
        if token in (None, self.tokenizer.unk_token_id):
            raise InputError(
                f"seed_pairs.translation.language_codes.{self.language}: {self.name} does not know '{code}'"
            )
        return {"forced_bos_token_id": int(token)}


def _translation(text: list[list[str | None]]) -> Returned:
    """Joins translated sentences into the lines of a text.

    The text is refused if a sentence was cut off, or if the translation is empty.
    """
    if any(sentence is None for line in text for sentence in line):
        return Returned("", refused="unfinished")
    joined = "\n".join(" ".join(filter(None, line)) for line in text)
    return Returned(joined, refused="" if joined.strip() else "empty")


def _loaded(checkpoint: str, revision: str | None) -> tuple[Any, Any]:
    """Model and tokenizer.

    Raises InputError if the checkpoint cannot be loaded as a sequence-to-sequence model in safetensors.
    """
    import torch
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(checkpoint, revision=revision, trust_remote_code=False)
        model = AutoModelForSeq2SeqLM.from_pretrained(
            checkpoint,
            revision=revision,
            use_safetensors=True,
            trust_remote_code=False,
            # On a GPU, the checkpoint's data type is used. On a CPU, types other than float32 are slow, and float16
            # overflows in T5.
            dtype="auto" if torch.cuda.is_available() else "float32",
        )
    except (OSError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"seed_pairs.translation.checkpoint: {checkpoint} is not a usable translation model: {reason}"
        ) from None
    return model.eval().to("cuda" if torch.cuda.is_available() else "cpu"), tokenizer


class EndpointTranslator:
    """A chat model behind an OpenAI-compatible endpoint. It translates each text as a whole, at temperature 0."""

    def __init__(self, settings: Translation, language_name: str) -> None:
        self.name = settings.endpoint.model or ""
        self.settings, self.language_name = settings, language_name
        self.client = EndpointClient(settings.endpoint)

    def translate(self, texts: Sequence[str]) -> list[Returned]:
        with ThreadPoolExecutor(self.settings.endpoint.concurrency) as pool:
            return list(self._in_order(pool, texts))

    def _in_order(self, pool: ThreadPoolExecutor, texts: Sequence[str]) -> Iterator[Returned]:
        try:
            yield from pool.map(self._translated, texts)
        except InputError:
            pool.shutdown(cancel_futures=True)
            raise

    def _translated(self, text: str) -> Returned:
        before, _, after = self.settings.prompt.replace("{language}", self.language_name).partition("{text}")
        choice = self.client.chat(
            f"{before}{text}{after}", temperature=0.0, max_tokens=self.settings.max_tokens, seed=0
        )
        wanted = Wanted("translation", text, self.language_name)
        # Translations that were cut off at max_tokens are refused here, because `max_length_ratio` does not notice
        # all of them.
        return usable(choice.message.content, wanted, finished=choice.finish_reason != "length")
