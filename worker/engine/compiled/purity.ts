import { LockstepError } from '../../../shared/core/index.ts';
import { type Attr, type ConstValue, dtypes, type GraphNode, layerOf } from '../../graph/index.ts';
import { placeText } from '../own-scope.ts';

/**
 * Compares two recordings of the same step. Whatever differs came from JavaScript and not from the step's inputs: a
 * random number, a clock, a counter. Compiled, it would stay for ever as it was in the first recording.
 *
 * @throws LockstepError engine/impure naming the op, and its layer where it has one
 */
export function assertPure(first: readonly GraphNode[], second: readonly GraphNode[]): void {
  for (let index = 0; index < Math.max(first.length, second.length); index++) {
    const [a, b] = [first[index], second[index]];
    if (a === undefined || b === undefined || a.op !== b.op || a.inputs.length !== b.inputs.length) {
      throw impure(`it runs other ops each time (${describe(a)}, then ${describe(b)})`, a ?? b);
    }
    const differing = Object.keys(a.attrs).find((name) => !isEqual(a.attrs[name], b.attrs[name]));
    if (differing === undefined) continue;
    if (a.op !== 'Const') throw impure(`attribute ${differing} of ${describe(a)} changes`, a);
    const reader = first.find((node) => node.inputs.some((input) => input.node === a.name));
    throw impure(`a constant that ${describe(reader)} reads changes ${valueText(a, b)}`, reader ?? a);
  }
}

function impure(what: string, node: GraphNode | undefined): LockstepError {
  const layer = node === undefined ? undefined : layerOf(node.name);
  return new LockstepError(
    'engine/impure',
    `the training step${layer === undefined ? '' : ` (${placeText(layer)})`} is not the same each time: ${what}. ` +
      'It depends on something in JavaScript, such as a clock or a counter, which a compiled step would ' +
      'freeze. Use the random layers (dropout, gaussianNoise, …), pass the value in as data, or train with --eager (compile: false in the job)',
    { details: { op: node?.op, layer } },
  );
}

function describe(node: GraphNode | undefined): string {
  return node === undefined ? 'nothing' : node.op;
}

function isEqual(a: Attr | undefined, b: Attr | undefined): boolean {
  if (a?.kind === 'tensor' && b?.kind === 'tensor') {
    return a.value.dtype === b.value.dtype && Buffer.compare(a.value.bytes, b.value.bytes) === 0;
  }
  return JSON.stringify(a) === JSON.stringify(b);
}

function valueText(a: GraphNode, b: GraphNode): string {
  const [before, after] = [a, b].map((node) => firstValue(node.attrs.value));
  return before === undefined || after === undefined ? '' : `(${before}, then ${after}, …)`;
}

function firstValue(attr: Attr | undefined): number | undefined {
  if (attr?.kind !== 'tensor') return undefined;
  const { dtype, bytes }: ConstValue = attr.value;
  if (bytes.length < 4 || (dtype !== dtypes.float32 && dtype !== dtypes.int32)) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return dtype === dtypes.float32 ? view.getFloat32(0, true) : view.getInt32(0, true);
}
