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
import keras_functions
import keras_optimizers
import numpy as np

STEPS = 12


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
        "losses_and_metrics": keras_functions.losses_and_metrics,
        "model": model,
        "frozen": lambda: model("frozen-model", frozen=True),
        "optimizers": keras_optimizers.optimizers,
        "schedules": keras_optimizers.schedules,
    }
    for part in sys.argv[1:] or parts:
        parts[part]()
