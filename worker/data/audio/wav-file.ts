import type { DataBytes } from '../files/data-files.ts';

/** Where the samples of a WAV file are, and how they are stored. */
export interface WavFormat {
  readonly channels: number;
  /** Hertz. */
  readonly sampleRate: number;
  /** Samples of each channel. */
  readonly length: number;
  /** Bytes of one sample of one channel. */
  readonly bytes: number;
  readonly isFloat: boolean;
  /** Byte at which the first sample starts. */
  readonly start: number;
}

const PCM = 1;
const IEEE_FLOAT = 3;
const EXTENSIBLE = 0xfffe;

/**
 * Reads the chunks of a RIFF file (Microsoft and IBM, "Multimedia Programming Interface and Data Specifications 1.0",
 * 1991): `fmt ` says how samples are stored, `data` holds them.
 * @throws LockstepError data/corrupt
 */
export function readWavFormat(file: DataBytes): WavFormat {
  const riff = readText(file, 0, 12);
  if (!riff.startsWith('RIFF') || riff.slice(8) !== 'WAVE') file.fail(0, 'the first bytes are not those of a WAV file');
  let format: Omit<WavFormat, 'length' | 'start'> | undefined;
  for (let position = 12; position + 8 <= file.size; ) {
    const name = readText(file, position, 4);
    const size = readView(file, position + 4, 4).getUint32(0, true);
    const start = position + 8;
    if (name === 'fmt ') format = parseFormat(file, start, size);
    if (name === 'data') {
      if (format === undefined) file.fail(position, 'samples come before their format');
      if (start + size > file.size) file.fail(file.size, `the file ends, expected ${size} bytes of samples`);
      return { ...format, start, length: Math.floor(size / (format.bytes * format.channels)) };
    }
    // Chunks start at even bytes.
    position = start + size + (size % 2);
  }
  return file.fail(file.size, 'the file ends, expected a chunk of samples');
}

function parseFormat(file: DataBytes, start: number, size: number): Omit<WavFormat, 'length' | 'start'> {
  if (size < 16) file.fail(start, `a format of ${size} bytes, expected at least 16`);
  const view = readView(file, start, Math.min(size, 40));
  const tag = view.getUint16(0, true);
  // The first two bytes of an extensible format's identifier are the plain format's number.
  const code = tag === EXTENSIBLE && view.byteLength >= 26 ? view.getUint16(24, true) : tag;
  const [channels, sampleRate, bits] = [view.getUint16(2, true), view.getUint32(4, true), view.getUint16(14, true)];
  const isKnown = code === PCM ? [8, 16, 24, 32].includes(bits) : code === IEEE_FLOAT && [32, 64].includes(bits);
  if (!isKnown || channels === 0 || sampleRate === 0) {
    file.fail(
      start,
      `format ${code} with ${bits} bits, ${channels} channels at ${sampleRate} Hz; expected PCM of 8, 16, 24 or 32 bits or ` +
        'floats of 32 or 64; convert the file, for example by ffmpeg -i IN.wav -c:a pcm_s16le OUT.wav',
    );
  }
  return { channels, sampleRate, bytes: bits / 8, isFloat: code === IEEE_FLOAT };
}

/**
 * Writes [length, channels] samples, −1 to 1, into `into`; what lies beyond the file's end stays as it is. Integers are
 * divided by their most negative value, as by `tf.audio.decode_wav`.
 */
export function readWav(file: DataBytes, format: WavFormat, length: number, into: { [index: number]: number }): void {
  const { channels, bytes, start, isFloat } = format;
  const count = Math.min(length, format.length) * channels;
  const view = readView(file, start, count * bytes);
  const get = isFloat ? floatReader(view, bytes) : integerReader(view, bytes);
  for (let index = 0; index < count; index++) into[index] = get(index * bytes);
}

function floatReader(view: DataView, bytes: number): (offset: number) => number {
  return bytes === 4 ? (offset) => view.getFloat32(offset, true) : (offset) => view.getFloat64(offset, true);
}

function integerReader(view: DataView, bytes: number): (offset: number) => number {
  switch (bytes) {
    case 1: // Bytes are unsigned, unlike wider samples.
      return (offset) => (view.getUint8(offset) - 128) / 128;
    case 2:
      return (offset) => view.getInt16(offset, true) / 2 ** 15;
    case 3:
      return (offset) => ((view.getInt16(offset + 1, true) << 8) | view.getUint8(offset)) / 2 ** 23;
    default:
      return (offset) => view.getInt32(offset, true) / 2 ** 31;
  }
}

function readView(file: DataBytes, position: number, length: number): DataView {
  const bytes = new Uint8Array(length);
  file.read(bytes, position);
  return new DataView(bytes.buffer);
}

function readText(file: DataBytes, position: number, length: number): string {
  return String.fromCharCode(...new Uint8Array(readView(file, position, length).buffer));
}
