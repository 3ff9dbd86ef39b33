"""Errors that a user can cause. The message is one sentence: what is wrong, where, and what to do."""

from pathlib import Path

LONGEST = 300  # the most characters of a library's message


class XInstructionError(Exception):
    """Base of all errors whose message is for the person who runs the pipeline."""


class SettingsError(XInstructionError):
    """`params.yaml` has an unknown key or an impossible value."""


class InputError(XInstructionError):
    """A file, folder, row or model that the user gave cannot be used."""


class GateFailedError(XInstructionError):
    """A critical expectation of the artifact's suite failed; nothing was published."""


class DamagedError(InputError):
    """The content of a file is not what was written: a disk, a copy or a person has changed it."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} is damaged: its content is not what was published; run `python -m dvc_project.doctor --verify "
            "--delete`, which deletes damaged files, then run again"
        )
        self.path = path

    def __reduce__(self) -> tuple[type, tuple[Path]]:
        """A worker process pickles its errors. By default, unpickling would give the message in place of the path."""
        return DamagedError, (self.path,)


def in_one_line(error: BaseException) -> str:
    """The message of a library's error in one line of at most LONGEST characters, without a full stop at its end.

    Jinja puts lines of the template into the messages of its syntax errors. The line's number replaces them.
    """
    message, line = getattr(error, "message", None), getattr(error, "lineno", None)
    text = f"{message.split('. ')[0].rstrip('.')} in line {line}" if isinstance(message, str) and line else str(error)
    return " ".join(text.split())[:LONGEST].removesuffix(".")
