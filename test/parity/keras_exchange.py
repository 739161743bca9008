"""What Python Keras and TensorFlow make of models that Lockstep exported, and models for Lockstep to import.

    python test/parity/keras_exchange.py predict < requests.json     [{"path", "inputs": [{"shape", "values"}]}, …]

Prints one line of JSON: per request the outputs, each flat, or {"error": text}.
"""

import json
import os
import sys

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import keras
import numpy as np


def flat(array):
    return [float(value) for value in np.asarray(array, dtype=np.float64).ravel()]


def arrays(inputs):
    return [np.asarray(item["values"], dtype=np.float32).reshape(item["shape"]) for item in inputs]


def predict_keras(path, inputs):
    model = keras.saving.load_model(path)
    values = arrays(inputs)
    outputs = model(values if len(values) > 1 else values[0], training=False)
    return [flat(output) for output in (outputs if isinstance(outputs, (list, tuple)) else [outputs])]


def predict(request):
    try:
        return predict_keras(request["path"], request["inputs"])
    except Exception as error:  # reported to the test, which names the model
        return {"error": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    print(json.dumps([predict(request) for request in json.load(sys.stdin)]))
