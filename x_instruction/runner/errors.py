"""Errors that are not bugs of this project. The message says what is wrong, where, and what to do.

The message is one sentence, except for GateFailedError, whose message has several lines.
"""

from pathlib import Path

LONGEST = 300  # the maximum number of characters of a library's message


class XInstructionError(Exception):
    """Base of all errors whose message is for the person who runs the pipeline."""


class SettingsError(XInstructionError):
    """The configuration or the command cannot be used.

    Examples are an unknown key or an impossible value in a YAML file of the project, a setting that needs a package or
    a GPU that is missing, and a command for a language that params.yaml does not list.
    """


class InputError(XInstructionError):
    """A file, folder, row, model or service that the work needs cannot be used, or a wait for it was too long."""


class GateFailedError(XInstructionError):
    """A critical expectation of the artifact's suite failed; nothing was published."""


class DamagedError(InputError):
    """A file is missing, or its content is not what was written: a disk, a bad copy or a person has changed it."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} is damaged: its content is not what was published; run `python -m dvc_project.doctor --verify "
            "--delete`, which deletes damaged files, then run again"
        )
        self.path = path

    def __reduce__(self) -> tuple[type, tuple[Path]]:
        """A worker process pickles its errors. By default, unpickling would pass the message in place of the path."""
        return DamagedError, (self.path,)


class UnreadableError(InputError, ValueError):
    """The content of a file is not JSON, or is nested too deeply."""


def in_one_line(error: BaseException) -> str:
    """The message of a library's error in one line of at most LONGEST characters, without a full stop at its end.

    The message of a Jinja syntax error contains lines of the template. They are replaced by the number of the line with
    the error.
    """
    message, line = getattr(error, "message", None), getattr(error, "lineno", None)
    text = f"{message.split('. ')[0].rstrip('.')} in line {line}" if isinstance(message, str) and line else str(error)
    return " ".join(text.split())[:LONGEST].removesuffix(".")
