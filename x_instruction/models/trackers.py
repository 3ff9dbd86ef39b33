"""Opens the loggers of a training run.

A logger is imported only if `report_to` names it, and no logger sends anything unless the user asks for it. W&B runs
offline unless WANDB_MODE says otherwise. MLflow writes to a folder unless MLFLOW_TRACKING_URI names a server. DVCLive
saves no experiment. The loggers' telemetry is off, unless the user has turned it on.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from x_instruction.runner.errors import SettingsError

# For each logger, the module that it needs and the package that contains this module.
PACKAGES = {
    "tensorboard": ("tensorboardX", "tensorboardX"),
    "wandb": ("wandb", "wandb"),
    "mlflow": ("mlflow", "mlflow-skinny"),
    "dvclive": ("dvclive", "dvclive"),
}
QUIET = {"WANDB_ERROR_REPORTING": "false", "MLFLOW_DISABLE_TELEMETRY": "true", "DVC_NO_ANALYTICS": "1"}
PROJECT = "x-instruction"


@dataclass(frozen=True)
class Tracker:
    """Two functions of a logger: `log` gets the figures and the number of a step, and `close` ends the logging."""

    log: Callable[[dict[str, float], int], object]
    close: Callable[[], object]


def refuse_missing_packages(report_to: Sequence[str]) -> None:
    """Raises SettingsError for the first logger whose package is not installed."""
    for name in report_to:
        module, package = PACKAGES[name]
        if find_spec(module) is None:
            raise SettingsError(
                f"training.report_to names {name}, whose package is not installed: `pip install {package}`, or take it "
                "out of report_to"
            )


def callbacks(report_to: Sequence[str], logs: Path, settings: Mapping[str, Any]) -> list[Any]:
    """A transformers callback for each logger. The logger `x` writes to `<logs>.x`, and also logs the `settings`."""
    for variable, value in QUIET.items():
        os.environ.setdefault(variable, value)
    return [_callback(OPEN[name](Path(f"{logs}.{name}"), settings)) for name in report_to]


def _callback(tracker: Tracker) -> Any:
    from transformers import TrainerCallback

    class Tracking(TrainerCallback):
        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            figures = {name: float(value) for name, value in (logs or {}).items() if isinstance(value, int | float)}
            tracker.log(figures, state.global_step)

        def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            tracker.close()

    return Tracking()


def _tensorboard(folder: Path, _: Mapping[str, Any]) -> Tracker:
    from tensorboardX import SummaryWriter

    writer = SummaryWriter(str(folder))

    def log(figures: dict[str, float], step: int) -> None:
        for name, value in figures.items():
            writer.add_scalar(name, value, step)

    return Tracker(log, writer.close)


def _wandb(folder: Path, settings: Mapping[str, Any]) -> Tracker:
    folder.mkdir(parents=True, exist_ok=True)
    run = import_module("wandb").init(
        project=os.environ.get("WANDB_PROJECT", PROJECT),
        name=_name(folder),
        dir=str(folder),
        mode=os.environ.get("WANDB_MODE", "offline"),
        config=dict(settings),
    )
    return Tracker(lambda figures, step: run.log(figures, step=step), run.finish)


def _mlflow(folder: Path, settings: Mapping[str, Any]) -> Tracker:
    mlflow = import_module("mlflow")
    if not os.environ.get("MLFLOW_TRACKING_URI"):
        # By default MLflow uses a database, which the small package mlflow-skinny does not support, so a folder is set.
        os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
        mlflow.set_tracking_uri(folder.resolve().as_uri())
    mlflow.set_experiment(os.environ.get("MLFLOW_EXPERIMENT_NAME", PROJECT))
    mlflow.start_run(run_name=_name(folder))
    mlflow.log_params(dict(settings))
    return Tracker(lambda figures, step: mlflow.log_metrics(figures, step=step), mlflow.end_run)


def _dvclive(folder: Path, settings: Mapping[str, Any]) -> Tracker:
    # Without `dvcyaml=None`, DVCLive would write into the project's dvc.yaml.
    live = import_module("dvclive").Live(str(folder), resume=folder.exists(), save_dvc_exp=False, dvcyaml=None)
    live.log_params(dict(settings))

    def log(figures: dict[str, float], step: int) -> None:
        live.step = step
        for name, value in figures.items():
            live.log_metric(name, value)
        live.sync()

    return Tracker(log, live.end)


def _name(folder: Path) -> str:
    """The name of a run: its artifact and iteration or language, such as response_model/iteration_1."""
    return f"{folder.parent.name}/{folder.stem}"


OPEN: dict[str, Callable[[Path, Mapping[str, Any]], Tracker]] = {
    "tensorboard": _tensorboard,
    "wandb": _wandb,
    "mlflow": _mlflow,
    "dvclive": _dvclive,
}
