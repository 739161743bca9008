"""Writes the golden values that the parity tests compare Lockstep with, computed by Keras itself.

    python3 -m venv venv && venv/bin/pip install tensorflow-cpu==2.21.0
    venv/bin/python test/parity/keras_goldens.py

The files in test/parity/goldens are committed; run this again only to add cases or to move to another Keras.
Everything is computed eagerly in float32 on the CPU.
"""

import json
import os
import pathlib

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"

import keras
import numpy as np
import tensorflow as tf
from keras.src.trainers import compile_utils

GOLDENS = pathlib.Path(__file__).parent / "goldens"
STEPS = 12

OPTIMIZERS = {
    "sgd": ({}, lambda: keras.optimizers.SGD()),
    "sgd-momentum": (
        {"learningRate": 0.05, "momentum": 0.9},
        lambda: keras.optimizers.SGD(0.05, momentum=0.9),
    ),
    "sgd-nesterov": (
        {"learningRate": 0.05, "momentum": 0.9, "nesterov": True},
        lambda: keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True),
    ),
    "adam": ({}, lambda: keras.optimizers.Adam()),
    "adam-options": (
        {"learningRate": 0.02, "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-3},
        lambda: keras.optimizers.Adam(0.02, beta_1=0.8, beta_2=0.95, epsilon=1e-3),
    ),
    "rmsprop": ({}, lambda: keras.optimizers.RMSprop()),
    "rmsprop-momentum": (
        {"learningRate": 0.01, "rho": 0.8, "momentum": 0.7},
        lambda: keras.optimizers.RMSprop(0.01, rho=0.8, momentum=0.7),
    ),
    "rmsprop-centered": (
        {"learningRate": 0.01, "centered": True},
        lambda: keras.optimizers.RMSprop(0.01, centered=True),
    ),
    "rmsprop-centered-momentum": (
        {"learningRate": 0.01, "momentum": 0.5, "centered": True, "epsilon": 1e-5},
        lambda: keras.optimizers.RMSprop(0.01, momentum=0.5, centered=True, epsilon=1e-5),
    ),
    "adadelta": ({}, lambda: keras.optimizers.Adadelta()),
    "adadelta-options": (
        {"learningRate": 1.0, "rho": 0.9, "epsilon": 1e-4},
        lambda: keras.optimizers.Adadelta(1.0, rho=0.9, epsilon=1e-4),
    ),
}


def flat(values):
    return [float(value) for value in np.asarray(values, dtype=np.float32).ravel()]


def write(name, value):
    GOLDENS.mkdir(exist_ok=True)
    text = json.dumps({"keras": keras.__version__, "tensorflow": tf.__version__, **value})
    (GOLDENS / f"{name}.json").write_text(text.replace("], ", "],\n").replace("}, ", "},\n") + "\n")


def optimizers():
    """A linear model on fixed data, mean squared error; weights after each step."""
    random = np.random.RandomState(1)
    inputs = random.normal(size=(8, 4)).astype(np.float32)
    targets = random.normal(size=(8, 3)).astype(np.float32)
    kernel = random.normal(size=(4, 3)).astype(np.float32)
    bias = random.normal(size=(3,)).astype(np.float32)
    cases = {}
    for name, (options, make) in OPTIMIZERS.items():
        variables = [keras.Variable(kernel), keras.Variable(bias)]
        optimizer = make()
        optimizer.build(variables)
        steps = []
        for _ in range(STEPS):
            with tf.GradientTape() as tape:
                prediction = tf.matmul(inputs, variables[0].value) + variables[1].value
                loss = tf.reduce_mean(tf.square(prediction - targets))
            gradients = tape.gradient(loss, [variable.value for variable in variables])
            optimizer.apply(gradients, variables)
            steps.append({"loss": float(loss), "kernel": flat(variables[0]), "bias": flat(variables[1])})
        cases[name] = {"optimizer": name.split("-")[0], "options": options, "steps": steps}
    write(
        "optimizers",
        {
            "inputs": flat(inputs),
            "targets": flat(targets),
            "kernel": flat(kernel),
            "bias": flat(bias),
            "cases": cases,
        },
    )


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


def model():
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
    initial = {name: flat(variable) for name, variable in variables.items()}
    steps = []
    for _ in range(STEPS):
        report = network.train_on_batch(inputs, targets, return_dict=True)
        network.reset_metrics()
        weights = {name: flat(variable) for name, variable in variables.items()}
        steps.append({"loss": float(report["loss"]), "accuracy": float(report["accuracy"]), "weights": weights})
    evaluated = network.evaluate(inputs, targets, batch_size=16, verbose=0, return_dict=True)
    write(
        "model",
        {
            "inputs": flat(inputs),
            "targets": flat(targets),
            "initial": initial,
            "steps": steps,
            "evaluated": {name: float(value) for name, value in evaluated.items()},
        },
    )


if __name__ == "__main__":
    optimizers()
    losses_and_metrics()
    model()
