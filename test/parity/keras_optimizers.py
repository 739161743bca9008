"""Golden values of optimizers and of learning-rate schedules (see keras_goldens.py)."""

from golden_file import flat, write  # first: it chooses Keras's backend
import keras
import numpy as np
import tensorflow as tf

STEPS = 50
# Weights are kept of these steps, counted from 0; the loss, which depends on all before it, of every one.
KEPT_STEPS = [0, 1, 2, 5, 11, 24, 49]

# Lockstep's names of options that are not Keras's in camelCase.
KERAS_NAMES = {
    "beta1": "beta_1",
    "beta2": "beta_2",
    "clipValue": "clipvalue",
    "clipNorm": "clipnorm",
    "globalClipNorm": "global_clipnorm",
}

CLASSES = {
    "sgd": keras.optimizers.SGD,
    "adam": keras.optimizers.Adam,
    "adamW": keras.optimizers.AdamW,
    "rmsprop": keras.optimizers.RMSprop,
    "adagrad": keras.optimizers.Adagrad,
    "adadelta": keras.optimizers.Adadelta,
    "adamax": keras.optimizers.Adamax,
    "nadam": keras.optimizers.Nadam,
}

# The first word of a name is the optimizer.
OPTIMIZERS = {
    "sgd": {},
    "sgd-momentum": {"learningRate": 0.05, "momentum": 0.9},
    "sgd-nesterov": {"learningRate": 0.05, "momentum": 0.9, "nesterov": True},
    "sgd-weight-decay": {"learningRate": 0.05, "momentum": 0.9, "weightDecay": 0.1},
    "sgd-clip-value": {"learningRate": 0.1, "clipValue": 0.3},
    "sgd-clip-norm": {"learningRate": 0.1, "clipNorm": 0.5},
    "sgd-global-clip-norm": {"learningRate": 0.1, "globalClipNorm": 0.5},
    "sgd-exponential": {
        "learningRate": {"name": "exponentialDecay", "initialLearningRate": 0.2, "decaySteps": 10, "decayRate": 0.5},
        "weightDecay": 0.02,
    },
    "adam": {},
    "adam-options": {"learningRate": 0.02, "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-3},
    "adam-cosine": {
        "learningRate": {
            "name": "cosineDecay",
            "initialLearningRate": 0.0,
            "decaySteps": 30,
            "alpha": 0.1,
            "warmupTarget": 0.05,
            "warmupSteps": 10,
        },
        "globalClipNorm": 1.0,
    },
    "adamW": {},
    "adamW-options": {"learningRate": 0.02, "weightDecay": 0.2, "beta1": 0.7, "beta2": 0.99, "epsilon": 1e-4},
    "rmsprop": {},
    "rmsprop-momentum": {"learningRate": 0.01, "rho": 0.8, "momentum": 0.7},
    "rmsprop-centered": {"learningRate": 0.01, "centered": True},
    "rmsprop-centered-momentum": {"learningRate": 0.01, "momentum": 0.5, "centered": True, "epsilon": 1e-5},
    "rmsprop-weight-decay": {"learningRate": 0.01, "weightDecay": 0.1, "clipNorm": 1.0},
    "adagrad": {},
    "adagrad-options": {"learningRate": 0.5, "initialAccumulatorValue": 0.0, "epsilon": 1e-2},
    "adagrad-weight-decay": {"learningRate": 0.1, "weightDecay": 0.05, "clipValue": 0.5},
    "adadelta": {},
    "adadelta-options": {"learningRate": 1.0, "rho": 0.9, "epsilon": 1e-4},
    "adadelta-weight-decay": {"learningRate": 1.0, "weightDecay": 0.01},
    "adamax": {},
    "adamax-options": {"learningRate": 0.02, "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-3},
    "adamax-weight-decay": {"learningRate": 0.02, "weightDecay": 0.1, "globalClipNorm": 0.7},
    "nadam": {},
    "nadam-options": {"learningRate": 0.02, "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-3},
    "nadam-weight-decay": {"learningRate": 0.02, "weightDecay": 0.1, "clipNorm": 0.5},
}

SCHEDULES = {
    "exponential": {"name": "exponentialDecay", "initialLearningRate": 0.1, "decaySteps": 7, "decayRate": 0.9},
    "exponential-staircase": {
        "name": "exponentialDecay",
        "initialLearningRate": 0.1,
        "decaySteps": 10,
        "decayRate": 0.96,
        "staircase": True,
    },
    "inverse-time": {"name": "inverseTimeDecay", "initialLearningRate": 0.1, "decaySteps": 3, "decayRate": 0.5},
    "inverse-time-staircase": {
        "name": "inverseTimeDecay",
        "initialLearningRate": 0.1,
        "decaySteps": 10,
        "decayRate": 0.5,
        "staircase": True,
    },
    "polynomial": {"name": "polynomialDecay", "initialLearningRate": 0.1, "decaySteps": 30},
    "polynomial-root": {
        "name": "polynomialDecay",
        "initialLearningRate": 0.1,
        "decaySteps": 30,
        "endLearningRate": 0.01,
        "power": 0.5,
    },
    "polynomial-cycle": {
        "name": "polynomialDecay",
        "initialLearningRate": 0.1,
        "decaySteps": 12,
        "endLearningRate": 0.02,
        "power": 2.0,
        "cycle": True,
    },
    "cosine": {"name": "cosineDecay", "initialLearningRate": 0.1, "decaySteps": 40},
    "cosine-alpha": {"name": "cosineDecay", "initialLearningRate": 0.003, "decaySteps": 33, "alpha": 0.2},
    "cosine-warmup": {
        "name": "cosineDecay",
        "initialLearningRate": 0.001,
        "decaySteps": 30,
        "alpha": 0.01,
        "warmupTarget": 0.1,
        "warmupSteps": 9,
    },
    "restarts": {"name": "cosineDecayRestarts", "initialLearningRate": 0.1, "firstDecaySteps": 10},
    "restarts-equal": {
        "name": "cosineDecayRestarts",
        "initialLearningRate": 0.1,
        "firstDecaySteps": 13,
        "tMul": 1.0,
        "mMul": 0.7,
        "alpha": 0.1,
    },
    "restarts-growing": {
        "name": "cosineDecayRestarts",
        "initialLearningRate": 0.1,
        "firstDecaySteps": 8,
        "tMul": 1.5,
        "mMul": 0.8,
        "alpha": 0.05,
    },
    "piecewise": {"name": "piecewiseConstantDecay", "boundaries": [10, 20, 21], "values": [0.1, 0.05, 0.07, 0.01]},
}
SCHEDULE_STEPS = [*range(80), 149, 150, 151, 310, 1000, 123456]


def snake(name):
    return KERAS_NAMES.get(name) or "".join(f"_{c.lower()}" if c.isupper() else c for c in name)


def keras_schedule(options):
    name = options["name"]
    own = {snake(option): value for option, value in options.items() if option != "name"}
    return getattr(keras.optimizers.schedules, name[0].upper() + name[1:])(**own)


def keras_optimizer(name, options):
    own = {snake(option): value for option, value in options.items()}
    if isinstance(options.get("learningRate"), dict):
        own["learning_rate"] = keras_schedule(options["learningRate"])
    return CLASSES[name](**own)


def optimizers():
    """A linear model on fixed data, mean squared error; losses of all steps, weights after some."""
    random = np.random.RandomState(1)
    inputs = random.normal(size=(8, 4)).astype(np.float32)
    targets = random.normal(size=(8, 3)).astype(np.float32)
    kernel = random.normal(size=(4, 3)).astype(np.float32)
    bias = random.normal(size=(3,)).astype(np.float32)
    cases = {}
    for case, options in OPTIMIZERS.items():
        name = case.split("-")[0]
        variables = [keras.Variable(kernel), keras.Variable(bias)]
        optimizer = keras_optimizer(name, options)
        optimizer.build(variables)
        losses, weights, moved = [], {}, 0.0
        for step in range(STEPS):
            with tf.GradientTape() as tape:
                prediction = tf.matmul(inputs, variables[0].value) + variables[1].value
                loss = tf.reduce_mean(tf.square(prediction - targets))
            gradients = tape.gradient(loss, [variable.value for variable in variables])
            before = np.concatenate([np.ravel(variable) for variable in variables])
            optimizer.apply(gradients, variables)
            after = np.concatenate([np.ravel(variable) for variable in variables])
            moved += float(np.linalg.norm(after - before))
            losses.append(loss)
            if step in KEPT_STEPS:
                # How far the weights have come in all steps together, for tolerances.
                weights[step] = {"moved": round(moved, 6), "kernel": flat(variables[0]), "bias": flat(variables[1])}
        cases[case] = {"optimizer": name, "options": options, "losses": flat(losses), "weights": weights}
    write(
        "optimizers",
        {
            "inputs": flat(inputs),
            "targets": flat(targets),
            "kernel": flat(kernel),
            "bias": flat(bias),
            "cases": cases,
        },
    )


def schedules():
    """The learning rate at SCHEDULE_STEPS, as an optimizer asks for it: the step an int64 tensor."""
    cases = {}
    for case, options in SCHEDULES.items():
        schedule = keras_schedule(options)
        rates = [schedule(tf.constant(step, tf.int64)) for step in SCHEDULE_STEPS]
        cases[case] = {"schedule": options, "rates": flat(rates)}
    write("schedules", {"steps": SCHEDULE_STEPS, "cases": cases})
