"""Writes goldens/data.json and the small files in goldens/data: what Keras and TensorFlow make of the same input.

    venv/bin/python test/parity/keras_data.py && npm run format

The environment is the one of keras_goldens.py.
"""


from golden_file import GOLDENS, flat, write
import keras
import numpy as np
import tensorflow as tf
from keras.src.datasets import imdb, reuters
from keras.src.legacy.preprocessing.text import Tokenizer

FILES = GOLDENS / "data"
random = np.random.RandomState(5)


def lists(count, words):
    return [random.randint(1, words, size=random.randint(2, 12)).tolist() for _ in range(count)]


def objects(values):
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def sequences(module, file, arguments):
    """Keras reads the file at an absolute path as it is; the checksum of the official one does not apply."""
    get_file, module.get_file = module.get_file, lambda **_: str(file)
    try:
        (x_train, y_train), (x_test, y_test) = module.load_data(**arguments)
    finally:
        module.get_file = get_file
    return {
        "train": [list(map(int, x)) for x in x_train],
        "trainLabels": list(map(int, y_train)),
        "test": [list(map(int, x)) for x in x_test],
        "testLabels": list(map(int, y_test)),
    }


def keras_sequences():
    FILES.mkdir(parents=True, exist_ok=True)
    np.savez(FILES / "reuters.npz", x=objects(lists(40, 300)), y=random.randint(0, 46, 40))
    np.savez_compressed(
        FILES / "imdb.npz",
        x_train=objects(lists(30, 300)),
        y_train=random.randint(0, 2, 30),
        x_test=objects(lists(20, 70000)),
        y_test=random.randint(0, 2, 20),
    )
    cases = [
        {},
        {"num_words": 100},
        {"num_words": 200, "skip_top": 20, "oov_char": None},
        {"maxlen": 9, "seed": 7},
        {"start_char": None, "index_from": 0, "oov_char": 9, "num_words": 50},
        {"start_char": None},
    ]
    result = []
    for name, module in (("reuters", reuters), ("imdb", imdb)):
        for case in cases + ([{"test_split": 0.35}] if name == "reuters" else []):
            values = sequences(module, FILES / f"{name}.npz", case)
            result.append({"dataset": name, "arguments": case, **values})
    return result


def pads():
    given = [[1], [2, 3], [], [4, 5, 6, 7]]
    vectors = [[[1, 2]], [[3, 4], [5, 6], [7, 8]]]
    cases = [
        {},
        {"maxlen": 2},
        {"maxlen": 3, "padding": "post"},
        {"maxlen": 3, "truncating": "post", "value": -1},
        {"maxlen": 5, "padding": "post", "truncating": "post", "dtype": "float32", "value": 0.5},
    ]
    return [
        {"sequences": rows, "arguments": case, "padded": keras.utils.pad_sequences(rows, **case).tolist()}
        for rows in (given, vectors)
        for case in cases
    ]


def tokenizers():
    texts = [
        "The cat sat on the mat.",
        "A dog; a cat! (and) the dog's bone",
        "Ünder the\tBRIDGE\nthere is naïve_water",
        "",
        "mat mat mat zebra",
    ]
    unseen = ["the zebra and the unknown bridge", "nothing known", "The mat's cat"]
    cases = [
        {},
        {"num_words": 5},
        {"num_words": 6, "oov_token": "<unk>"},
        {"lower": False, "filters": "."},
        {"char_level": True, "num_words": 10},
        {"split": "a"},
    ]
    result = []
    for case in cases:
        tokenizer = Tokenizer(**case)
        tokenizer.fit_on_texts(texts)
        encoded = tokenizer.texts_to_sequences(unseen)
        result.append(
            {
                "arguments": case,
                "wordIndex": list(tokenizer.word_index.items()),
                "sequences": encoded,
                **{
                    mode: tokenizer.sequences_to_matrix(encoded, mode=mode).tolist()
                    for mode in ("binary", "count", "freq")
                },
            }
        )
    return {"texts": texts, "unseen": unseen, "cases": result}


def spectrograms():
    sound = (random.uniform(-1, 1, 400) * np.linspace(0, 1, 400)).astype(np.float32)
    result = []
    for frame_length, frame_step, fft_length in ((64, 32, 64), (50, 20, 64), (33, 16, 128)):
        magnitude = tf.abs(tf.signal.stft(sound, frame_length, frame_step, fft_length))
        mel = tf.matmul(
            magnitude, tf.signal.linear_to_mel_weight_matrix(8, fft_length // 2 + 1, 8000, 125.0, 3800.0)
        )
        result.append(
            {
                "frameLength": frame_length,
                "frameStep": frame_step,
                "fftLength": fft_length,
                "shape": list(magnitude.shape),
                "magnitude": flat(magnitude),
                "logMel": flat(tf.math.log(mel + 1e-6)),
            }
        )
    return {"sound": flat(sound), "sampleRate": 8000, "cases": result}


def image_changes():
    image = random.uniform(0, 255, (5, 7, 3)).astype(np.float32)
    height, width = image.shape[:2]
    cases = []
    for turns in (0.03, -0.11, 0.25):
        for fill_mode in ("reflect", "constant", "nearest"):
            # What RandomRotation hands to its backend for one drawn angle.
            angle = turns * 2 * np.pi
            cos, sin = np.cos(angle), np.sin(angle)
            x = ((width - 1) - (cos * (width - 1) - sin * (height - 1))) / 2
            y = ((height - 1) - (sin * (width - 1) + cos * (height - 1))) / 2
            transform = np.array([cos, -sin, x, sin, cos, y, 0, 0], dtype=np.float32)
            turned = keras.ops.image.affine_transform(
                image, transform, interpolation="bilinear", fill_mode=fill_mode, fill_value=7.0
            )
            cases.append({"turns": turns, "fillMode": fill_mode, "values": flat(turned)})
    contrast = [{"factor": f, "values": flat(tf.image.adjust_contrast(image, f))} for f in (0.5, 1.7)]
    return {"shape": list(image.shape), "image": flat(image), "rotations": cases, "contrast": contrast}


def normalization():
    data = (random.uniform(0, 255, (6, 3, 4, 3)) + [0, 1000, 5]).astype(np.float32)
    layer = keras.layers.Normalization()
    layer.adapt(data)
    return {"shape": list(data.shape[1:]), "values": flat(data), "normalized": flat(layer(data))}


def wav():
    samples = tf.constant(random.uniform(-1, 1, (50, 2)).astype(np.float32))
    encoded = tf.audio.encode_wav(samples, 16000)
    (FILES / "stereo.wav").write_bytes(encoded.numpy())
    decoded, rate = tf.audio.decode_wav(encoded)
    return {"sampleRate": int(rate), "values": flat(decoded)}


def images():
    """Lossless PNG decodes to the same bytes everywhere; JPEG decoders differ by rounding."""
    rows, columns = np.mgrid[0:24, 0:20]
    picture = np.stack([rows * 10, columns * 12, (rows + columns) * 5], axis=-1).astype(np.uint8)
    (FILES / "picture.png").write_bytes(tf.io.encode_png(picture).numpy())
    (FILES / "picture.jpg").write_bytes(tf.io.encode_jpeg(picture, quality=95, chroma_downsampling=False).numpy())
    decoded = {
        "png": tf.io.decode_png((FILES / "picture.png").read_bytes()),
        "jpg": tf.io.decode_jpeg((FILES / "picture.jpg").read_bytes(), dct_method="INTEGER_ACCURATE"),
    }
    return {
        name: {"shape": list(rgb.shape), "rgb": flat(rgb), "resized": flat(tf.image.resize(rgb, (9, 11)))}
        for name, rgb in decoded.items()
    }


if __name__ == "__main__":
    write(
        "data",
        {
            "sequences": keras_sequences(),
            "pads": pads(),
            "tokenizers": tokenizers(),
            "spectrograms": spectrograms(),
            "imageChanges": image_changes(),
            "normalization": normalization(),
            "wav": wav(),
            "images": images(),
        },
    )
