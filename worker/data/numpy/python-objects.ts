/** A value that a pickle of lists of numbers is made of. */
export type PickleValue = number | string | boolean | null | Uint8Array | PickleValue[] | PickleMap | NumpyObject;

/** A dictionary; NumPy's arrays of objects need none of its content. */
interface PickleMap {
  readonly kind: 'map';
}

/** What a call of one of NumPy's own constructors made, and the state that it was given. */
export interface NumpyObject {
  readonly kind: 'object';
  readonly name: string;
  readonly args: PickleValue[];
  state: PickleValue | undefined;
}

/** The only names that may be called: nothing here runs code of the file. */
const allowed = /^numpy(\._?core)?(\.multiarray|\.numeric)? (_reconstruct|ndarray|dtype|_frombuffer|scalar)$/;

/** What a file holds that this reader doesn't take, and where. */
export class PickleProblem extends Error {
  readonly byte: number;

  constructor(byte: number, problem: string) {
    super(problem);
    this.byte = byte;
  }
}

/** Reads the opcodes of a pickle (Python's `pickletools`, protocols 2 to 5) that arrays of lists of numbers consist of. */
export class PickleReader {
  readonly #bytes: Uint8Array;
  readonly #stack: PickleValue[] = [];
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, PickleValue>();
  #position = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** @throws PickleProblem */
  read(): PickleValue {
    for (;;) {
      const start = this.#position;
      const code = this.#byte();
      if (code === 0x2e) return this.#pop(); // STOP
      const step = this.#steps[code];
      if (step === undefined) throw new PickleProblem(start, `opcode 0x${code.toString(16)} of a pickle is not read`);
      step();
    }
  }

  readonly #steps: Readonly<Record<number, () => void>> = {
    128: () => this.#skip(1), // PROTO
    149: () => this.#skip(8), // FRAME
    78: () => this.#push(null),
    136: () => this.#push(true),
    137: () => this.#push(false),
    75: () => this.#push(this.#byte()), // BININT1
    77: () => this.#push(this.#byte() | (this.#byte() << 8)), // BININT2
    74: () => this.#push(this.#take(4).getInt32(0, true)), // BININT
    138: () => this.#push(this.#long(this.#byte())), // LONG1
    71: () => this.#push(this.#take(8).getFloat64(0, false)), // BINFLOAT
    85: () => this.#push(this.#text(this.#byte())), // SHORT_BINSTRING
    84: () => this.#push(this.#text(this.#take(4).getUint32(0, true))), // BINSTRING
    88: () => this.#push(this.#text(this.#take(4).getUint32(0, true))), // BINUNICODE
    140: () => this.#push(this.#text(this.#byte())), // SHORT_BINUNICODE
    67: () => this.#push(this.#raw(this.#byte())), // SHORT_BINBYTES
    66: () => this.#push(this.#raw(this.#take(4).getUint32(0, true))), // BINBYTES
    142: () => this.#push(this.#raw(Number(this.#take(8).getBigUint64(0, true)))), // BINBYTES8
    93: () => this.#push([]), // EMPTY_LIST
    41: () => this.#push([]), // EMPTY_TUPLE
    125: () => this.#push({ kind: 'map' }), // EMPTY_DICT
    40: () => this.#marks.push(this.#stack.length), // MARK
    116: () => this.#push(this.#sinceMark()), // TUPLE
    133: () => this.#push(this.#last(1)), // TUPLE1
    134: () => this.#push(this.#last(2)),
    135: () => this.#push(this.#last(3)),
    97: () => this.#append([this.#pop()]), // APPEND
    101: () => this.#append(this.#sinceMark()), // APPENDS
    117: () => this.#sinceMark(), // SETITEMS: nothing reads dictionaries
    115: () => this.#last(2), // SETITEM
    113: () => this.#remember(this.#byte()), // BINPUT
    114: () => this.#remember(this.#take(4).getUint32(0, true)), // LONG_BINPUT
    148: () => this.#remember(this.#memo.size), // MEMOIZE
    104: () => this.#recall(this.#byte()), // BINGET
    106: () => this.#recall(this.#take(4).getUint32(0, true)), // LONG_BINGET
    99: () => this.#push(this.#global(this.#line(), this.#line())), // GLOBAL
    147: () => this.#stackGlobal(),
    82: () => this.#call(), // REDUCE
    98: () => this.#build(), // BUILD
  };

  #stackGlobal(): void {
    const [module, name] = this.#last(2);
    this.#push(this.#global(String(module), String(name)));
  }

  #global(module: string, name: string): string {
    const full = `${module} ${name}`;
    // Python 2 wrote bytes as a call of this; its arguments are text and an encoding.
    if (full === '_codecs encode' || allowed.test(full)) return full;
    throw new PickleProblem(this.#position, `the pickle calls ${module}.${name}, which is not done`);
  }

  #call(): void {
    const [name, args] = this.#last(2);
    if (name === '_codecs encode') this.#push((args as PickleValue[])[0] ?? null);
    else this.#push({ kind: 'object', name: String(name), args: args as PickleValue[], state: undefined });
  }

  #build(): void {
    const state = this.#pop();
    const made = this.#stack.at(-1) as NumpyObject | undefined;
    if (made?.kind !== 'object') throw new PickleProblem(this.#position, 'a pickle gives a state to no object');
    made.state = state;
  }

  #push(value: PickleValue): void {
    this.#stack.push(value);
  }

  #pop(): PickleValue {
    const value = this.#stack.pop();
    if (value === undefined) throw new PickleProblem(this.#position, 'a pickle takes more values than it has');
    return value;
  }

  #last(count: number): PickleValue[] {
    if (this.#stack.length < count) throw new PickleProblem(this.#position, 'a pickle takes more values than it has');
    return this.#stack.splice(this.#stack.length - count);
  }

  #sinceMark(): PickleValue[] {
    return this.#stack.splice(this.#marks.pop() ?? 0);
  }

  #append(values: PickleValue[]): void {
    const list = this.#stack.at(-1);
    if (!Array.isArray(list)) throw new PickleProblem(this.#position, 'a pickle appends to what is no list');
    // One by one: a spread of a long list overflows the call stack.
    for (const value of values) list.push(value);
  }

  #remember(key: number): void {
    this.#memo.set(key, this.#stack.at(-1) ?? null);
  }

  #recall(key: number): void {
    this.#push(this.#memo.get(key) ?? null);
  }

  #byte(): number {
    const byte = this.#bytes[this.#position++];
    if (byte === undefined) throw new PickleProblem(this.#bytes.length, 'a pickle ends in its middle');
    return byte;
  }

  #skip(count: number): void {
    this.#take(count);
  }

  #take(count: number): DataView {
    return new DataView(this.#raw(count).buffer, this.#bytes.byteOffset + this.#position - count, count);
  }

  #raw(count: number): Uint8Array {
    const end = this.#position + count;
    if (end > this.#bytes.length) throw new PickleProblem(this.#bytes.length, 'a pickle ends in its middle');
    const bytes = this.#bytes.subarray(this.#position, end);
    this.#position = end;
    return bytes;
  }

  #text(count: number): string {
    return new TextDecoder().decode(this.#raw(count));
  }

  #line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#position);
    if (end < 0) throw new PickleProblem(this.#bytes.length, 'a pickle ends in its middle');
    const text = this.#text(end - this.#position);
    this.#position = end + 1;
    return text;
  }

  /** Little-endian two's complement of up to 8 bytes. */
  #long(count: number): number {
    const bytes = this.#raw(count);
    if (count === 0) return 0;
    if (count > 8) throw new PickleProblem(this.#position, `a number of ${count} bytes, expected 8 at most`);
    const sum = bytes.reduceRight((high, byte) => (high << 8n) | BigInt(byte), 0n);
    return Number(BigInt.asIntN(8 * count, sum));
  }
}
