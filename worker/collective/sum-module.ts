/**
 * A small WebAssembly module that adds two blocks, because WebAssembly has vector instructions and JavaScript doesn't.
 * The encoding: https://webassembly.github.io/spec/core/binary/index.html
 */

/** Bytes of each block: two of them stay in a core's cache. */
export const blockBytes = 32_768;
/** The module's loops do this many bytes a turn; what is left of an array is summed with whatever lies behind it. */
const turnBytes = 64;

type Code = readonly number[];

/** Unsigned LEB128, as WebAssembly writes numbers. */
function leb(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...leb(value >>> 7)];
}

function section(id: number, ...items: readonly Code[]): number[] {
  const content = [...leb(items.length), ...items.flat()];
  return [id, ...leb(content.length), ...content];
}

function simd(opcode: number, ...inputs: readonly Code[]): number[] {
  return [...inputs.flat(), 0xfd, ...leb(opcode)];
}

const i32 = 0x7f;
const v128 = 0x7b;
const [left, right, leftEnd] = [0, 1, 2];
const [sum, x, y] = [3, 4, 5];
const get = (local: number): Code => [0x20, local];
const set = (local: number, value: Code): Code => [...value, 0x21, local];
const shift = (opcode: number, value: Code, bits: number): Code => [...value, 0x41, bits, 0xfd, ...leb(opcode)];
/** The same 32 bits in all four lanes. */
const splat = (word: number): Code => {
  const lane = [word, word >>> 8, word >>> 16, word >>> 24].map((byte) => byte & 255);
  return [0xfd, 12, ...lane, ...lane, ...lane, ...lane];
};
// Alignment 2⁴, then the offset.
const load = (from: number, offset: number): Code => [...simd(0, get(from)), 4, ...leb(offset)];
const store = (offset: number, value: Code): Code => [...get(left), ...simd(11, value), 4, ...leb(offset)];
const add = (a: Code, b: Code): Code => simd(174, a, b);
const addFloats = (a: Code, b: Code): Code => simd(228, a, b);
const and = (a: Code, b: Code): Code => simd(78, a, b);
const upperHalves = splat(0xffff0000);

const floatVector = (offset: number): Code => store(offset, addFloats(load(left, offset), load(right, offset)));

/** `sum` to nearest even in the upper half of each lane: + 0x7fff + its lowest bit that stays; not-a-number is one. */
function rounded(): Code {
  const carry = add(splat(0x7fff), and(shift(173, get(sum), 16), splat(1)));
  return simd(82, splat(0x7fc00000), add(get(sum), carry), simd(66, get(sum), get(sum)));
}

/** Each lane holds two values: the lower one is shifted up, the upper one freed of it; so are their sums put together. */
function bfloat16Vector(offset: number): Code {
  return [
    ...set(x, load(left, offset)),
    ...set(y, load(right, offset)),
    ...set(sum, addFloats(shift(171, get(x), 16), shift(171, get(y), 16))),
    ...get(left),
    ...shift(173, rounded(), 16),
    ...set(sum, addFloats(and(get(x), upperHalves), and(get(y), upperHalves))),
    ...simd(80, and(rounded(), upperHalves)),
    ...[0xfd, 11, 4, ...leb(offset)],
  ];
}

/**
 * (func (param $left i32) (param $right i32) (param $leftEnd i32) (local v128 v128 v128)
 *   loop: 4 vectors from $left and $right to $left; $right += 64; $left += 64; br_if loop ($left < $leftEnd))
 */
function sumFunction(vector: (offset: number) => Code): Code {
  const turn = [0x41, 0xc0, 0x00]; // i32.const 64, signed LEB128
  const body = [
    ...[1, 3, v128, 0x03, 0x40], // three locals; loop without a result
    ...[0, 16, 32, 48].flatMap(vector),
    ...[...get(right), ...turn, 0x6a, 0x21, right],
    ...[...get(left), ...turn, 0x6a, 0x22, left], // kept on the stack
    ...[...get(leftEnd), 0x49, 0x0d, 0, 0x0b, 0x0b], // i32.lt_u; br_if 0; end of the loop; end of the function
  ];
  return [...leb(body.length), ...body];
}

function moduleBytes(): Uint8Array {
  return new Uint8Array([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [0x60, 3, i32, i32, i32, 0]),
    ...section(3, [0], [0]),
    ...section(5, [0, (2 * blockBytes) / 65_536]),
    ...section(7, [1, 0x6d, 2, 0], [1, 0x66, 0, 0], [1, 0x62, 0, 1]),
    ...section(10, sumFunction(floatVector), sumFunction(bfloat16Vector)),
  ]);
}

/** What is used of WebAssembly; the compiler knows its types only together with a browser's. */
interface WebAssemblyApi {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: SumExports };
}

type SumBlocks = (left: number, right: number, leftEnd: number) => void;

interface SumExports {
  readonly m: { readonly buffer: ArrayBuffer };
  readonly f: SumBlocks;
  readonly b: SumBlocks;
}

const { Module, Instance } = (globalThis as unknown as { WebAssembly: WebAssemblyApi }).WebAssembly;
const { m: memory, f: sumFloats, b: sumBfloat16 } = new Instance(new Module(moduleBytes())).exports;

/** The blocks, one behind the other: the left one takes the sums. */
export const blocks = memory.buffer;

/** Adds the first `bytes` of the blocks, or a few more. */
export function sumBlocks(format: 'float32' | 'bfloat16', bytes: number): void {
  const end = Math.ceil(bytes / turnBytes) * turnBytes;
  (format === 'float32' ? sumFloats : sumBfloat16)(0, blockBytes, end);
}
