"""Keras on TensorFlow: see protocol.py. Of graph mode and XLA, each workload takes what is faster."""
import protocol
import statistics
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L

tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)

ROWS = protocol.BATCH_ROWS
random = np.random.default_rng(1)


def cnn():
    return keras.Sequential([
        keras.Input((64, 64, 3)),
        L.Conv2D(32, 3, activation='relu'), L.MaxPooling2D(), L.Conv2D(64, 3, activation='relu'), L.MaxPooling2D(),
        L.Flatten(), L.Dense(64, activation='relu'), L.Dense(10, activation='softmax')])


def lstm():
    return keras.Sequential([keras.Input((100,)), L.Embedding(10000, 64), L.LSTM(64), L.Dense(46, activation='softmax')])


def transformer():
    x = inputs = keras.Input((128, 128))
    for _ in range(2):
        x = L.LayerNormalization(epsilon=1e-5)(x + L.MultiHeadAttention(4, 32)(x, x))
        x = L.LayerNormalization(epsilon=1e-5)(x + L.Dense(128)(L.Dense(512, activation='relu')(x)))
    return keras.Model(inputs, L.Dense(10, activation='softmax')(L.GlobalAveragePooling1D()(x)))


def autoencoder():
    return keras.Sequential([
        keras.Input((784,)), L.Dense(256, activation='relu'), L.Dense(64, activation='relu'),
        L.Dense(256, activation='relu'), L.Dense(784, activation='sigmoid')])


def one_hot(classes):
    return np.eye(classes, dtype='f')[random.integers(0, classes, ROWS)]


def batch(name):
    if name == 'cnn':
        return random.random((ROWS, 64, 64, 3), dtype='f'), one_hot(10)
    if name == 'lstm':
        return random.integers(0, 10000, (ROWS, 100)).astype('f'), one_hot(46)
    if name == 'transformer':
        return random.random((ROWS, 128, 128), dtype='f'), one_hot(10)
    x = random.random((ROWS, 784), dtype='f')
    return x, x


models = {'cnn': cnn, 'lstm': lstm, 'transformer': transformer, 'autoencoder': autoencoder}


def train_step(name, x, y, jit):
    model = models[name]()
    loss = 'mse' if name == 'autoencoder' else 'categorical_crossentropy'
    model.compile(loss=loss, optimizer=keras.optimizers.Adam(), jit_compile=jit)
    model.make_train_function()
    train = model.train_function
    batches = iter(tf.data.Dataset.from_tensors((tf.constant(x), tf.constant(y))).repeat())
    def step():
        # Reading the loss waits for the step.
        float(train(batches)['loss'])
    return step


def load(name):
    x, y = batch(name)
    variants = {}
    for mode, jit in (('graph', False), ('XLA', True)):
        try:
            step = train_step(name, x, y, jit)
            protocol.timed(step, 3)
            variants[mode] = (statistics.median(protocol.timed(step, 5)), step)
        except Exception as error:
            if mode == 'graph':
                raise
    best = min(variants, key=lambda mode: variants[mode][0])
    return variants[best][1], best


protocol.serve(f'Keras {keras.__version__}, TensorFlow {tf.__version__}', load)
