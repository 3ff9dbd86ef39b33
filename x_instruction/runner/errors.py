"""Errors a user can cause. Each carries one sentence: what is wrong, where, and what to do."""


class XInstructionError(Exception):
    """Base of all errors whose message is meant for the person running the pipeline."""


class SettingsError(XInstructionError):
    """`params.yaml` holds an unknown key or an impossible value."""


class InputError(XInstructionError):
    """A source file, folder, row or model given by the user cannot be used."""


class GateFailedError(XInstructionError):
    """A critical expectation of the artifact's suite was not met; nothing was published."""
