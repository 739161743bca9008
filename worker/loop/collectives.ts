import { at, LockstepError } from '../../shared/core/index.ts';
import { decodeValue, encodeValue } from './bytes.ts';
import type { Exchange } from './exchange.ts';
import { fromFloats, joinLength, splitLength, toFloats } from './float-bytes.ts';
import { type Packed, pack, type Summands, unpack } from './summands.ts';

/** What one replica contributes; may be asynchronous. */
export type PerReplica<Value> = (replica: number) => Value | Promise<Value>;

/**
 * The sum over all replicas of what `contribute` gives for each, or over all workers of a value.
 * @throws LockstepError job/invalid, run/diverged
 */
export async function allReduce<Form extends Summands>(
  exchange: Exchange,
  given: Form | PerReplica<Form>,
): Promise<Form> {
  const isPerReplica = typeof given === 'function';
  const forms = isPerReplica ? await contributions(exchange, given as PerReplica<Form>) : [given as Form];
  const packed = forms.map(pack);
  const { text } = at(packed, 0);
  // Arrays are gone once they are sent.
  const { length } = at(packed, 0).values;
  checkEqual(packed);
  const { start, end } = exchange.generation.replicas;
  const [sum] = await exchange.run(
    `allReduce of ${text} per ${isPerReplica ? 'replica' : 'worker'}`,
    [length],
    (send) => {
      for (let replica = start; replica < end; replica++) {
        send(replica, 0, packed[replica - start]?.values ?? new Float32Array(length));
      }
    },
  );
  return unpack(sum as Float32Array, at(forms, 0));
}

async function contributions<Form>({ generation }: Exchange, contribute: PerReplica<Form>): Promise<Form[]> {
  const forms: Form[] = [];
  for (let replica = generation.replicas.start; replica < generation.replicas.end; replica++) {
    forms.push(await contribute(replica));
  }
  return forms;
}

function checkEqual(packed: readonly Packed[]): void {
  const first = at(packed, 0);
  const other = packed.find(({ text }) => text !== first.text);
  if (other === undefined) return;
  throw new LockstepError(
    'job/invalid',
    `allReduce: all replicas contribute the same shapes, got ${first.text} and ${other.text}.`,
  );
}

/** Every worker's value, by rank. */
export async function allGather<Value>(exchange: Exchange, value: Value, call = 'allGather'): Promise<Value[]> {
  const { rank, worldSize } = exchange.generation;
  const bytes = encodeValue(value);
  const lengths = await exchangeLengths(exchange, call, rank, bytes.length);
  const parts = lengths.map((length) => Math.ceil(length / 2));
  const [sum] = await exchange.run(
    `${call}, ${parts.length} parts`,
    [parts.reduce((total, part) => total + part, 0)],
    (send) => {
      const { start, end } = exchange.generation.replicas;
      for (let replica = start; replica < end; replica++) {
        const all = new Float32Array(parts.reduce((total, part) => total + part, 0));
        if (replica === start)
          all.set(
            toFloats(bytes),
            parts.slice(0, rank).reduce((total, part) => total + part, 0),
          );
        send(replica, 0, all);
      }
    },
  );
  let next = 0;
  return Array.from({ length: worldSize }, (_, index) => {
    const from = next;
    next += parts[index] ?? 0;
    return decodeValue(fromFloats((sum as Float32Array).subarray(from, next), lengths[index] ?? 0)) as Value;
  });
}

/** The value of the worker of rank `root`; what others give is not looked at. */
export async function broadcast<Value>(exchange: Exchange, value: Value, root: number): Promise<Value> {
  const { rank, worldSize, replicas } = exchange.generation;
  if (!Number.isInteger(root) || root < 0 || root >= worldSize) {
    throw new LockstepError('job/invalid', `broadcast: there is no rank ${root} among ${worldSize} workers.`);
  }
  const bytes = rank === root ? encodeValue(value) : new Uint8Array(0);
  const call = `broadcast from rank ${root}`;
  const lengths = await exchangeLengths(exchange, call, rank, bytes.length);
  const length = lengths[root] ?? 0;
  const [sum] = await exchange.run(call, [Math.ceil(length / 2)], (send) => {
    for (let replica = replicas.start; replica < replicas.end; replica++) {
      const isMine = rank === root && replica === replicas.start;
      send(replica, 0, isMine ? toFloats(bytes) : new Float32Array(Math.ceil(length / 2)));
    }
  });
  return rank === root ? value : (decodeValue(fromFloats(sum as Float32Array, length)) as Value);
}

/** Returns when all workers are there. */
export async function barrier(exchange: Exchange, call = 'barrier'): Promise<void> {
  await exchange.run(call, [], () => {});
}

/** Bytes that each rank has to send. */
async function exchangeLengths(exchange: Exchange, call: string, rank: number, length: number): Promise<number[]> {
  const { worldSize, replicas } = exchange.generation;
  const [sum] = await exchange.run(`${call}, lengths`, [2 * worldSize], (send) => {
    for (let replica = replicas.start; replica < replicas.end; replica++) {
      const lengths = new Float32Array(2 * worldSize);
      if (replica === replicas.start) lengths.set(splitLength(length), 2 * rank);
      send(replica, 0, lengths);
    }
  });
  const lengths = sum as Float32Array;
  return Array.from({ length: worldSize }, (_, index) =>
    joinLength(at(lengths, 2 * index), at(lengths, 2 * index + 1)),
  );
}
