import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import jpeg from 'jpeg-js';
import { PNG } from 'pngjs';
import { RandomStream } from '../../shared/core/index.ts';

/** Small made-up data for the examples of the four applications; all of it follows from its numbers. */

function picture(
  height: number,
  width: number,
  colour: (row: number, column: number) => readonly number[],
): Uint8Array {
  const rgba = new Uint8Array(4 * height * width).fill(255);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) rgba.set(colour(row, column), 4 * (row * width + column));
  }
  return rgba;
}

function png(height: number, width: number, rgba: Uint8Array): Buffer {
  const image = new PNG({ height, width });
  image.data = Buffer.from(rgba);
  return PNG.sync.write(image);
}

/** Discs, crosses and stripes of random place and colour, sizes that differ, half as JPEG and half as PNG. */
export function writeImages(directory: string, perClass: number): void {
  const shapes: Readonly<Record<string, (x: number, y: number) => boolean>> = {
    circles: (x, y) => x * x + y * y < 0.36,
    crosses: (x, y) => Math.abs(x) < 0.15 || Math.abs(y) < 0.15,
    stripes: (x, y) => Math.floor(4 * (x + y) + 100) % 2 === 0,
  };
  for (const [label, [name, isInside]] of Object.entries(shapes).entries()) {
    mkdirSync(join(directory, name), { recursive: true });
    for (let index = 0; index < perClass; index++) {
      const random = new RandomStream(11, label, index);
      const [height, width] = [28 + random.below(12), 28 + random.below(12)];
      const [dx, dy] = [random.uniform(-0.2, 0.2), random.uniform(-0.2, 0.2)];
      const ink = [150 + random.below(100), 150 + random.below(100), 150 + random.below(100)];
      const ground = [random.below(80), random.below(80), random.below(80)];
      const rgba = picture(height, width, (row, column) =>
        isInside((2 * column) / width - 1 - dx, (2 * row) / height - 1 - dy) ? ink : ground,
      );
      const isJpeg = index % 2 === 0;
      const bytes = isJpeg ? jpeg.encode({ height, width, data: rgba }, 90).data : png(height, width, rgba);
      writeFileSync(join(directory, name, `${index}.${isJpeg ? 'jpg' : 'png'}`), bytes);
    }
  }
}

const topics = ['acq', 'crude', 'earn', 'grain', 'interest', 'money-fx', 'ship', 'trade'];

/** Lines of `label<TAB>text`: words common to all topics, and six times one of the topic's own two. */
export function writeNews(directory: string, lines: Readonly<Record<'train' | 'test', number>>): void {
  mkdirSync(directory, { recursive: true });
  for (const [split, count] of Object.entries(lines)) {
    const texts = Array.from({ length: count }, (_, line) => {
      const random = new RandomStream(12, split.length, line);
      const topic = topics[line % topics.length];
      const words = Array.from({ length: 4 + random.below(8) }, () => `word${random.below(60)}`);
      for (let own = 0; own < 6; own++) words.splice(random.below(words.length), 0, `${topic}${random.below(2)}`);
      return `${topic}\t${words.join(' ')}\n`;
    });
    writeFileSync(join(directory, `${split}.tsv`), texts.join(''));
  }
}

/** Tones with noise: low, high, and one that rises; 16-bit samples at 8000 Hz, clips that differ in length. */
export function writeSounds(directory: string, perClass: number): void {
  const tones: Readonly<Record<string, (second: number) => number>> = {
    high: () => 2000,
    low: () => 400,
    rising: (second) => 400 + 1600 * second,
  };
  for (const [label, [name, hertz]] of Object.entries(tones).entries()) {
    mkdirSync(join(directory, name), { recursive: true });
    for (let index = 0; index < perClass; index++) {
      const random = new RandomStream(13, label, index);
      const samples = 3600 + random.below(800);
      const pitch = random.uniform(0.9, 1.1);
      let phase = random.next();
      const values = Int16Array.from({ length: samples }, (_, sample) => {
        phase += (pitch * hertz(sample / 8000)) / 8000;
        return 12000 * Math.sin(2 * Math.PI * phase) + random.uniform(-3000, 3000);
      });
      writeFileSync(join(directory, name, `${index}.wav`), wav(values, 8000));
    }
  }
}

/** A WAV file of one channel of 16-bit samples. */
export function wav(values: Int16Array, sampleRate: number): Uint8Array {
  const bytes = Buffer.alloc(44 + 2 * values.length);
  bytes.write('RIFF', 0);
  bytes.writeUInt32LE(bytes.length - 8, 4);
  bytes.write('WAVEfmt ', 8);
  bytes.writeUInt32LE(16, 16);
  for (const [place, value] of [1, 1].entries()) bytes.writeUInt16LE(value, 20 + 2 * place);
  bytes.writeUInt32LE(sampleRate, 24);
  bytes.writeUInt32LE(2 * sampleRate, 28);
  bytes.writeUInt16LE(2, 32);
  bytes.writeUInt16LE(16, 34);
  bytes.write('data', 36);
  bytes.writeUInt32LE(2 * values.length, 40);
  for (const [index, value] of values.entries()) bytes.writeInt16LE(value, 44 + 2 * index);
  return bytes;
}

/** A bright square that moves to the left or to the right, 10 frames of 16 × 16. */
export function writeClips(directory: string, perClass: number): void {
  for (const [label, name] of ['left', 'right'].entries()) {
    for (let index = 0; index < perClass; index++) {
      const random = new RandomStream(14, label, index);
      const [top, start] = [random.below(12), random.uniform(0, 4)];
      const clip = join(directory, name, `clip${index}`);
      mkdirSync(clip, { recursive: true });
      for (let frame = 0; frame < 10; frame++) {
        const left = label === 0 ? 12 - start - frame : start + frame;
        const grey = (row: number, column: number): number =>
          row >= top && row < top + 4 && column >= left && column < left + 4 ? 230 : 20 + random.below(30);
        const rgba = picture(16, 16, (row, column) => new Array<number>(3).fill(grey(row, column)));
        writeFileSync(join(clip, `frame${frame}.png`), png(16, 16, rgba));
      }
    }
  }
}
