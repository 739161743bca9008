"""What Keras's callbacks decide on sequences of measured values (see keras_goldens.py): run it to write the goldens."""

from golden_file import flat, write  # first: it chooses Keras's backend
import contextlib
import io
import keras
import numpy as np

EPOCHS = 14
random = np.random.default_rng(7)

# Lockstep's names of options that are not Keras's in camelCase.
KERAS_NAMES = {
    "minDelta": "min_delta",
    "restoreBestWeights": "restore_best_weights",
    "startFromEpoch": "start_from_epoch",
    "minLr": "min_lr",
    "saveBestOnly": "save_best_only",
    "initialValueThreshold": "initial_value_threshold",
}


def keras_options(options):
    return {KERAS_NAMES.get(name, name): value for name, value in options.items()}


def sequences():
    """Falling, rising, flat, noisy, tied in float32, and with values that are no numbers."""
    epochs = np.arange(EPOCHS)
    yield 1 / (1 + epochs)
    yield 0.1 * epochs
    yield np.full(EPOCHS, 0.5)
    yield np.abs(epochs - 5) * 0.25
    yield 0.7 - np.where(epochs % 3 == 0, 0.0, 0.01 * epochs)
    # Steps that float32 cannot tell from the value before.
    yield 1 - epochs * 2e-8
    # About as large as the default min_delta of ReduceLROnPlateau.
    yield 0.5 - epochs * 1e-4
    for scale in (1, 1e-3, 1e-7):
        for _ in range(4):
            yield 0.3 + scale * random.standard_normal(EPOCHS)
    for _ in range(4):
        yield np.round(random.random(EPOCHS), 1)
    broken = 0.5 - 0.01 * epochs
    broken[0] = np.nan
    yield broken
    broken = 0.5 - 0.01 * epochs
    broken[4] = np.inf
    yield broken


class Watched(keras.Model):
    """Stands in for a model in training: its one weight is the epoch, and it notes what is done to it."""

    def __init__(self):
        super().__init__()
        self.optimizer = keras.optimizers.SGD(0.1)
        self.restored = None
        self.saved = []
        self.epoch = -1
        self.stop_training = False

    def get_weights(self):
        return self.epoch

    def set_weights(self, weights):
        self.restored = weights

    def save(self, *_args, **_options):
        self.saved.append(self.epoch)


def drive(callback, monitor, values):
    model = Watched()
    callback.set_model(model)
    rates = []
    callback.on_train_begin()
    for epoch, value in enumerate(values):
        model.epoch = epoch
        with contextlib.redirect_stdout(io.StringIO()):
            callback.on_epoch_end(epoch, {"loss": 1.0, monitor: float(value)})
        rates += flat(model.optimizer.learning_rate.numpy())
        if model.stop_training:
            break
    callback.on_train_end()
    return {"epochs": epoch + 1, "restored": model.restored, "saved": model.saved, "rates": rates}


CALLBACKS = {
    "earlyStopping": keras.callbacks.EarlyStopping,
    "reduceLROnPlateau": keras.callbacks.ReduceLROnPlateau,
    "modelCheckpoint": lambda **options: keras.callbacks.ModelCheckpoint("unused.keras", **options),
}

OPTIONS = {
    "earlyStopping": [
        {},
        {"patience": 2},
        {"patience": 2, "restoreBestWeights": True},
        {"patience": 3, "minDelta": 0.01, "restoreBestWeights": True},
        {"patience": 1, "mode": "max", "restoreBestWeights": True},
        {"patience": 2, "mode": "max", "minDelta": 1e-4},
        {"patience": 2, "baseline": 0.3, "restoreBestWeights": True},
        {"patience": 2, "startFromEpoch": 4, "restoreBestWeights": True},
        {"patience": 1, "minDelta": -0.01},
    ],
    "reduceLROnPlateau": [
        {"patience": 1},
        {"patience": 2, "factor": 0.5},
        {"patience": 2, "cooldown": 2, "factor": 0.3},
        {"patience": 1, "minLr": 0.004, "factor": 0.2},
        {"patience": 1, "mode": "max", "minDelta": 0.02},
        {"patience": 0, "cooldown": 3},
        {"patience": 3, "minDelta": 0},
    ],
    "modelCheckpoint": [
        {},
        {"saveBestOnly": True},
        {"saveBestOnly": True, "mode": "max"},
        {"saveBestOnly": True, "initialValueThreshold": 0.3},
        {"saveBestOnly": True, "mode": "max", "initialValueThreshold": 0.3},
    ],
}

if __name__ == "__main__":
    values = [[float(value) for value in sequence] for sequence in sequences()]
    cases = []
    for name, all_options in OPTIONS.items():
        for options in all_options:
            for index, sequence in enumerate(values):
                full = {"mode": "min", **options}
                callback = CALLBACKS[name](monitor="val_loss", **keras_options(full))
                cases.append({"callback": name, "options": full, "sequence": index} | drive(callback, "val_loss", sequence))
    texts = [[repr(value) for value in sequence] for sequence in values]
    write("callbacks", {"learningRate": flat(0.1)[0], "sequences": texts, "cases": cases})
