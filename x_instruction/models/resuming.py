"""Finds the checkpoint from which an interrupted training run resumes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from x_instruction.runner.work_store import SEAL, finished


def last_checkpoint(folder: Path) -> Path | None:
    """The latest complete checkpoint of a folder, or None. Incomplete checkpoints are removed.

    If any checkpoint is damaged, all are removed, because a resumed run may also need an earlier one (for the best
    weights).
    """
    checkpoints = sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))
    for checkpoint in [path for path in checkpoints if not _is_complete(path)]:
        shutil.rmtree(checkpoint)
        checkpoints.remove(checkpoint)
    if any((checkpoint / SEAL).exists() and finished(checkpoint) is None for checkpoint in checkpoints):
        for checkpoint in checkpoints:
            shutil.rmtree(checkpoint, ignore_errors=True)
        return None
    return checkpoints[-1] if checkpoints else None


def _is_complete(checkpoint: Path) -> bool:
    """Whether a checkpoint has a seal (checksums of its files) or, without a seal, a readable trainer state.

    transformers writes the trainer state last, and the seal follows a moment later. A checkpoint with a trainer state
    but without a seal counts as complete, because transformers removes the previous checkpoint before the seal is
    written.
    """
    if (checkpoint / SEAL).exists():
        return True
    try:
        json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return True
