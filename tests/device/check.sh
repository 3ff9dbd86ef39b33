#!/usr/bin/env bash
# Trains and uses models of Gemma 3's shapes on a GPU and compares the results with the CPU's, in about 10 minutes.
# Without a GPU it only lists what it would do. With --tiny it uses a very small model, with or without a GPU.
# The result is $OUT/device.json; without OUT, data/bench/device.json. Options: tests/device/check.py.
set -euo pipefail
cd "$(dirname "$0")/../.."
export HF_HUB_OFFLINE=1 PYTHONUNBUFFERED=1 TOKENIZERS_PARALLELISM=false OMP_WAIT_POLICY=passive
if [[ -z "${PYTHON:-}" ]]; then
  PYTHON=.venv/bin/python
  [[ -x "$PYTHON" ]] || PYTHON=python3
fi
exec "$PYTHON" -m tests.device.check "$@"
