"""Uploads a release to the Hugging Face hub as one commit, so that nobody loads a release that is half uploaded.

`HfApi.upload_folder` makes several commits of a large folder; `create_commit` makes one. Large files are stored on the
hub before the commit, where nobody sees them until the commit names them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx2
from huggingface_hub import CommitOperationAdd, CommitOperationCopy, CommitOperationDelete, HfApi
from huggingface_hub.errors import HfHubHTTPError, HFValidationError
from huggingface_hub.hf_api import RepoFile

from commands.release.released import CARD, Release
from x_instruction.runner.errors import InputError

REFUSED = {
    401: "the token of HF_TOKEN is not valid",
    403: "the token of HF_TOKEN may not write there",
    404: "it does not exist, or the token of HF_TOKEN does not see it",
}
SERVER_ERROR = 500  # from this status on, it is unknown whether the request was carried out
NOTHING_CHANGED = "nothing changed"


@dataclass
class Upload:
    """One upload. `changed` says what it has changed on the hub so far; `sent` is true while a commit has no answer."""

    api: HfApi
    release: Release
    name: str
    private: bool
    changed: str = NOTHING_CHANGED
    sent: bool = False

    def run(self) -> str:
        """Uploads the release and returns the commit's address.

        Raises InputError if the upload fails. If something may have changed on the hub, the error says what.
        """
        with self._in_one_sentence():
            self._create()
            files = [
                CommitOperationAdd(path, source if isinstance(source, bytes) else str(source))
                for path, source in self.release.files.items()
            ]
            gone = [CommitOperationDelete(path) for path in self._stored() if self._is_old(path)]
            self.api.preupload_lfs_files(self.name, files, repo_type=self.release.kind, free_memory=False)
            address = self._commit([*gone, *files])
            self._refuse_incomplete(files)
        return address

    def _create(self) -> None:
        """Creates the repository unless it exists. An existing repository keeps its visibility."""
        exists = self.api.repo_exists(self.name, repo_type=self.release.kind)
        self.api.create_repo(self.name, repo_type=self.release.kind, private=self.private, exist_ok=True)
        if not exists:
            self.changed = f"the {self.release.kind} was created and is empty"

    def _stored(self) -> dict[str, int]:
        """Maps the path of each file in the repository to its size in bytes."""
        found = self.api.list_repo_tree(self.name, recursive=True, repo_type=self.release.kind)
        return {file.path: file.size for file in found if isinstance(file, RepoFile)}

    def _is_old(self, path: str) -> bool:
        return path not in self.release.files and self.release.is_replaced(path)

    def _commit(self, operations: list[CommitOperationAdd | CommitOperationCopy | CommitOperationDelete]) -> str:
        self.sent = True
        made = self.api.create_commit(self.name, operations, commit_message="Release", repo_type=self.release.kind)
        self.sent, self.changed = False, "the commit was made"
        return str(made.commit_url)

    def _refuse_incomplete(self, files: list[CommitOperationAdd]) -> None:
        """Raises InputError if the commit lacks a file. For example, a .gitignore leaves files out without an error."""
        stored = self._stored()
        missing = [file.path_in_repo for file in files if stored.get(file.path_in_repo) != file.upload_info.size]
        if missing:
            raise InputError(
                f"the {self.release.kind} {self.name} is incomplete: the hub left {missing[0]} out of the commit; "
                "check the .gitignore of the repository, then release again"
            )

    @contextmanager
    def _in_one_sentence(self) -> Iterator[None]:
        hub, what = f"the hub at {self.api.endpoint}", f"the release as {self.name}"
        try:
            yield
        except HFValidationError as error:
            kind = self.release.kind
            raise InputError(f"{self.name!r} is not a valid name for a {kind} of the hub: {_line(error)}") from None
        except HfHubHTTPError as error:
            status = error.response.status_code
            self.sent = self.sent and status >= SERVER_ERROR
            why = REFUSED.get(status, f"it answered {status}: {_line(error.server_message or error)}")
            raise InputError(f"{hub} refused {what}: {why}; {self._state()}") from None
        except (httpx2.TransportError, OSError) as error:
            raise InputError(f"{hub} cannot be reached: {_line(error)}; {self._state()}") from None
        except RuntimeError as error:  # how the library reports a file that was not stored
            why = _line(f"{error} {error.__cause__ or ''}")
            raise InputError(f"{hub} did not store all of {what}: {why}; {self._state()}") from None
        except ValueError as error:  # the library checks the front matter before the commit
            raise InputError(f"{hub} does not take {CARD}: {_line(error)}; {self._state()}") from None
        except KeyboardInterrupt:
            raise InputError(f"{what} was interrupted; {self._state()}") from None

    def _state(self) -> str:
        if not self.sent:
            return self.changed
        return f"whether the commit was made is not known: {self.name} has the whole release or nothing of it"


def upload(release: Release, name: str, token: str, private: bool) -> str:
    """Uploads the release to `name` (owner/name). Returns the address of the commit, or raises InputError."""
    if name.count("/") != 1:
        raise InputError(f"{name!r} is not the name of a {release.kind} of the hub: give OWNER/NAME")
    return Upload(HfApi(token=token), release, name, private).run()


def _line(error: object) -> str:
    return " ".join(str(error).split())
