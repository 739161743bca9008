"""Keras on TensorFlow: see protocol.py. Of graph mode and XLA, each workload takes what is faster."""
import protocol
import statistics
import tensorflow as tf
import keras
from keras_models import batch, models

tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)


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
    x, y = batch(name, protocol.BATCH_ROWS)
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
