"""What Python Keras and TensorFlow make of models that Lockstep exported, and models for Lockstep to import.

    python test/parity/keras_exchange.py predict < requests.json     [{"path", "inputs": [{"shape", "values"}]}, …]
    python test/parity/keras_exchange.py make DIRECTORY

The first prints one line of JSON: per request the outputs, each flat, or {"error": text}. A SavedModel's inputs have names
and its request has "outputs", their names in order. The second saves one model of
each family in several forms and prints, per model, its name, some inputs and the outputs for them.
"""

import json
import os
import sys

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import keras
import numpy as np
import tensorflow as tf
from keras import layers


def flat(array):
    return [float(value) for value in np.asarray(array, dtype=np.float64).ravel()]


def arrays(inputs):
    return [np.asarray(item["values"], dtype=np.float32).reshape(item["shape"]) for item in inputs]


def predict_keras(path, inputs):
    model = keras.saving.load_model(path)
    values = arrays(inputs)
    outputs = model(values if len(values) > 1 else values[0], training=False)
    return [flat(output) for output in (outputs if isinstance(outputs, (list, tuple)) else [outputs])]


def predict_saved_model(request):
    served = tf.saved_model.load(request["path"]).signatures["serving_default"]
    _, specs = served.structured_input_signature
    values = {
        item["name"]: tf.cast(array, specs[item["name"]].dtype)
        for item, array in zip(request["inputs"], arrays(request["inputs"]))
    }
    outputs = served(**values)
    if len(values) == 1:
        layer = keras.layers.TFSMLayer(request["path"], call_endpoint="serving_default")
        for name, again in layer(*values.values()).items():
            np.testing.assert_array_equal(outputs[name], again)
    return [flat(outputs[name]) for name in request["outputs"]]


def predict(request):
    try:
        if "outputs" in request:
            return predict_saved_model(request)
        return predict_keras(request["path"], request["inputs"])
    except Exception as error:  # reported to the test, which names the model
        return {"error": f"{type(error).__name__}: {error}"}


def sequential(*layers):
    return lambda: keras.Sequential(list(layers))


def branched():
    left, right = keras.Input((6,), name="left"), keras.Input((6,), name="right")
    shared = layers.Dense(4, activation="tanh")
    joined = layers.Concatenate()([shared(left), shared(right), layers.Dense(4)(left)])
    deep = layers.Dense(5, activation="relu")(joined)
    return keras.Model([left, right], [layers.Dense(3, activation="softmax")(deep), layers.Dense(1)(joined)])


def nested():
    inner = keras.Sequential([keras.Input((6,)), layers.Dense(6, activation="tanh"), layers.BatchNormalization()])
    x, y = keras.Input((6,)), keras.Input((6,))
    joiner = keras.Model([x, y], layers.Dense(6)(layers.Add()([x, y])))
    source = keras.Input((6,))
    once = inner(source)
    again = inner(once)
    return keras.Model(source, [joiner([joiner([once, again]), source]), inner(again)])


def encoder_decoder():
    source, target = keras.Input((5, 4)), keras.Input((3, 2))
    _, *states = layers.LSTM(3, return_state=True)(source)
    return keras.Model([source, target], layers.LSTM(3, return_sequences=True)(target, initial_state=states))


def attention():
    query, value, mask = keras.Input((4, 6)), keras.Input((3, 5)), keras.Input((4, 3))
    attended = layers.MultiHeadAttention(2, 3, value_dim=2, output_shape=6)(query, value, attention_mask=mask)
    causal = layers.MultiHeadAttention(2, 3)(attended, attended, use_causal_mask=True)
    return keras.Model([query, value, mask], layers.Subtract()([query, causal]))


MODELS = {
    "dense": sequential(
        keras.Input((6,)),
        layers.Dense(5, activation="relu", kernel_regularizer="l2", kernel_constraint="max_norm"),
        layers.Dropout(0.4),
        layers.Dense(4, activation="silu", use_bias=False, kernel_initializer="he_normal"),
        layers.Dense(3, activation="softmax"),
    ),
    "activations": sequential(
        keras.Input((6,)),
        *[layers.Dense(5, activation=name) for name in ("elu", "gelu", "mish", "relu6", "selu", "softplus", "tanh")],
        layers.ReLU(max_value=1),
        layers.LeakyReLU(negative_slope=0.2),
        layers.PReLU(),
        layers.Rescaling(3, offset=0.5),
        layers.Softmax(),
    ),
    "CNN with batch normalization": sequential(
        keras.Input((9, 9, 3)),
        layers.Conv2D(4, 3, padding="same", activation="relu"),
        layers.BatchNormalization(epsilon=0.01),
        layers.MaxPooling2D(),
        layers.ZeroPadding2D(1),
        layers.SeparableConv2D(5, 2, strides=2, depth_multiplier=2),
        layers.DepthwiseConv2D(2, depth_multiplier=2, padding="same"),
        layers.BatchNormalization(scale=False, trainable=False),
        layers.GlobalAveragePooling2D(),
        layers.Dense(3),
    ),
    "convolutions of sequences": sequential(
        keras.Input((8, 3)),
        layers.Conv1D(4, 3, dilation_rate=2, padding="same"),
        layers.MaxPooling1D(),
        layers.SpatialDropout1D(0.2),
        layers.Flatten(),
        layers.Reshape((4, 4)),
        layers.GlobalMaxPooling1D(),
    ),
    "convolutional autoencoder": sequential(
        keras.Input((8, 8, 1)),
        layers.Conv2D(4, 3, strides=2, padding="same"),
        layers.Conv2DTranspose(4, 3, strides=2, padding="same", activation="relu"),
        layers.UpSampling2D(),
        layers.Conv2DTranspose(1, 2, activation="sigmoid"),
    ),
    "layer normalization": sequential(
        keras.Input((5, 4)), layers.Dense(6), layers.LayerNormalization(), layers.Flatten(), layers.Dense(2)
    ),
    "LSTM": sequential(
        keras.Input((5, 4)),
        layers.LSTM(3, return_sequences=True, dropout=0.1),
        layers.LSTM(3, go_backwards=True),
        layers.Dense(2),
    ),
    "GRU": sequential(
        keras.Input((5, 4)),
        layers.GRU(3, return_sequences=True, reset_after=False),
        layers.GRU(3, reset_after=False),
        layers.Dense(2),
    ),
    "SimpleRNN": sequential(keras.Input((5, 4)), layers.SimpleRNN(3, return_sequences=True), layers.SimpleRNN(2)),
    "bidirectional": sequential(
        keras.Input((5, 4)),
        layers.Bidirectional(layers.LSTM(3, return_sequences=True)),
        layers.Bidirectional(layers.GRU(3, reset_after=False), merge_mode="sum"),
    ),
    "masked embedding and LSTM": sequential(
        keras.Input((5,)), layers.Embedding(9, 4, mask_zero=True), layers.LSTM(3), layers.Dense(2)
    ),
    "recurrent cells": sequential(
        keras.Input((5, 4)), layers.RNN([layers.LSTMCell(3), layers.GRUCell(2, reset_after=False)]), layers.Dense(2)
    ),
    "layers over time": sequential(
        keras.Input((3, 4, 4, 2)),
        layers.TimeDistributed(layers.Conv2D(2, 2)),
        layers.TimeDistributed(layers.BatchNormalization()),
        layers.ConvLSTM2D(2, 2),
        layers.Flatten(),
    ),
    "two inputs, two outputs, a shared layer": branched,
    "models in a model": nested,
    "LSTM from another's states": encoder_decoder,
    "GRU that resets after the product": sequential(
        keras.Input((5, 4)),
        layers.GRU(3, return_sequences=True),
        layers.Bidirectional(layers.GRU(2, use_bias=False)),
    ),
    "groups, causal padding and activations of Keras alone": sequential(
        keras.Input((6, 4)),
        layers.Conv1D(4, 2, groups=2, padding="causal", dilation_rate=2, activation="hard_sigmoid"),
        layers.ZeroPadding1D((2, 1)),
        layers.UpSampling1D(3),
        layers.Cropping1D((1, 3)),
        layers.Reshape((23, 2, 2)),
        layers.SpatialDropout2D(0.3),
        layers.Conv2D(2, 2, groups=2, activation="leaky_relu"),
        layers.ReLU(negative_slope=0.1, threshold=0.2, max_value=1),
        layers.ELU(0.5),
    ),
    "attention": attention,
}


def randomize(model, random):
    for weight in model.weights:
        values = random.normal(scale=0.5, size=weight.shape)
        weight.assign(0.5 + np.abs(values) if weight.name == "moving_variance" else values)


def make(directory):
    made = []
    for number, (name, build) in enumerate(MODELS.items()):
        random = np.random.RandomState(number)
        model = build()
        randomize(model, random)
        is_text = any(isinstance(layer, layers.Embedding) for layer in model.layers)
        shapes = [[3, *tensor.shape[1:]] for tensor in model.inputs]
        draw = (lambda shape: random.randint(0, 9, size=shape)) if is_text else (lambda shape: random.normal(size=shape))
        inputs = [draw(shape).astype(np.float32) for shape in shapes]
        outputs = model(inputs if len(inputs) > 1 else inputs[0], training=False)
        for ending in (".keras", ".h5"):
            model.save(os.path.join(directory, f"{number}{ending}"))
        model.save_weights(os.path.join(directory, f"{number}.weights.h5"))
        made.append({
            "name": name,
            "inputs": [{"shape": shape, "values": flat(values)} for shape, values in zip(shapes, inputs)],
            "outputs": [flat(output) for output in (outputs if isinstance(outputs, (list, tuple)) else [outputs])],
        })
    return made


if __name__ == "__main__":
    if sys.argv[1] == "make":
        print(json.dumps(make(sys.argv[2])))
    else:
        print(json.dumps([predict(request) for request in json.load(sys.stdin)]))
