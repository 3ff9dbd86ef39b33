"""`python -m stages ARTIFACT [ITERATION] [LANGUAGE]`: see stages/shell.py."""

from __future__ import annotations

import sys

from stages.preloaded import delegated

if __name__ == "__main__":
    status = delegated(sys.argv[1:])
    if status is None:
        from stages.shell import main

        status = main()
    sys.exit(status)
