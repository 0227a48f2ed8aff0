"""Columns of the files that cells leave."""

from lolameme.tasks.columns import Column

PREDICTIONS = {  # of a cell's predictions.parquet: one row per query of its test splits
    "split": Column("string", "the test split"),
    "program": Column("int64", "number of the program within its split: `id` there"),
    "query": Column("int64", "number of the query within its program, from 0"),
    "predicted": Column("string", "what the model answers by greedy decoding, its end sign included"),
    "exact_match": Column("bool", "whether that is the answer, end sign included"),
    "token_accuracy": Column(
        "float64", "share of the answer's tokens, end sign included, that are the likeliest after the true ones"
    ),
    "loss": Column("float64", "mean cross-entropy of the answer's tokens", "nats per token"),
}
HISTORY = {  # of a cell's history.parquet: one row per evaluation of a split while training
    "step": Column("int64", "optimiser steps so far", "steps"),
    "split": Column("string", "`train sample`: the first programs of train, with 256 queries, or `valid`"),
    "loss": Column("float64", "mean cross-entropy of answers, end signs included", "nats per token"),
    "exact_match": Column("float64", "share of the queries whose whole answer is right"),
    "token_accuracy": Column("float64", "mean share of the answer's tokens that are right"),
    "other_loss": Column("float64", "mean cross-entropy of all tokens outside answers", "nats per token"),
    "learning_rate": Column("float64", "of the step before"),
    "tokens": Column("int64", "training tokens so far", "tokens"),
    "tokens_per_second": Column("float64", "speed since the evaluation before", "tokens/s"),
    "seconds": Column("float64", "training time so far", "s"),
}
