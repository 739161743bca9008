"""One worker of MultiWorkerMirroredStrategy, one thread: `keras_mwms.py RANK ADDRESS:PORT,...`, then one JSON line in, one
JSON line out."""
import json
import os
import sys
import protocol

rank, workers = int(sys.argv[1]), sys.argv[2].split(',')
os.environ['TF_CONFIG'] = json.dumps({'cluster': {'worker': workers}, 'task': {'type': 'worker', 'index': rank}})

import tensorflow as tf

tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)
strategy = tf.distribute.MultiWorkerMirroredStrategy()

import keras
from keras_models import batch, models

runs = {}


def load(request):
    name = request['workload']
    with strategy.scope():
        model = models[name]()
        optimizer = keras.optimizers.Adam()
        optimizer.build(model.trainable_variables)
    inputs, targets = (tf.constant(values) for values in batch(name, request['rows']))

    def replica_step(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(keras.losses.categorical_crossentropy(y, model(x, training=True)))
        gradients = tape.gradient(loss, model.trainable_variables)
        # The mean over workers, so that the step is the one of the whole batch.
        gradients = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.MEAN, gradients)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))
        return loss

    @tf.function
    def distributed_step():
        return strategy.run(replica_step, (inputs, targets))

    def step():
        # Reading the loss waits for the step.
        float(strategy.experimental_local_results(distributed_step())[0])

    runs[name] = step
    protocol.timed(step, 3)
    return {'kind': 'loaded', 'version': f'Keras {keras.__version__}, TensorFlow {tf.__version__}'}


def turn(request):
    step = runs[request['workload']]
    protocol.timed(step, request['untimed'])
    return {'kind': 'took', 'seconds': [ms / 1e3 for ms in protocol.timed(step, request['steps'])]}


protocol.answer_lines({'load': load, 'turn': turn})
