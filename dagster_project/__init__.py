"""The Dagster face of the pipeline, derived from `dvc.yaml`: `python -m dagster_project` opens it."""
