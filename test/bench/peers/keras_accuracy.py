"""Trains the chapter's network on real data as a Keras user does, with all cores:
`keras_accuracy.py WORKLOAD DATA SAMPLES EPOCHS SEED`; the last line is one JSON object. The models and data are those of
jobs/accuracy-*.ts."""
import json
import os
import pathlib
import sys
import time

os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'
os.environ['CUDA_VISIBLE_DEVICES'] = '-1'

import numpy as np
import tensorflow as tf
import keras
from keras import layers as L
from keras.src.legacy.preprocessing.text import Tokenizer

workload, data = sys.argv[1], pathlib.Path(sys.argv[2])
samples, epochs, seed = (int(argument) for argument in sys.argv[3:6])


def cifar10():
    def split(pattern, limit):
        files = sorted((data / 'cifar-10-batches-bin').glob(pattern))
        records = np.concatenate([np.fromfile(file, np.uint8) for file in files]).reshape(-1, 3073)[:limit]
        pictures = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1).astype('f')
        parts = [tf.image.resize(part, (64, 64)).numpy() / 255 for part in np.array_split(pictures, 20)]
        return np.concatenate(parts), records[:, 0].astype('i')

    return split('data_batch_*.bin', samples), split('test_batch.bin', None)


def reuters():
    def read(split):
        lines = (data / 'reuters-r8' / f'{split}.tsv').read_text().splitlines()
        return zip(*(line.split('\t', 1) for line in lines))

    (train_labels, train_texts), (test_labels, test_texts) = read('train'), read('test')
    topics = sorted(set(train_labels))
    tokenizer = Tokenizer(num_words=10000)
    tokenizer.fit_on_texts(train_texts)

    def split(labels, texts):
        words = keras.utils.pad_sequences(tokenizer.texts_to_sequences(texts), maxlen=100)
        return words, np.array([topics.index(label) for label in labels])

    x, y = split(train_labels, train_texts)
    chosen = np.random.default_rng(1).permutation(len(x))[:samples]
    return (x[chosen], y[chosen]), split(test_labels, test_texts)


def cnn():
    return keras.Sequential([
        keras.Input((64, 64, 3)),
        L.Conv2D(32, 3, activation='relu'), L.MaxPooling2D(), L.Conv2D(64, 3, activation='relu'), L.MaxPooling2D(),
        L.Flatten(), L.Dense(64, activation='relu'), L.Dense(10, activation='softmax')])


def lstm():
    return keras.Sequential([
        keras.Input((100,)), L.Embedding(10000, 64), L.LSTM(64), L.Dense(8, activation='softmax')])


read, build = {'cifar10': (cifar10, cnn), 'reuters': (reuters, lstm)}[workload]
(x, y), (x_test, y_test) = read()
keras.utils.set_random_seed(seed)
model = build()
model.compile(optimizer='adam', loss='sparse_categorical_crossentropy', metrics=['accuracy'])
start = time.perf_counter()
model.fit(x, y, batch_size=32, epochs=epochs, verbose=0)
seconds = time.perf_counter() - start
loss, accuracy = model.evaluate(x_test, y_test, batch_size=32, verbose=0)
version = f'Keras {keras.__version__}, TensorFlow {tf.__version__}'
print(json.dumps({'accuracy': accuracy, 'loss': loss, 'trainSeconds': seconds, 'version': version}), flush=True)
os._exit(0)
