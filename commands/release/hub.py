"""Uploads the released set to the Hugging Face hub as one commit, so that nobody ever loads half of it.

`HfApi.upload_folder` makes several commits of a large folder; `create_commit` makes one.
"""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path

import httpx2
from huggingface_hub import CommitOperationAdd, CommitOperationCopy, CommitOperationDelete, HfApi
from huggingface_hub.errors import HfHubHTTPError, HFValidationError

from commands.release.finished_set import files_of
from x_instruction.runner.errors import InputError

OURS = ("*/train-*.parquet", "croissant.json")  # old files of this kind are deleted from the hub
DATASET = "dataset"
REFUSED = {
    401: "the token of HF_TOKEN is not valid",
    403: "the token of HF_TOKEN may not write there",
    404: "it does not exist, or the token of HF_TOKEN does not see it",
}


def upload(folder: Path, name: str, token: str, private: bool) -> str:
    """Uploads the files of `folder` to the dataset `name` (owner/set). Returns the address of the commit.

    `private` applies to a new dataset; an existing dataset stays as it is. Raises InputError if the hub refuses the
    release or cannot be reached.
    """
    if name.count("/") != 1:
        raise InputError(f"{name!r} is not the name of a dataset of the hub: give OWNER/NAME")
    api = HfApi(token=token)
    try:
        api.create_repo(name, repo_type=DATASET, private=private, exist_ok=True)
        files = files_of(folder)
        earlier = api.list_repo_files(name, repo_type=DATASET)
        gone = [path for path in earlier if path not in files and any(fnmatch(path, kind) for kind in OURS)]
        operations: list[CommitOperationAdd | CommitOperationCopy | CommitOperationDelete] = [
            *(CommitOperationDelete(path) for path in gone),
            *(CommitOperationAdd(path, file) for path, file in files.items()),
        ]
        made = api.create_commit(name, operations, commit_message="Release", repo_type=DATASET)
    except HFValidationError as error:
        raise InputError(f"{name!r} is not a valid name for a dataset of the hub: {_line(error)}") from None
    except HfHubHTTPError as error:
        status = error.response.status_code
        why = REFUSED.get(status, f"it answered {status}: {_line(error.server_message or error)}")
        raise InputError(f"the hub at {api.endpoint} refused the release as {name}: {why}; nothing changed") from None
    except (httpx2.TransportError, OSError) as error:
        raise InputError(f"the hub at {api.endpoint} cannot be reached: {_line(error)}; nothing changed") from None
    return str(made.commit_url)


def _line(error: object) -> str:
    return " ".join(str(error).split())
