"""`python -m stages ARTIFACT [ITERATION] [LANGUAGE]` makes one artifact, for one iteration and language if it has them.

The command prints one sentence and exits with 1 if the user can fix what went wrong. A traceback means a bug in this
project, unless XI_TRACEBACK is set.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

from x_instruction.runner.delegate import delegated

HERE = Path(__file__).parent
ARTIFACTS = tuple(sorted(path.parent.name for path in HERE.glob("*/stage.py")))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m stages", description="Make one artifact, for one language or iteration."
    )
    parser.add_argument("artifact", choices=ARTIFACTS)
    parser.add_argument(
        "names", nargs="*", metavar="ITERATION|LANGUAGE", help="as in the command of the stage in dvc.yaml"
    )
    options = parser.parse_args(arguments)

    from x_instruction.runner.border import SHARDS_ARE_KEPT, at_the_border
    from x_instruction.runner.process import die_with_run

    die_with_run()
    return at_the_border(lambda: _make(options.artifact, options.names), SHARDS_ARE_KEPT)


def _make(artifact: str, names: list[str]) -> int:
    from stages.params import load_settings
    from x_instruction.runner.job import make_job
    from x_instruction.runner.listed_inputs import refuse_unlisted
    from x_instruction.runner.process import quiet_libraries
    from x_instruction.runner.readings import Readings

    root = Path.cwd()
    readings = Readings.of(root, artifact, names)
    settings = load_settings(Path("params.yaml"))
    refuse_unlisted(root / "dvc.yaml", settings.inputs(root))
    quiet_libraries(settings.execution.threads)
    stage = importlib.import_module(f"stages.{artifact}.stage")
    job = make_job(artifact, stage.PARTITION, names, settings, root)

    from x_instruction.runner.shell import run_stage

    run_stage(job, stage, HERE / artifact / "expectations.yaml", readings)
    return 0


if __name__ == "__main__":
    status = delegated(sys.argv[1:])
    sys.exit(main() if status is None else status)
