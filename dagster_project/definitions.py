"""What `dagster dev -m dagster_project.definitions` loads."""

from pathlib import Path

from dagster_project.build import build_definitions

defs = build_definitions(Path(__file__).resolve().parents[1])
