"""English responses put into a language: by a sequence-to-sequence checkpoint, or by an endpoint.

A seed made so is marked, since what translations teach is to be told from what native text does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

from stages.seed_pairs.settings import Translation
from x_instruction.generation.endpoint_client import EndpointClient
from x_instruction.runner.errors import InputError

# Translation models are made for sentences, and lose or repeat parts of longer texts.
SENTENCE = re.compile(r"\S.*?(?:[.!?…][\"'”’)]*(?=\s|$)|$)", re.MULTILINE)


class Translator(Protocol):
    name: str

    def translate(self, texts: Sequence[str]) -> list[str]:
        """Each English text in the language, in order; "" for one that was cut off."""
        ...


def translator(settings: Translation, code: str, name: str, root: Path) -> Translator:
    """The translator into a language, given by its code and English name."""
    if settings.checkpoint:
        return Seq2SeqTranslator(settings, code, name, root)
    return EndpointTranslator(settings, name)


class Seq2SeqTranslator:
    """A checkpoint such as Marian, NLLB, M2M100 or T5, by beam search, sentence by sentence."""

    def __init__(self, settings: Translation, language: str, language_name: str, root: Path) -> None:
        checkpoint = (settings.checkpoint or "").format(language=language)
        self.name = checkpoint if settings.revision is None else f"{checkpoint}@{settings.revision}"
        self.settings, self.language, self.language_name = settings, language, language_name
        folder = root / checkpoint
        if not folder.is_dir() and settings.revision is None:
            raise InputError(
                f"seed_pairs.translation.checkpoint: {folder} is no folder; for a hub id set translation.revision"
            )
        self.model, self.tokenizer = _loaded(str(folder if folder.is_dir() else checkpoint), settings.revision)
        if settings.source_code:
            self.tokenizer.src_lang = settings.source_code

    def translate(self, texts: Sequence[str]) -> list[str]:
        lines = [text.split("\n") for text in texts]
        sentences = [match.strip() for text in lines for line in text for match in SENTENCE.findall(line)]
        done = iter(self._sentences(sentences))
        made = [[[next(done) for _ in SENTENCE.findall(line)] for line in text] for text in lines]
        return ["" if _cut_off(text) else "\n".join(" ".join(filter(None, line)) for line in text) for text in made]

    def _sentences(self, sentences: list[str]) -> list[str | None]:
        """Translations in order, made in batches of like length."""
        order = sorted(range(len(sentences)), key=lambda number: (-len(sentences[number]), number))
        made: dict[int, str | None] = {}
        for start in range(0, len(order), self.settings.batch_size):
            batch = order[start : start + self.settings.batch_size]
            made.update(zip(batch, self._batch([sentences[number] for number in batch]), strict=True))
        return [made[number] for number in range(len(sentences))]

    def _batch(self, sentences: list[str]) -> list[str | None]:
        """None for a sentence longer than `max_tokens`, or whose translation is."""
        import torch

        prefix = self.settings.prefix.format(language=self.language_name, code=self.language)
        inputs = self.tokenizer(
            [prefix + sentence for sentence in sentences],
            return_tensors="pt",
            padding=True,
            truncation=True,
            max_length=self.settings.max_tokens,
            # A sentence that holds "</s>" holds four characters.
            split_special_tokens=True,
        ).to(self.model.device)
        inputs.pop("token_type_ids", None)
        with torch.inference_mode():
            output = self.model.generate(
                **inputs,
                num_beams=self.settings.beams,
                do_sample=False,
                max_new_tokens=self.settings.max_tokens,
                **self._forced(),
            )
        texts = self.tokenizer.batch_decode(output, skip_special_tokens=True)
        read = inputs["attention_mask"].sum(dim=1) < self.settings.max_tokens
        # The first token starts the decoder, in some models with the one that ends a text; some, as Marian, are made to
        # say it in the last place there is.
        ended = (output[:, 1 : self.settings.max_tokens] == self.tokenizer.eos_token_id).any(dim=1)
        return [text.strip() if whole else None for text, whole in zip(texts, (read & ended).tolist(), strict=True)]

    def _forced(self) -> dict[str, int]:
        """The first token of a translation, where a model for many languages takes the language from it."""
        code = self.settings.language_codes.get(self.language)
        if code is None:
            return {}
        token = self.tokenizer.convert_tokens_to_ids(code)
        if token in (None, self.tokenizer.unk_token_id):
            raise InputError(
                f"seed_pairs.translation.language_codes.{self.language}: {self.name} does not know '{code}'"
            )
        return {"forced_bos_token_id": int(token)}


def _cut_off(text: list[list[str | None]]) -> bool:
    return any(sentence is None for line in text for sentence in line)


def _loaded(checkpoint: str, revision: str | None) -> tuple[Any, Any]:
    """Model and tokenizer. Raises InputError when the checkpoint is no sequence-to-sequence model in safetensors."""
    import torch
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(checkpoint, revision=revision, trust_remote_code=False)
        model = AutoModelForSeq2SeqLM.from_pretrained(
            checkpoint, revision=revision, use_safetensors=True, trust_remote_code=False
        )
    except (OSError, ValueError, KeyError) as error:
        said = " ".join(str(error).split())[:200]
        raise InputError(
            f"seed_pairs.translation.checkpoint: {checkpoint} is no usable translation model: {said}"
        ) from None
    return model.eval().to("cuda" if torch.cuda.is_available() else "cpu"), tokenizer


class EndpointTranslator:
    """A chat model behind an OpenAI-compatible endpoint, asked for each text as a whole, at temperature 0."""

    def __init__(self, settings: Translation, language_name: str) -> None:
        self.name = settings.endpoint.model or ""
        self.settings, self.language_name = settings, language_name
        self.client = EndpointClient(settings.endpoint)

    def translate(self, texts: Sequence[str]) -> list[str]:
        with ThreadPoolExecutor(self.settings.endpoint.concurrency) as pool:
            return list(self._in_order(pool, texts))

    def _in_order(self, pool: ThreadPoolExecutor, texts: Sequence[str]) -> Iterator[str]:
        try:
            yield from pool.map(self._one, texts)
        except InputError:
            pool.shutdown(cancel_futures=True)
            raise

    def _one(self, text: str) -> str:
        before, _, after = self.settings.prompt.replace("{language}", self.language_name).partition("{text}")
        choice = self.client.chat(
            f"{before}{text}{after}", temperature=0.0, max_tokens=self.settings.max_tokens, seed=0
        )
        # What was cut off at the length is no translation; the checks on length would not always see it.
        return "" if choice.finish_reason == "length" else (choice.message.content or "").strip()
