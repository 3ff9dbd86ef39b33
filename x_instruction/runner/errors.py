"""Errors that a user can cause. The message is one sentence: what is wrong, where, and what to do."""


class XInstructionError(Exception):
    """Base of all errors whose message is for the person who runs the pipeline."""


class SettingsError(XInstructionError):
    """`params.yaml` holds an unknown key or an impossible value."""


class InputError(XInstructionError):
    """A file, folder, row or model that the user gave cannot be used."""


class GateFailedError(XInstructionError):
    """A critical expectation of the artifact's suite failed; nothing was published."""
