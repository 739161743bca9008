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
    many_true = random.randint(0, 2, size=(60, 1)).astype(np.float32)
    many_pred = np.clip(0.3 * many_true + random.uniform(size=(60, 1)) * 0.8, 0, 1).astype(np.float32)
    many_pred[::7] = 0.5  # ties, on a threshold
    class_true = random.randint(0, 3, size=(6, 4)).astype(np.int32)
    class_pred = random.randint(0, 3, size=(6, 4)).astype(np.float32)
    return {
        "many": (many_true, many_pred),
        "class-numbers": (class_true, class_pred),
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

# [name, options as Keras spells them, data sets]
METRICS = [
    ("accuracy", {}, ["classes", "labels", "label-column", "multi-label", "binary", "binary-column", "sequence",
                      "sequence-labels"]),
    ("categoricalAccuracy", {}, ["classes", "sequence"]),
    ("sparseCategoricalAccuracy", {}, ["labels", "label-column", "sequence-labels"]),
    ("binaryAccuracy", {}, ["multi-label", "binary", "binary-column"]),
    ("binaryAccuracy", {"threshold": 0.3}, ["multi-label"]),
    ("topKCategoricalAccuracy", {"k": 2}, ["classes", "logits", "sequence"]),
    ("sparseTopKCategoricalAccuracy", {"k": 3}, ["labels", "logit-labels"]),
    ("sparseTopKCategoricalAccuracy", {"k": 2}, ["sequence-labels"]),
    ("truePositives", {}, ["multi-label", "binary"]),
    ("falsePositives", {"thresholds": [0.2, 0.7]}, ["multi-label"]),
    ("trueNegatives", {"thresholds": 0.4}, ["multi-label"]),
    ("falseNegatives", {}, ["multi-label"]),
    ("precision", {}, ["multi-label", "binary", "binary-column", "classes", "sequence"]),
    ("precision", {"thresholds": [0.7, 0.1, 0.5]}, ["multi-label"]),
    ("precision", {"thresholds": [0.0, 0.5, 1.0]}, ["multi-label"]),
    ("precision", {"top_k": 2}, ["classes", "sequence"]),
    ("precision", {"class_id": 1}, ["multi-label", "classes"]),
    ("recall", {}, ["multi-label", "binary", "classes"]),
    ("recall", {"top_k": 2, "class_id": 1}, ["classes"]),
    ("recall", {"thresholds": 0.25}, ["multi-label"]),
    ("auc", {}, ["multi-label", "binary", "classes", "sequence", "many"]),
    ("auc", {"curve": "PR"}, ["multi-label", "binary", "many"]),
    ("auc", {"curve": "PR", "summation_method": "majoring", "num_thresholds": 20}, ["many"]),
    ("auc", {"summation_method": "minoring", "num_thresholds": 10}, ["many"]),
    ("auc", {"thresholds": [0.3, 0.1, 0.8]}, ["many"]),
    ("auc", {"multi_label": True}, ["multi-label"]),
    ("auc", {"multi_label": True, "curve": "PR", "label_weights": [1.0, 2.0, 0.5]}, ["multi-label"]),
    ("auc", {"label_weights": [1.0, 2.0, 0.5]}, ["multi-label"]),
    ("auc", {"from_logits": True}, ["multi-label-logits"]),
    ("sensitivityAtSpecificity", {"specificity": 0.6}, ["many", "multi-label"]),
    ("specificityAtSensitivity", {"sensitivity": 0.7, "num_thresholds": 50}, ["many"]),
    ("precisionAtRecall", {"recall": 0.5}, ["many"]),
    ("recallAtPrecision", {"precision": 0.6, "class_id": 2}, ["multi-label"]),
    ("recallAtPrecision", {"precision": 0.55, "num_thresholds": 1}, ["many"]),
    ("f1Score", {}, ["classes", "multi-label"]),
    ("f1Score", {"average": "micro"}, ["classes"]),
    ("f1Score", {"average": "macro", "threshold": 0.4}, ["multi-label"]),
    ("f1Score", {"average": "weighted"}, ["classes"]),
    ("fBetaScore", {"beta": 2.0, "threshold": 0.3}, ["multi-label"]),
    ("fBetaScore", {"beta": 0.5, "average": "weighted", "threshold": 0.3}, ["multi-label"]),
    ("meanSquaredError", {}, ["real", "binary"]),
    ("rootMeanSquaredError", {}, ["real", "binary", "sequence"]),
    ("meanAbsoluteError", {}, ["real", "binary-column"]),
    ("meanAbsolutePercentageError", {}, ["real"]),
    ("meanSquaredLogarithmicError", {}, ["positive"]),
    ("logCoshError", {}, ["real"]),
    ("cosineSimilarity", {}, ["real", "sequence"]),
    ("r2Score", {}, ["real", "positive"]),
    ("r2Score", {"class_aggregation": None}, ["real"]),
    ("r2Score", {"class_aggregation": "variance_weighted_average", "num_regressors": 2}, ["positive"]),
    ("klDivergence", {}, ["classes"]),
    ("poisson", {}, ["positive"]),
    ("hinge", {}, ["margins", "margins-binary"]),
    ("squaredHinge", {}, ["margins"]),
    ("categoricalHinge", {}, ["logits"]),
    ("binaryCrossentropy", {"label_smoothing": 0.1}, ["multi-label"]),
    ("categoricalCrossentropy", {}, ["classes", "sequence"]),
    ("categoricalCrossentropy", {"from_logits": True}, ["logits"]),
    ("sparseCategoricalCrossentropy", {}, ["labels"]),
    ("meanIoU", {"num_classes": 3}, ["class-numbers"]),
    ("meanIoU", {"num_classes": 3, "ignore_class": 2}, ["class-numbers"]),
    ("meanIoU", {"num_classes": 3, "sparse_y_pred": False}, ["sequence-labels"]),
    ("oneHotMeanIoU", {"num_classes": 5}, ["classes"]),
    ("binaryIoU", {}, ["multi-label"]),
    ("binaryIoU", {"target_class_ids": [1], "threshold": 0.3}, ["multi-label"]),
]  # fmt: skip

# Their sums of weights are whole numbers in Keras, or their weights broadcast otherwise.
UNWEIGHTED = {"meanIoU", "oneHotMeanIoU", "binaryIoU"}

KERAS_CLASSES = {
    "klDivergence": "KLDivergence",
    "auc": "AUC",
    "topKCategoricalAccuracy": "TopKCategoricalAccuracy",
    "logCoshError": "LogCoshError",
    "r2Score": "R2Score",
}


def camel(options):
    """Options as Lockstep spells them."""
    words = {name: name.split("_") for name in options}
    return {
        first + "".join(word.capitalize() for word in rest): options[name] for name, (first, *rest) in words.items()
    }


def loss_of(name, options):
    return getattr(keras.losses, class_name(name))(**options)


def metric_of(name, options, true, pred):
    if name == "accuracy":
        return compile_utils.get_metric(name, true, pred)
    return getattr(keras.metrics, class_name(name))(**options)


def class_name(name):
    return KERAS_CLASSES.get(name, name[0].upper() + name[1:])


def metric_golden(name, options, true, pred):
    """The metric over two batches, without weights and, where they are one for each sample, with."""
    plain, weighted = (metric_of(name, options, true, pred) for _ in range(2))
    half = len(true) // 2
    for part in (slice(None, half), slice(half, None)):
        plain.update_state(true[part], pred[part])
        if name not in UNWEIGHTED and pred.ndim == 2:
            weighted.update_state(true[part], pred[part], sample_weight=weights_of(true)[part])
    values = {"value": np.asarray(plain.result(), dtype=np.float64).tolist()}
    if name not in UNWEIGHTED and pred.ndim == 2:
        values["weighted"] = np.asarray(weighted.result(), dtype=np.float64).tolist()
    return {"metric": {"kind": name, **camel(options)}, **values}


def weights_of(true):
    return np.linspace(0, 2.5, len(true)).astype(np.float32)


def broadcast_weights(true, pred):
    """Keras broadcasts by the last dimensions: a weight for each sample of a sequence needs one for its time."""
    weights = weights_of(true)
    return weights[:, None] if pred.ndim == 3 else weights


def confusion(true, pred):
    """Keras has no such metric; rows are the true classes."""
    if pred.shape[-1] == 1:
        return tf.math.confusion_matrix(true.ravel(), (pred > 0.5).ravel(), num_classes=2).numpy().tolist()
    labels = np.argmax(true, -1) if true.shape == pred.shape else true
    return tf.math.confusion_matrix(labels.ravel(), np.argmax(pred, -1).ravel(), pred.shape[-1]).numpy().tolist()


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
    for name, options, sets in METRICS:
        for dataset in sets:
            metrics.append({**metric_golden(name, options, *data[dataset]), "data": dataset})
    for dataset in ("classes", "labels", "multi-label-logits", "binary", "sequence-labels"):
        true, pred = data[dataset]
        metrics.append({"metric": {"kind": "confusionMatrix"}, "data": dataset, "value": confusion(true, pred)})
    described = {
        name: {
            "true": {"shape": list(true.shape), "dtype": str(true.dtype), "values": flat(true)},
            "pred": {"shape": list(pred.shape), "dtype": str(pred.dtype), "values": flat(pred)},
            "weights": flat(weights_of(true)),
        }
        for name, (true, pred) in data.items()
    }
    write("losses-and-metrics", {"data": described, "losses": losses, "activated": activated, "metrics": metrics})
