"""How golden values are written."""

import json
import os
import pathlib

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"

import keras
import numpy as np
import tensorflow as tf

GOLDENS = pathlib.Path(__file__).parent / "goldens"


def flat(values):
    """float32 values as the shortest numbers that round back to them."""
    return [float(str(value)) for value in np.asarray(values, dtype=np.float32).ravel()]


def write(name, value):
    GOLDENS.mkdir(exist_ok=True)
    text = json.dumps({"keras": keras.__version__, "tensorflow": tf.__version__, **value})
    (GOLDENS / f"{name}.json").write_text(text.replace("], ", "],\n").replace("}, ", "},\n") + "\n")
