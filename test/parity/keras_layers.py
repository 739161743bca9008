"""Writes outputs, gradients and configurations of Keras's layers and activations, which those of Lockstep must equal.

    venv/bin/python test/parity/keras_layers.py

Cases name layers as Lockstep does, with Keras's class and Keras's own option names; the golden file has them in camelCase.
Weights and inputs are random, so that nothing hides behind zeros. Computed eagerly in float32 on the CPU.
"""

import re

from golden_file import flat, write  # first: it chooses Keras's backend
import keras
import numpy as np
import tensorflow as tf
from keras import layers

vector, sequence, image, volume = (6,), (5, 4), (5, 6, 4), (4, 4, 4, 1)


ROWS = 3


class Position(layers.Layer):
    """keras_hub's PositionEmbedding by its documentation: learned values of each position."""

    def __init__(self, sequence_length, initializer="glorot_uniform"):
        super().__init__()
        self.sequence_length = sequence_length

    def build(self, shape):
        self.positions = self.add_weight(shape=(self.sequence_length, shape[-1]), name="embeddings")

    def call(self, x):
        return tf.broadcast_to(self.positions[: x.shape[1]], x.shape)


class SinePosition(layers.Layer):
    """keras_hub's SinePositionEncoding by its documentation."""

    def __init__(self, max_wavelength=10000):
        super().__init__()
        self.max_wavelength = max_wavelength

    def call(self, x):
        _, time, features = x.shape
        feature = np.arange(features)
        angles = np.arange(time)[:, None] * self.max_wavelength ** (-2.0 * (feature // 2) / features)
        values = np.where(feature % 2 == 0, np.sin(angles), np.cos(angles))
        return tf.broadcast_to(tf.constant(values, tf.float32), x.shape)


class Call:
    """A layer of Keras with arguments that are Keras's call's, and options of the layer in Lockstep."""

    def __init__(self, keras_class, call_options):
        self.keras_class, self.call_options = keras_class, call_options


def one(layer, keras_class, options=None, shape=vector, **more):
    """A case of one layer."""
    return {"layers": [(layer, keras_class, options or {})], "shapes": [shape], **more}


def tokens(*chain):
    """Layers behind a masked embedding."""
    embedding = ("embedding", layers.Embedding, {"input_dim": 9, "output_dim": 4, "mask_zero": True})
    return {"layers": [embedding, *chain], "shapes": [(5,)], "vocabulary": 9}


attention = {"num_heads": 2, "key_dim": 3}
causal = Call(layers.MultiHeadAttention, {"use_causal_mask": True})

CASES = {
    "dense": one("dense", layers.Dense, {"units": 3}),
    "dense of a sequence": one("dense", layers.Dense, {"units": 3, "use_bias": False}, sequence),
    "embedding": {
        "layers": [("embedding", layers.Embedding, {"input_dim": 9, "output_dim": 4})],
        "shapes": [(5,)],
        "vocabulary": 9,
    },
    "flatten": one("flatten", layers.Flatten, {}, image),
    "reshape": one("reshape", layers.Reshape, {"target_shape": [2, 3]}),
    "permute": one("permute", layers.Permute, {"dims": [2, 1]}, sequence),
    "repeatVector": one("repeatVector", layers.RepeatVector, {"n": 3}),
    "masking": {
        "layers": [("masking", layers.Masking, {"mask_value": 0}), ("lstm", layers.LSTM, {"units": 3})],
        "shapes": [sequence],
        "zeros": True,
    },
    "rescaling": one("rescaling", layers.Rescaling, {"scale": 0.5, "offset": 1}),
    "activation": one("activation", layers.Activation, {"activation": "softplus"}),
    "conv1d": one("conv1d", layers.Conv1D, {"filters": 3, "kernel_size": 2}, sequence),
    "conv1d, causal, dilated": one(
        "conv1d", layers.Conv1D, {"filters": 3, "kernel_size": 2, "padding": "causal", "dilation_rate": 2}, sequence
    ),
    "conv1d, strided, same": one(
        "conv1d", layers.Conv1D, {"filters": 3, "kernel_size": 3, "padding": "same", "strides": 2}, sequence
    ),
    "conv1d in groups": one(
        "conv1d", layers.Conv1D, {"filters": 4, "kernel_size": 2, "groups": 2, "activation": "relu"}, sequence
    ),
    "conv2d": one("conv2d", layers.Conv2D, {"filters": 3, "kernel_size": 3, "activation": "relu"}, image),
    "conv2d, strided, same": one(
        "conv2d", layers.Conv2D, {"filters": 3, "kernel_size": [3, 2], "strides": 2, "padding": "same"}, image
    ),
    "conv2d, dilated": one("conv2d", layers.Conv2D, {"filters": 3, "kernel_size": 2, "dilation_rate": 2}, image),
    "conv2d in groups": one(
        "conv2d", layers.Conv2D, {"filters": 4, "kernel_size": 3, "groups": 2, "padding": "same", "strides": 2}, image
    ),
    "conv3d": one("conv3d", layers.Conv3D, {"filters": 2, "kernel_size": 2}, volume),
    "conv2dTranspose": one("conv2dTranspose", layers.Conv2DTranspose, {"filters": 3, "kernel_size": 3, "strides": 2}, image),
    "conv2dTranspose, same": one(
        "conv2dTranspose",
        layers.Conv2DTranspose,
        {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same", "activation": "sigmoid"},
        image,
    ),
    "depthwiseConv2d": one("depthwiseConv2d", layers.DepthwiseConv2D, {"kernel_size": 3, "depth_multiplier": 2}, image),
    "depthwiseConv2d, dilated, same": one(
        "depthwiseConv2d", layers.DepthwiseConv2D, {"kernel_size": 2, "dilation_rate": 2, "padding": "same"}, image
    ),
    "separableConv2d, dilated": one(
        "separableConv2d",
        layers.SeparableConv2D,
        {"filters": 3, "kernel_size": 2, "dilation_rate": 3, "activation": "tanh"},
        image,
    ),
    "conv2d in groups, dilated": one(
        "conv2d", layers.Conv2D, {"filters": 4, "kernel_size": 2, "groups": 2, "dilation_rate": 2}, image
    ),
    "separableConv2d": one("separableConv2d", layers.SeparableConv2D, {"filters": 3, "kernel_size": 3}, image),
    "zeroPadding1d": one("zeroPadding1d", layers.ZeroPadding1D, {"padding": [2, 1]}, sequence),
    "zeroPadding1d by default": one("zeroPadding1d", layers.ZeroPadding1D, {}, sequence),
    "zeroPadding2d": one("zeroPadding2d", layers.ZeroPadding2D, {}, image),
    "cropping1d": one("cropping1d", layers.Cropping1D, {"cropping": [2, 1]}, sequence),
    "cropping1d by default": one("cropping1d", layers.Cropping1D, {}, sequence),
    "cropping2d": one("cropping2d", layers.Cropping2D, {"cropping": [[1, 2], [0, 1]]}, image),
    "upSampling1d": one("upSampling1d", layers.UpSampling1D, {}, sequence),
    "upSampling1d by 3": one("upSampling1d", layers.UpSampling1D, {"size": 3}, sequence),
    "upSampling2d": one("upSampling2d", layers.UpSampling2D, {}, image),
    "maxPooling1d": one("maxPooling1d", layers.MaxPooling1D, {}, sequence),
    "maxPooling2d": one("maxPooling2d", layers.MaxPooling2D, {}, image),
    "maxPooling2d, overlapping, same": one(
        "maxPooling2d", layers.MaxPooling2D, {"pool_size": 3, "strides": 2, "padding": "same"}, image
    ),
    "maxPooling3d": one("maxPooling3d", layers.MaxPooling3D, {}, volume),
    "averagePooling1d": one("averagePooling1d", layers.AveragePooling1D, {"pool_size": 2}, sequence),
    "averagePooling2d": one("averagePooling2d", layers.AveragePooling2D, {"pool_size": 2, "padding": "same"}, image),
    "averagePooling3d": one("averagePooling3d", layers.AveragePooling3D, {"pool_size": 2}, volume),
    "globalMaxPooling1d": one("globalMaxPooling1d", layers.GlobalMaxPooling1D, {}, sequence),
    "globalMaxPooling2d": one("globalMaxPooling2d", layers.GlobalMaxPooling2D, {}, image),
    "globalAveragePooling1d": one("globalAveragePooling1d", layers.GlobalAveragePooling1D, {}, sequence),
    "globalAveragePooling2d": one("globalAveragePooling2d", layers.GlobalAveragePooling2D, {}, image),
    "lstm": one("lstm", layers.LSTM, {"units": 3}, sequence),
    "lstm of sequences, backwards": one(
        "lstm", layers.LSTM, {"units": 3, "return_sequences": True, "go_backwards": True}, sequence
    ),
    "gru": one("gru", layers.GRU, {"units": 3}, sequence),
    "gru of sequences": one("gru", layers.GRU, {"units": 3, "return_sequences": True}, sequence),
    "gru backwards": one("gru", layers.GRU, {"units": 3, "go_backwards": True}, sequence),
    "gru without bias": one("gru", layers.GRU, {"units": 3, "use_bias": False}, sequence),
    "gru of other activations": one(
        "gru", layers.GRU, {"units": 3, "activation": "elu", "recurrent_activation": "hard_sigmoid"}, sequence
    ),
    "gru that resets before": one("gru", layers.GRU, {"units": 3, "reset_after": False}, sequence),
    "simpleRNN": one("simpleRNN", layers.SimpleRNN, {"units": 3}, sequence),
    "bidirectional lstm": one(
        "bidirectional", layers.Bidirectional, {"layer": ("lstm", layers.LSTM, {"units": 3})}, sequence
    ),
    "bidirectional gru of sequences, sum": one(
        "bidirectional",
        layers.Bidirectional,
        {"layer": ("gru", layers.GRU, {"units": 3, "return_sequences": True}), "merge_mode": "sum"},
        sequence,
    ),
    "timeDistributed": one(
        "timeDistributed", layers.TimeDistributed, {"layer": ("dense", layers.Dense, {"units": 3})}, sequence
    ),
    "stacked": {
        "layers": [
            ("lstm", layers.LSTM, {"units": 3, "return_sequences": True}),
            ("gru", layers.GRU, {"units": 3, "return_sequences": True}),
            ("simpleRNN", layers.SimpleRNN, {"units": 2}),
        ],
        "shapes": [sequence],
    },
    "masked lstm": tokens(("lstm", layers.LSTM, {"units": 3})),
    "masked gru": tokens(("gru", layers.GRU, {"units": 3})),
    "masked bidirectional gru": tokens(("bidirectional", layers.Bidirectional, {"layer": ("gru", layers.GRU, {"units": 3})})),
    "masked bidirectional lstm of sequences": tokens(
        ("bidirectional", layers.Bidirectional, {"layer": ("lstm", layers.LSTM, {"units": 3, "return_sequences": True})})
    ),
    "masked mean": tokens(("globalAveragePooling1d", layers.GlobalAveragePooling1D, {})),
    "a mask that ends": tokens(
        ("lstm", layers.LSTM, {"units": 3}),
        ("repeatVector", layers.RepeatVector, {"n": 5}),
        ("gru", layers.GRU, {"units": 2}),
    ),
    "masked attention": tokens(
        ("multiHeadAttention", layers.MultiHeadAttention, attention),
        ("globalAveragePooling1d", layers.GlobalAveragePooling1D, {}),
    ),
    "masked causal attention": tokens(("multiHeadAttention", causal, attention)),
    "multiHeadAttention to itself": one("multiHeadAttention", layers.MultiHeadAttention, attention, sequence),
    "multiHeadAttention, causal": one("multiHeadAttention", causal, {**attention, "value_dim": 2}, sequence),
    "multiHeadAttention to another": {
        "layers": [("multiHeadAttention", layers.MultiHeadAttention, {**attention, "use_bias": False, "output_shape": 5})],
        "shapes": [sequence, (3, 6)],
    },
    "multiHeadAttention with a mask": {
        "layers": [("multiHeadAttention", layers.MultiHeadAttention, attention)],
        "shapes": [sequence, (3, 6), (3, 2), (5, 3)],
        "masks": True,
    },
    "positionEmbedding": one("positionEmbedding", Position, {"sequence_length": 7}, sequence),
    "sinePositionEncoding": one("sinePositionEncoding", SinePosition, {}, sequence),
    "batchNormalization": one("batchNormalization", layers.BatchNormalization, {}, image),
    "batchNormalization in training": one("batchNormalization", layers.BatchNormalization, {}, image, training=True),
    "batchNormalization of a vector in training": one(
        "batchNormalization", layers.BatchNormalization, {"momentum": 0.8, "epsilon": 0.01}, vector, training=True
    ),
    "batchNormalization without weights in training": one(
        "batchNormalization", layers.BatchNormalization, {"center": False, "scale": False}, sequence, training=True
    ),
    "layerNormalization": one("layerNormalization", layers.LayerNormalization, {}, sequence),
    "dropout": one("dropout", layers.Dropout, {"rate": 0.4}),
    "spatialDropout1d": one("spatialDropout1d", layers.SpatialDropout1D, {"rate": 0.4}, sequence),
    "spatialDropout2d": one("spatialDropout2d", layers.SpatialDropout2D, {"rate": 0.4}, image),
    "gaussianNoise": one("gaussianNoise", layers.GaussianNoise, {"stddev": 0.4}),
    "gaussianDropout": one("gaussianDropout", layers.GaussianDropout, {"rate": 0.4}),
    "alphaDropout": one("alphaDropout", layers.AlphaDropout, {"rate": 0.4}),
    **{
        name: {"layers": [(name, getattr(layers, name.capitalize()), {})], "shapes": [sequence, sequence]}
        for name in ("add", "subtract", "multiply", "average", "maximum", "minimum", "concatenate")
    },
    "dot": {"layers": [("dot", layers.Dot, {"axes": 1})], "shapes": [vector, vector]},
    "reLU": one("reLU", layers.ReLU),
    "reLU with a ceiling": one("reLU", layers.ReLU, {"max_value": 1}),
    "reLU with slope and threshold": one("reLU", layers.ReLU, {"negative_slope": 0.1, "threshold": 0.3, "max_value": 1}),
    "leakyReLU": one("leakyReLU", layers.LeakyReLU),
    "leakyReLU with a slope": one("leakyReLU", layers.LeakyReLU, {"negative_slope": 0.1}),
    "prelu": one("prelu", layers.PReLU),
    "elu": one("elu", layers.ELU),
    "elu with an alpha": one("elu", layers.ELU, {"alpha": 0.5}),
    "softmax": one("softmax", layers.Softmax, {}, sequence),
}

ACTIVATIONS = """celu elu exponential gelu hard_sigmoid hard_silu leaky_relu linear log_sigmoid log_softmax mish relu relu6
    selu sigmoid silu softmax softplus softsign tanh""".split()


def camel(name):
    return re.sub(r"_(\w)", lambda match: match[1].upper(), name)


def build(keras_class, options):
    """The layer, the call's arguments, and Lockstep's options."""
    call_options = {}
    if isinstance(keras_class, Call):
        keras_class, call_options = keras_class.keras_class, keras_class.call_options
    inner, described = {}, {}
    for key, value in options.items():
        if key == "layer":
            name, inner_class, inner_options = value
            inner[key], _, below = build(inner_class, inner_options)
            described[key] = {"layer": name, "options": below}
        else:
            inner[key], described[camel(key)] = value, camel(value) if isinstance(value, str) else value
    described.update({camel(key): value for key, value in call_options.items()})
    return keras_class(**inner), call_options, described


def make_inputs(random, shapes, vocabulary=None, masks=False, zeros=False, **_):
    inputs = []
    for number, shape in enumerate(shapes):
        if vocabulary is not None:
            values = random.randint(1, vocabulary, size=(ROWS, *shape))
            values[0, 3:] = 0  # padding
            values[2, 4:] = 0
        elif masks and number == len(shapes) - 1:
            values = random.randint(0, 2, size=(ROWS, *shape))
            values[0, 1] = 0  # a query that may attend to nothing
        else:
            values = random.normal(size=(ROWS, *shape))
            if zeros:
                values[1, 3:] = 0
        inputs.append(tf.constant(values, tf.float32))
    return inputs


def call(layer, inputs, options, masks, training):
    if not isinstance(layer, layers.MultiHeadAttention):
        return layer(inputs if len(inputs) > 1 else inputs[0], training=training)
    query, value, *rest = inputs if len(inputs) > 1 else (inputs[0], inputs[0])
    key = rest[0] if rest else None
    return layer(query, value, key, attention_mask=rest[1] if masks else None, training=training, **options)


def run(number, case):
    random = np.random.RandomState(number)
    chain = [build(keras_class, options) for _, keras_class, options in case["layers"]]
    inputs = make_inputs(random, **case)
    training, masks = case.get("training", False), case.get("masks", False)

    def forward():
        values = inputs
        for layer, options, _ in chain:
            values = [call(layer, values, options, masks, training)]
        return values[0]

    forward()
    weights = [weight for layer, _, _ in chain for weight in layer.weights]
    for weight in weights:
        values = random.normal(scale=0.5, size=weight.shape)
        weight.assign(0.5 + np.abs(values) if "variance" in weight.name else values)
    initial = [flat(weight) for weight in weights]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = forward()
        cotangent = tf.constant(random.normal(size=outputs.shape), tf.float32)
        total = tf.reduce_sum(outputs * cotangent)
    trainable = [weight.value for layer, _, _ in chain for weight in layer.trainable_weights]
    gradients = tape.gradient(total, [*inputs, *trainable], unconnected_gradients="zero")
    gradients = [tf.convert_to_tensor(gradient) for gradient in gradients]
    has_gradient = "vocabulary" not in case
    return {
        "layers": [
            {"layer": name, "options": described, "config": config_of(layer)}
            for (name, _, _), (layer, _, described) in zip(case["layers"], chain)
        ],
        "training": training,
        "vocabulary": case.get("vocabulary"),
        "inputs": [{"shape": list(value.shape), "values": flat(value)} for value in inputs],
        "weights": [
            {"shape": list(weight.shape), "values": values, "after": flat(weight) if training else None}
            for weight, values in zip(weights, initial)
        ],
        "output": {"shape": list(outputs.shape), "values": flat(outputs)},
        "cotangent": flat(cotangent),
        "inputGradients": [flat(value) for value in gradients[: len(inputs) - int(masks)]] if has_gradient else [],
        "weightGradients": [flat(value) for value in gradients[len(inputs) :]],
    }


def config_of(layer):
    """Null for what Keras itself lacks."""
    if not type(layer).__module__.startswith("keras."):
        return None
    return keras.saving.serialize_keras_object(layer)["config"]


def activations():
    x = tf.Variable(np.array([[-9, -3, -2.5, -1, -0.3, -0.01], [0.01, 0.3, 1, 2.5, 3.5, 9]], dtype=np.float32))
    cotangent = tf.constant(np.random.RandomState(1).normal(size=x.shape), tf.float32)
    functions = {camel(name): keras.activations.get(name) for name in ACTIVATIONS}
    functions["geluApproximate"] = lambda x: keras.activations.gelu(x, approximate=True)
    functions["swish"] = keras.activations.get("swish")
    cases = []
    for name, function in functions.items():
        with tf.GradientTape() as tape:
            y = function(x.value())
        gradient = tape.gradient(y, x, output_gradients=cotangent)
        cases.append({"activation": name, "output": flat(y), "gradient": flat(gradient)})
    return {"shape": list(x.shape), "x": flat(x), "cotangent": flat(cotangent), "cases": cases}


if __name__ == "__main__":
    write(
        "layers",
        {
            "cases": [{"name": name, **run(number, case)} for number, (name, case) in enumerate(CASES.items())],
            "activations": activations(),
        },
    )
