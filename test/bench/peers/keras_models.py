"""The benchmarks' models in Keras."""
import numpy as np
import keras
from keras import layers as L

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


def dense():
    hidden = [L.Dense(1024, activation='relu') for _ in range(16)]
    return keras.Sequential([keras.Input((1024,)), *hidden, L.Dense(10, activation='softmax')])


def one_hot(classes, rows):
    return np.eye(classes, dtype='f')[random.integers(0, classes, rows)]


def batch(name, rows):
    if name == 'cnn':
        return random.random((rows, 64, 64, 3), dtype='f'), one_hot(10, rows)
    if name == 'lstm':
        return random.integers(0, 10000, (rows, 100)).astype('f'), one_hot(46, rows)
    if name == 'transformer':
        return random.random((rows, 128, 128), dtype='f'), one_hot(10, rows)
    if name == 'dense':
        return random.random((rows, 1024), dtype='f'), one_hot(10, rows)
    x = random.random((rows, 784), dtype='f')
    return x, x


models = {'cnn': cnn, 'lstm': lstm, 'transformer': transformer, 'autoencoder': autoencoder, 'dense': dense}
