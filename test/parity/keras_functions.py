"""Golden values of losses and metrics (keras_goldens.py runs this)."""

from golden_file import flat, write  # first: it chooses Keras's backend
import keras
import numpy as np
import tensorflow as tf
from keras.src.trainers import compile_utils


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
    positive_true = random.uniform(0, 4, size=(6, 3)).astype(np.float32)
    positive_pred = random.uniform(0, 4, size=(6, 3)).astype(np.float32)
    positive_true[0], positive_pred[1] = 0, 0
    logits = (20 * random.normal(size=(8, 5))).astype(np.float32)
    logits[0] = [90, -90, 0, 0, 0]
    far = 3 * random.normal(size=(6, 3)).astype(np.float32)
    sides = random.choice([-1, 1], size=(6, 3)).astype(np.float32)
    multi_hot = random.randint(0, 2, size=(8, 5)).astype(np.float32)
    return {
        "real": (real_true, real_pred),
        "positive": (positive_true, positive_pred),
        "margins": (sides, far),
        "margins-binary": (binary_true[:6], far),
        "classes": (one_hot, probabilities),
        "labels": (labels, probabilities),
        "label-column": (labels[:, None], probabilities),
        "multi-label": (binary_true, binary_pred),
        "binary": (single_true, single_pred),
        "binary-column": (single_true[:, None], single_pred),
        "sequence": (sequence_one_hot, sequence_pred),
        "sequence-labels": (sequence_labels, sequence_pred),
        "logits": (one_hot, logits),
        "logit-labels": (labels, logits),
        "multi-label-logits": (multi_hot, logits),
    }


# [name, options as Keras spells them, data sets]
LOSSES = [
    ("meanSquaredError", {}, ["real", "binary", "binary-column", "sequence"]),
    ("meanAbsoluteError", {}, ["real", "binary", "sequence"]),
    ("meanAbsolutePercentageError", {}, ["real", "positive", "binary"]),
    ("meanSquaredLogarithmicError", {}, ["positive", "real"]),
    ("huber", {}, ["real", "binary"]),
    ("huber", {"delta": 0.4}, ["real", "sequence"]),
    ("logCosh", {}, ["real", "margins"]),
    ("cosineSimilarity", {}, ["real", "sequence"]),
    ("hinge", {}, ["margins", "margins-binary"]),
    ("squaredHinge", {}, ["margins", "margins-binary"]),
    ("categoricalHinge", {}, ["logits", "sequence"]),
    ("klDivergence", {}, ["classes", "sequence"]),
    ("poisson", {}, ["positive"]),
    ("categoricalCrossentropy", {}, ["classes", "sequence"]),
    ("categoricalCrossentropy", {"label_smoothing": 0.2}, ["classes"]),
    ("categoricalCrossentropy", {"from_logits": True}, ["logits"]),
    ("categoricalCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, ["logits"]),
    ("sparseCategoricalCrossentropy", {}, ["labels", "label-column", "sequence-labels"]),
    ("sparseCategoricalCrossentropy", {"from_logits": True}, ["logit-labels"]),
    ("binaryCrossentropy", {}, ["multi-label", "binary", "binary-column"]),
    ("binaryCrossentropy", {"label_smoothing": 0.2}, ["multi-label"]),
    ("binaryCrossentropy", {"from_logits": True}, ["multi-label-logits"]),
    ("binaryFocalCrossentropy", {}, ["multi-label", "binary"]),
    ("binaryFocalCrossentropy", {"apply_class_balancing": True, "gamma": 1.5}, ["multi-label"]),
    ("binaryFocalCrossentropy", {"from_logits": True}, ["margins-binary"]),
    ("categoricalFocalCrossentropy", {}, ["classes"]),
    ("categoricalFocalCrossentropy", {"alpha": 0.5, "gamma": 3.0, "label_smoothing": 0.1}, ["classes"]),
    ("categoricalFocalCrossentropy", {"from_logits": True}, ["logits"]),
]

# Losses of what an activation made: Keras goes back to what went into it. [activation, loss, data sets]
ACTIVATED = [
    ("softmax", "categoricalCrossentropy", ["logits"]),
    ("softmax", "sparseCategoricalCrossentropy", ["logit-labels"]),
    ("softmax", "binaryCrossentropy", ["multi-label-logits"]),
    ("sigmoid", "binaryCrossentropy", ["multi-label-logits"]),
    ("sigmoid", "categoricalCrossentropy", ["logits"]),
    ("sigmoid", "binaryFocalCrossentropy", ["multi-label-logits"]),
]

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


def camel(options):
    """Options as Lockstep spells them."""
    words = {name: name.split("_") for name in options}
    return {
        first + "".join(word.capitalize() for word in rest): options[name] for name, (first, *rest) in words.items()
    }


def loss_of(name, options):
    classes = {"klDivergence": "KLDivergence"}
    return getattr(keras.losses, classes.get(name, name[0].upper() + name[1:]))(**options)


def weights_of(true):
    return np.linspace(0, 2.5, len(true)).astype(np.float32)


def broadcast_weights(true, pred):
    """Keras broadcasts by the last dimensions: a weight for each sample of a sequence needs one for its time."""
    weights = weights_of(true)
    return weights[:, None] if pred.ndim == 3 else weights


def value_and_gradient(loss, true, given, activation=lambda x: x, weights=None):
    """The reduced loss and its gradient by what is given to the activation."""
    variable = tf.Variable(given)
    with tf.GradientTape() as tape:
        value = loss(true, activation(variable.value()), sample_weight=weights)
    return {"value": float(value), "gradient": flat(tape.gradient(value, variable))}


def losses_and_metrics():
    """The reduced loss, without and with weights, its gradient, and the metric's mean, for each fitting pair of tensors."""
    data = tensors()
    losses, activated, metrics = [], [], []
    for name, options, sets in LOSSES:
        for dataset in sets:
            true, pred = data[dataset]
            loss = loss_of(name, options)
            losses.append(
                {
                    "loss": {"kind": name, **camel(options)},
                    "data": dataset,
                    "plain": value_and_gradient(loss, true, pred),
                    "weighted": value_and_gradient(loss, true, pred, weights=broadcast_weights(true, pred)),
                }
            )
    for activation, name, sets in ACTIVATED:
        for dataset in sets:
            true, pred = data[dataset]
            golden = value_and_gradient(loss_of(name, {}), true, pred, keras.activations.get(activation))
            activated.append({"activation": activation, "loss": {"kind": name}, "data": dataset, "plain": golden})
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
            "weights": flat(weights_of(true)),
        }
        for name, (true, pred) in data.items()
    }
    write("losses-and-metrics", {"data": described, "losses": losses, "activated": activated, "metrics": metrics})
