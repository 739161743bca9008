"""Writes the golden values that the parity tests compare Lockstep with, computed by Keras itself.

    python3 -m venv venv && venv/bin/pip install tensorflow-cpu==2.21.0
    venv/bin/python test/parity/keras_goldens.py [losses_and_metrics] [model] [frozen] [optimizers] [schedules]

The files in test/parity/goldens are committed; run this again only to add cases or to move to another Keras, and
`npm run format` after it.
Everything is computed eagerly in float32 on the CPU.
"""

import sys

from golden_file import flat, write  # first: it chooses Keras's backend
import keras
import keras_optimizers
import numpy as np
import tensorflow as tf
from keras.src.trainers import compile_utils

STEPS = 12


def tensors():
    """Targets and predictions, with values at and beyond the ends of the clipping range."""
    random = np.random.RandomState(2)
    real_true = random.normal(size=(6, 4)).astype(np.float32)
    real_pred = random.normal(size=(6, 4)).astype(np.float32)
    probabilities = random.dirichlet(np.ones(5), size=8).astype(np.float32)
    probabilities[5] = [1, 0, 0, 0, 0]  # right and sure, or wrong and sure
    probabilities[6] = [0, 0, 0, 1, 0]
    probabilities[7] *= 3  # does not sum to 1
    labels = np.array([0, 1, 2, 3, 4, 0, 1, 2], dtype=np.int32)
    one_hot = np.eye(5, dtype=np.float32)[labels]
    binary_true = random.randint(0, 2, size=(7, 3)).astype(np.float32)
    binary_pred = random.uniform(size=(7, 3)).astype(np.float32)
    binary_pred[5] = [0, 1, 0.5]
    single_true = random.randint(0, 2, size=(6,)).astype(np.float32)
    single_pred = random.uniform(size=(6, 1)).astype(np.float32)
    sequence_pred = random.dirichlet(np.ones(3), size=(4, 5)).astype(np.float32)
    sequence_labels = random.randint(0, 3, size=(4, 5)).astype(np.int32)
    sequence_one_hot = np.eye(3, dtype=np.float32)[sequence_labels]
    return {
        "real": (real_true, real_pred),
        "classes": (one_hot, probabilities),
        "labels": (labels, probabilities),
        "label-column": (labels[:, None], probabilities),
        "multi-label": (binary_true, binary_pred),
        "binary": (single_true, single_pred),
        "binary-column": (single_true[:, None], single_pred),
        "sequence": (sequence_one_hot, sequence_pred),
        "sequence-labels": (sequence_labels, sequence_pred),
    }


LOSSES = {
    "meanSquaredError": (keras.losses.MeanSquaredError, ["real", "binary", "binary-column", "sequence"]),
    "meanAbsoluteError": (keras.losses.MeanAbsoluteError, ["real", "binary", "sequence"]),
    "categoricalCrossentropy": (keras.losses.CategoricalCrossentropy, ["classes", "sequence"]),
    "sparseCategoricalCrossentropy": (
        keras.losses.SparseCategoricalCrossentropy,
        ["labels", "label-column", "sequence-labels"],
    ),
    "binaryCrossentropy": (keras.losses.BinaryCrossentropy, ["multi-label", "binary", "binary-column"]),
}

METRICS = {
    "accuracy": [
        "classes", "labels", "label-column", "multi-label", "binary", "binary-column", "sequence", "sequence-labels",
    ],
    "categoricalAccuracy": ["classes", "sequence"],
    "sparseCategoricalAccuracy": ["labels", "label-column", "sequence-labels"],
    "binaryAccuracy": ["multi-label", "binary", "binary-column"],
    "meanSquaredError": ["real", "binary"],
    "meanAbsoluteError": ["real", "binary-column"],
}  # fmt: skip

KERAS_METRIC_NAMES = {
    "accuracy": "accuracy",
    "categoricalAccuracy": "categorical_accuracy",
    "sparseCategoricalAccuracy": "sparse_categorical_accuracy",
    "binaryAccuracy": "binary_accuracy",
    "meanSquaredError": "mean_squared_error",
    "meanAbsoluteError": "mean_absolute_error",
}


def losses_and_metrics():
    """The reduced loss, its gradient by the predictions, and the metric's mean, for each fitting pair of tensors."""
    data = tensors()
    losses, metrics = [], []
    for name, (loss_class, datasets) in LOSSES.items():
        for dataset in datasets:
            true, pred = data[dataset]
            prediction = tf.Variable(pred)
            with tf.GradientTape() as tape:
                value = loss_class()(true, prediction.value())
            gradient = tape.gradient(value, prediction)
            losses.append({"loss": name, "data": dataset, "value": float(value), "gradient": flat(gradient)})
    for name, datasets in METRICS.items():
        for dataset in datasets:
            true, pred = data[dataset]
            metric = compile_utils.get_metric(KERAS_METRIC_NAMES[name], true, pred)
            metric.update_state(true, pred)
            metrics.append({"metric": name, "data": dataset, "value": float(metric.result())})
    described = {
        name: {
            "true": {"shape": list(true.shape), "dtype": str(true.dtype), "values": flat(true)},
            "pred": {"shape": list(pred.shape), "dtype": str(pred.dtype), "values": flat(pred)},
        }
        for name, (true, pred) in data.items()
    }
    write("losses-and-metrics", {"data": described, "losses": losses, "metrics": metrics})


def model(name="model", frozen=False):
    """A model with regularization and batch normalization, trained with Keras's own loop; the loss is the reported one."""
    random = np.random.RandomState(3)
    inputs = random.normal(size=(16, 4)).astype(np.float32)
    labels = random.randint(0, 3, size=(16,))
    targets = np.eye(3, dtype=np.float32)[labels]
    network = keras.Sequential(
        [
            keras.layers.Input((4,)),
            keras.layers.Dense(5, activation="tanh", kernel_regularizer=keras.regularizers.L2(0.05)),
            keras.layers.BatchNormalization(momentum=0.9),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    network.compile(
        optimizer=keras.optimizers.SGD(0.1, momentum=0.9),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
        run_eagerly=True,
    )
    first, norm, last = network.layers
    norm.trainable = not frozen
    variables = {
        "dense/kernel": first.kernel,
        "dense/bias": first.bias,
        "batch_normalization/gamma": norm.gamma,
        "batch_normalization/beta": norm.beta,
        "batch_normalization/moving_mean": norm.moving_mean,
        "batch_normalization/moving_variance": norm.moving_variance,
        "dense_1/kernel": last.kernel,
        "dense_1/bias": last.bias,
    }
    for variable in variables.values():
        if len(variable.shape) == 2:
            variable.assign(random.normal(size=variable.shape).astype(np.float32))
    if frozen:
        for variable in norm.weights:
            variable.assign(random.uniform(0.5, 1.5, size=variable.shape).astype(np.float32))
    initial = {name: flat(variable) for name, variable in variables.items()}
    steps = []
    for _ in range(STEPS):
        report = network.train_on_batch(inputs, targets, return_dict=True)
        network.reset_metrics()
        weights = {name: flat(variable) for name, variable in variables.items()}
        steps.append({"loss": float(report["loss"]), "accuracy": float(report["accuracy"]), "weights": weights})
    evaluated = network.evaluate(inputs, targets, batch_size=16, verbose=0, return_dict=True)
    write(
        name,
        {
            "inputs": flat(inputs),
            "targets": flat(targets),
            "initial": initial,
            "steps": steps,
            "evaluated": {name: float(value) for name, value in evaluated.items()},
        },
    )


if __name__ == "__main__":
    parts = {
        "losses_and_metrics": losses_and_metrics,
        "model": model,
        "frozen": lambda: model("frozen-model", frozen=True),
        "optimizers": keras_optimizers.optimizers,
        "schedules": keras_optimizers.schedules,
    }
    for part in sys.argv[1:] or parts:
        parts[part]()
