"""Records a training run: the share of weights that changed, the change of the loss, and the curve of the loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

SAMPLED = 1000  # at least this many weights of each parameter tensor are compared, or all if it has fewer
POINTS = 200  # a curve has at most this many points of each series


class WeightSample:
    """A sample of the weights of each trained parameter, taken before the training.

    Embeddings are left out unless nothing else is trained, because the embeddings of rare tokens hardly change.
    """

    def __init__(self, model: Any) -> None:
        embeddings = {id(layer.weight) for layer in (model.get_input_embeddings(), model.get_output_embeddings())}
        trained = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
        inner = {name: weight for name, weight in trained.items() if id(weight) not in embeddings}
        self.before = {name: _sample(weight).clone() for name, weight in (inner or trained).items()}

    def changed_share(self, model: Any) -> float:
        """Share of the sampled weights whose value has changed."""
        weights = dict(model.named_parameters())
        changed = sum(int((_sample(weights[name]) != before).sum()) for name, before in self.before.items())
        return changed / max(1, sum(len(before) for before in self.before.values()))


def _sample(weight: Any) -> Any:
    flat = weight.detach().reshape(-1)
    # Before the training, the weights are on the CPU; after it, they may be on a GPU.
    return flat[:: max(1, len(flat) // SAMPLED)].cpu()


def loss_change(losses: Sequence[float]) -> float:
    """Mean loss over the last quarter of the steps minus the mean loss over the first quarter."""
    quarter = max(1, len(losses) // 4)
    return sum(losses[-quarter:]) / quarter - sum(losses[:quarter]) / quarter


def loss_curve(history: Sequence[dict[str, float]]) -> pl.DataFrame:
    """A frame with the columns `step`, `loss` and `series` (training or held-out), from the log of a Trainer."""
    series = {"training": "loss", "held-out": "eval_loss"}
    return pl.concat([_curve(history, key, name) for name, key in series.items()])


def _curve(history: Sequence[dict[str, float]], key: str, name: str) -> pl.DataFrame:
    """One series of losses. If it has more than POINTS steps, each row is the mean over several steps."""
    points = [(int(entry["step"]), float(entry[key])) for entry in history if key in entry]
    frame = pl.DataFrame(points, schema={"step": pl.Int64, "loss": pl.Float64}, orient="row")
    size = -(-max(1, frame.height) // POINTS)
    means = frame.group_by(pl.int_range(pl.len()) // size, maintain_order=True).agg(
        pl.col("step").last(), pl.col("loss").mean()
    )
    return means.select("step", "loss", series=pl.lit(name))
