"""Writes the loss and metrics of 20 training steps of each family of models, which those of examples/ must equal.

    venv/bin/python test/parity/keras_families.py

The models are those of the examples of these names. Initial weights and batches come from `draw`, which the test has
too, so that the golden file holds results alone. Computed eagerly in float32 on the CPU.
"""

from golden_file import flat, write  # first: it chooses Keras's backend
import keras
import numpy as np
import tensorflow as tf
from keras import layers
from keras_layers import Position

STEPS, ROWS, BATCHES = 20, 8, 4


def draw(count, salt):
    """float32 values in [0, 1) of 24 random bits, by 32-bit integer arithmetic alone."""
    with np.errstate(over="ignore"):
        x = (np.arange(count, dtype=np.uint32) + np.uint32(1)) * np.uint32(0x85EBCA6B) + np.uint32(salt) * np.uint32(0x9E3779B1)
        x = (x ^ (x >> np.uint32(13))) * np.uint32(0xC2B2AE35)
        x = (x ^ (x >> np.uint32(16))) * np.uint32(0x27D4EB2F)
        x = x ^ (x >> np.uint32(15))
    return ((x >> np.uint32(8)).astype(np.float64) / 2**24).astype(np.float32)


class MaskedPosition(Position):
    """keras_hub's hands the mask on, and takes any number of samples."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.supports_masking = True

    def call(self, x):
        return tf.zeros_like(x) + self.positions[: x.shape[1]]


def small_cnn():
    return keras.Sequential(
        [
            layers.Input((16, 16, 3)),
            layers.Conv2D(16, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(32, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


def recurrent_stack():
    return keras.Sequential(
        [
            layers.Input((12, 2)),
            layers.Bidirectional(layers.LSTM(8, return_sequences=True)),
            layers.GRU(8, return_sequences=True),
            layers.SimpleRNN(8),
            layers.Dense(3, activation="softmax"),
        ]
    )


def autoencoder_dense():
    units = [(32, "relu"), (8, "relu"), (32, "relu"), (64, "sigmoid")]
    return keras.Sequential([layers.Input((64,)), *(layers.Dense(n, activation=name) for n, name in units)])


def autoencoder_convolutional():
    same = {"padding": "same", "activation": "relu"}
    return keras.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(8, 3, strides=2, **same),
            layers.Conv2D(4, 3, strides=2, **same),
            layers.Conv2DTranspose(8, 3, strides=2, **same),
            layers.Conv2DTranspose(8, 3, strides=2, **same),
            layers.Conv2D(1, 3, padding="same", activation="sigmoid"),
        ]
    )


def autoencoder_denoising():
    same = {"padding": "same", "activation": "relu"}
    return keras.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(8, 3, **same),
            layers.MaxPooling2D(),
            layers.Conv2D(8, 3, **same),
            layers.UpSampling2D(),
            layers.Conv2D(1, 3, padding="same", activation="sigmoid"),
        ]
    )


def encoder(x, heads, inner, activation, causal=False):
    """keras_hub's TransformerEncoder by its documentation, without dropout."""
    features = x.shape[-1]
    attention = layers.MultiHeadAttention(heads, features // heads)
    x = layers.LayerNormalization(epsilon=1e-5)(layers.Add()([x, attention(x, x, use_causal_mask=causal)]))
    y = layers.Dense(features)(layers.Dense(inner, activation=activation)(x))
    return layers.LayerNormalization(epsilon=1e-5)(layers.Add()([x, y]))


def transformer_classifier():
    words = layers.Input((8,))
    embedded = layers.Embedding(12, 16, mask_zero=True)(words)
    placed = layers.Add()([embedded, MaskedPosition(8)(embedded)])
    mean = layers.GlobalAveragePooling1D()(encoder(placed, 4, 32, "gelu"))
    return keras.Model(words, layers.Dense(2, activation="softmax")(mean))


def language_model():
    letters = layers.Input((24,))
    embedded = layers.Embedding(28, 32)(letters)
    placed = layers.Add()([embedded, MaskedPosition(24)(embedded)])
    return keras.Model(letters, layers.Dense(28, activation="softmax")(encoder(placed, 4, 64, "relu", causal=True)))


def two_inputs():
    points = [layers.Input((2,)), layers.Input((2,))]
    shared = layers.Dense(16, activation="tanh")
    placed = [shared(point) for point in points]
    merged = layers.Concatenate()([layers.Subtract()(placed), layers.Multiply()(placed)])
    hidden = layers.Dense(16, activation="relu")(merged)
    near = layers.Dense(1, activation="sigmoid", name="near")(hidden)
    return keras.Model(points, [near, layers.Dense(1, name="distance")(hidden)])


def own_loss():
    units = [(24, "tanh"), (24, "tanh"), (3, None)]
    return keras.Sequential([layers.Input((1,)), *(layers.Dense(n, activation=name) for n, name in units)])


def pinball(y_true, y_pred):
    error = y_true - y_pred
    return tf.maximum(error * [0.1, 0.5, 0.9], error * [-0.9, -0.5, -0.1])


def covered(y_true, y_pred):
    return tf.cast((y_pred[:, :1] <= y_true) & (y_true <= y_pred[:, 2:]), tf.float32)


def own_loop():
    return keras.Sequential([layers.Input((6,)), layers.Dense(8, activation="relu"), layers.Dense(4)])


class DenseAdam(keras.optimizers.Adam):
    """Adam by its formula. On TensorFlow alone Keras gives it an embedding's gradient in slices, one for each token, and it
    adds up the squares of a token's slices instead of squaring their sum; on other backends gradients are dense."""

    def update_step(self, gradient, variable, learning_rate):
        super().update_step(tf.convert_to_tensor(gradient), variable, learning_rate)


def adam(rate):
    return lambda: DenseAdam(rate)


sparse = "sparse_categorical_crossentropy"

# [model, optimizer, loss, metrics, what inputs and targets are: a range of whole numbers, or None for numbers from -1 to
# 1; more of compile's options]
FAMILIES = {
    "small-cnn": (small_cnn, adam(0.003), "categorical_crossentropy", ["accuracy"], [None], [("one-hot", 10)]),
    "recurrent-stack": (recurrent_stack, adam(0.01), sparse, ["accuracy"], [None], [((1,), 3)]),
    "autoencoder-dense": (autoencoder_dense, adam(0.01), "binary_crossentropy", ["binary_accuracy"], [2], [((64,), 2)]),
    "autoencoder-convolutional": (
        autoencoder_convolutional, adam(0.01), "binary_crossentropy", ["binary_accuracy"], [2], [((8, 8, 1), 2)],
    ),
    "autoencoder-denoising": (
        autoencoder_denoising, adam(0.01), "mean_squared_error", ["mean_absolute_error"], [None], [((8, 8, 1), 2)],
    ),
    "transformer-classifier": (transformer_classifier, adam(0.005), sparse, ["accuracy"], [12], [((1,), 2)]),
    "language-model": (language_model, adam(0.005), sparse, ["accuracy"], [28], [((24,), 28)]),
    "two-inputs": (
        two_inputs, adam(0.01), {"near": "binary_crossentropy", "distance": "mean_squared_error"},
        {"near": ["accuracy"], "distance": ["mean_absolute_error"]}, [None, None], [((1,), 2), ((1,), None)],
        {"loss_weights": {"near": 1, "distance": 2}},
    ),
    "own-loss": (own_loss, adam(0.01), pinball, [covered], [None], [((1,), None)]),
    "own-loop": (
        own_loop, adam(0.01), keras.losses.CategoricalCrossentropy(from_logits=True), ["accuracy"], [None],
        [("one-hot", 4)],
    ),
}  # fmt: skip


def values(shape, below, salt):
    drawn = draw(int(np.prod(shape)), salt).reshape(shape)
    return 2 * drawn - 1 if below is None else np.floor(drawn * below).astype(np.float32)


def target(spec, salt):
    shape, below = spec
    if shape == "one-hot":
        return np.eye(below, dtype=np.float32)[values((ROWS,), below, salt).astype(int)]
    return values((ROWS, *shape), below, salt)


def initial(weight, index):
    drawn = 2 * draw(int(np.prod(weight.shape)), 1000 + index).reshape(weight.shape) - 1
    if len(weight.shape) == 1:
        return (1 if "gamma" in weight.name else 0) + 0.1 * drawn
    return np.sqrt(6 / (np.prod(weight.shape[:-1]) + weight.shape[-1])).astype(np.float32) * drawn


def train(build, optimizer, loss, metrics, inputs, targets, more={}):
    model = build()
    model.compile(optimizer=optimizer(), loss=loss, metrics=metrics, run_eagerly=True, **more)
    for index, weight in enumerate(model.weights):
        weight.assign(initial(weight, index))
    steps = []
    for step in range(STEPS):
        batch = step % BATCHES
        given = [
            values((ROWS, *tensor.shape[1:]), below, 10 * batch + place)
            for place, (tensor, below) in enumerate(zip(model.inputs, inputs))
        ]
        wanted = [target(spec, 10 * batch + 5 + place) for place, spec in enumerate(targets)]
        one = len(wanted) == 1
        report = model.train_on_batch(given if len(given) > 1 else given[0], wanted[0] if one else wanted, return_dict=True)
        model.reset_metrics()
        steps.append({name: float(value) for name, value in report.items()})
    return {
        "inputs": [{"shape": list(tensor.shape[1:]), "below": below} for tensor, below in zip(model.inputs, inputs)],
        "targets": [{"shape": shape if shape == "one-hot" else list(shape), "below": below} for shape, below in targets],
        "weights": [list(weight.shape) for weight in model.weights],
        "steps": steps,
    }


if __name__ == "__main__":
    write(
        "families",
        {"drawn": flat(draw(3, 7)), "rows": ROWS, "batches": BATCHES, "families": {name: train(*family) for name, family in FAMILIES.items()}},
    )
