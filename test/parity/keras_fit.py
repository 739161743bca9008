"""Writes goldens/fit.json: what Keras's own fit and evaluate report and learn with weights, a split and several outputs.

    venv/bin/python test/parity/keras_fit.py

Set up and rerun as keras_goldens.py. Samples are in order, the last batch of an epoch is short.
"""

from golden_file import flat, write  # first: it chooses Keras's backend
import keras
import numpy as np

SAMPLES, TESTED, BATCH, EPOCHS = 50, 13, 16, 3


def classifier():
    return keras.Sequential(
        [
            keras.layers.Input((4,)),
            keras.layers.Dense(5, activation="tanh", kernel_regularizer=keras.regularizers.L2(0.01)),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )


def two_outputs():
    inputs = keras.layers.Input((4,))
    hidden = keras.layers.Dense(5, activation="tanh")(inputs)
    size = keras.layers.Dense(2, name="size")(hidden)
    shape = keras.layers.Dense(3, activation="softmax", name="shape")(hidden)
    return keras.Model(inputs, [size, shape])


def data(random, count):
    inputs = random.normal(size=(count, 4)).astype(np.float32)
    labels = (inputs[:, 0] > 0).astype(np.int32) + (inputs[:, 1] > 0.5).astype(np.int32)
    sizes = (inputs[:, :2] ** 2 + 0.1 * random.normal(size=(count, 2))).astype(np.float32)
    weights = random.choice([0.0, 0.5, 1.0, 2.5], size=count).astype(np.float32)
    return {"inputs": inputs, "labels": labels, "sizes": sizes, "weights": weights}


def fit(random, network, targets, compiled, fitted, weighted=False):
    """Trains on `targets` of the data, from random weights, and evaluates on others."""
    train, test = data(random, SAMPLES), data(random, TESTED)
    for variable in network.variables:
        variable.assign(0.5 * random.normal(size=variable.shape).astype(np.float32))
    initial = [flat(variable) for variable in network.variables]
    network.compile(optimizer=keras.optimizers.SGD(0.1), run_eagerly=True, **compiled)
    per_output = (lambda w: [w, w]) if len(network.outputs) > 1 else (lambda w: w)
    weights = [{"sample_weight": per_output(part["weights"])} if weighted else {} for part in (train, test)]
    history = network.fit(
        train["inputs"], targets(train), batch_size=BATCH, epochs=EPOCHS, shuffle=False, verbose=0, **weights[0], **fitted
    ).history
    tested = network.evaluate(test["inputs"], targets(test), batch_size=BATCH, verbose=0, return_dict=True, **weights[1])
    return {
        "train": {name: flat(values) for name, values in train.items()},
        "test": {name: flat(values) for name, values in test.items()},
        "initial": initial,
        "history": {name: [float(value) for value in values] for name, values in history.items()},
        "tested": {name: float(value) for name, value in tested.items()},
        "weights": [flat(variable) for variable in network.variables],
    }


def one_hot(part):
    return np.eye(3, dtype=np.float32)[part["labels"]]


def main():
    random = np.random.RandomState(5)
    measured = lambda: {"metrics": ["accuracy"], "weighted_metrics": ["accuracy", keras.metrics.AUC(name="auc")]}
    by_output = {
        "loss": {"size": "mean_squared_error", "shape": "sparse_categorical_crossentropy"},
        "loss_weights": {"size": 0.3, "shape": 2.0},
        "metrics": {"size": ["mean_absolute_error"], "shape": ["accuracy"]},
        "weighted_metrics": {"size": [], "shape": ["accuracy"]},
    }
    both = lambda part: [part["sizes"], part["labels"]]
    categorical = lambda: {"loss": "categorical_crossentropy", **measured()}
    sparse = {"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"], "weighted_metrics": []}
    write(
        "fit",
        {
            "sample-weights": fit(random, classifier(), one_hot, categorical(), {"validation_split": 0.25}, True),
            "class-weights": fit(random, classifier(), one_hot, categorical(), {"class_weight": {0: 0.5, 2: 3.0}}),
            "class-weights-of-labels": fit(
                random, classifier(), lambda part: part["labels"], sparse, {"class_weight": {0: 0.5, 2: 3.0}}
            ),
            "two-outputs": fit(random, two_outputs(), both, by_output, {"validation_split": 0.25}),
            "two-outputs-weighted": fit(random, two_outputs(), both, by_output, {"validation_split": 0.25}, True),
        },
    )


if __name__ == "__main__":
    main()
