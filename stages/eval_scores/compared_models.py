"""The compared models: where each is, what identifies it, and how it is prompted."""

from __future__ import annotations

from pathlib import Path

from stages.eval_scores.settings import ComparedModel
from x_instruction.generation.settings import TextGeneration
from x_instruction.models.model_folder import model_of
from x_instruction.models.settings import Prompts
from x_instruction.runner.errors import InputError
from x_instruction.runner.files import hash_paths
from x_instruction.runner.job import Job
from x_instruction.runner.published import read_manifest, refuse_damaged_copy

# A checkpoint's code and pickles are not downloaded, because they could run any code.
DOWNLOADED = ("*.safetensors", "*.json", "*.txt", "*.model", "*.jinja")
CHAT_PROMPT = "{instruction} Answer in {language}."


def folder_of(model: ComparedModel, job: Job) -> Path | None:
    """The folder of the model's weights; None for an endpoint. Raises InputError if the weights cannot be used."""
    if model.model is None:
        return None
    if model.artifact:
        return _finished(model_of(job.root / "data" / model.model, job.language or ""))
    path = job.root / model.model
    if path.is_dir():
        refuse_damaged_copy(path)
        return model_of(path, job.language or "")
    if model.revision is None:
        raise InputError(
            f"eval_scores.models.{model.name}: {model.model} is not a folder here; if it is a hub id, set `revision` "
            "to a commit, so that the model cannot change"
        )
    return _from_hub(model.name, model.model, model.revision)


def _finished(folder: Path) -> Path:
    if not (folder / "manifest.json").exists():
        raise InputError(f"{folder} is missing or unfinished: run its stage first (`dvc repro`)")
    return folder


def _from_hub(name: str, repository: str, revision: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(repository, revision=revision, allow_patterns=list(DOWNLOADED)))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        cause = " ".join(str(error).split())[:200]
        raise InputError(
            f"eval_scores.models.{name}: {repository} at {revision} cannot be loaded ({cause}): check its id, or run "
            "with HF_HUB_OFFLINE=0 to download it"
        ) from None


def identity(model: ComparedModel, folder: Path | None) -> str:
    """A string that changes if the model's weights or the settings of its endpoint change."""
    if folder is None:
        assert model.endpoint is not None
        return model.endpoint.key()
    if model.artifact:
        return str(read_manifest(folder)["content"])
    return model.revision or hash_paths([folder])


def prompts_of(model: ComparedModel, prompts: Prompts) -> Prompts:
    """The prompts, with the changes that the model's entry in the settings makes."""
    changed = {"write_response": model.prompt, "chat_template": model.chat_template}
    return prompts.model_copy(update={name: value for name, value in changed.items() if value is not None})


def engine_settings(model: ComparedModel, settings: TextGeneration) -> TextGeneration:
    """The engine's settings for the model. Only this pipeline's models may run at the endpoint of `text_generation`."""
    return settings.of_several if model.artifact else settings.local
