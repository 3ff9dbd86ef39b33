"""Checkpoints of a training run: an interrupted run resumes from the last complete one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path


def last_checkpoint(folder: Path) -> Path | None:
    """The latest complete checkpoint of a folder; incomplete ones are removed."""
    complete = []
    for checkpoint in folder.glob("checkpoint-*"):
        if _is_complete(checkpoint):
            complete.append(checkpoint)
        else:
            shutil.rmtree(checkpoint)
    return max(complete, key=lambda path: int(path.name.rpartition("-")[2]), default=None)


def _is_complete(checkpoint: Path) -> bool:
    """transformers writes the trainer's state as the last file of a checkpoint."""
    try:
        json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return True
