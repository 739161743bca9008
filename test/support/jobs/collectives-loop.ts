import { connect, datasets, tf } from 'lockstep';

// Contributions that float32 does not add exactly: another order gives other bits.
const contribution = (index: number) =>
  Float32Array.from({ length: 1000 }, (_, value) => Math.sin(index * 1000 + value) / 3);

const session = await connect();
const [perReplica, weighed] = await session.allReduce(
  (replica) =>
    [contribution(replica), tf.fill([2, 3], 1 / (replica + 3))] as const satisfies readonly unknown[] as [
      Float32Array,
      tf.Tensor,
    ],
);
const workers = await session.allReduce(1);
const told = await session.broadcast(
  session.rank === 1 % session.worldSize ? { words: ['from', 'rank'], rank: session.rank, zero: -0 } : null,
  1 % session.worldSize,
);
const tensor = await session.broadcast(session.rank === 0 ? tf.tensor([1.5, -0, Number.NaN]) : null);
const ranks = await session.allGather({ rank: session.rank, note: 'x'.repeat(session.rank * 1001) });
await session.barrier();

const numbered = datasets.arrays({
  inputs: { values: Float32Array.from({ length: 23 }, (_, index) => index), shape: [1] },
  targets: { values: new Float32Array(23), shape: [1] },
});
const batches = await session.batches(numbered, { batchSize: 6, epochs: 2 });
const seen: number[][] = [[], []];
let steps = 0;
for await (const { epoch, parts, samples } of batches) {
  steps++;
  for (const part of parts) {
    const { inputs, targets } = part.tensors();
    seen[epoch]?.push(...(inputs[0]?.dataSync() ?? []));
    tf.dispose([...inputs, ...targets]);
  }
  if (samples < 1) throw new Error('a step has samples');
}
const epochs = await session.allGather(seen);
session.report({ loss: 0.5 });
if (session.rank === session.worldSize - 1) {
  const bits = Buffer.from(new Float32Array([...perReplica, ...(weighed?.dataSync() ?? [])]).buffer).toString('base64');
  const positions = [0, 1].map((epoch) => epochs.flatMap((worker) => worker[epoch] ?? []));
  const lengths = ranks.map(({ rank, note }) => [rank, note.length]);
  const values = [...((tensor as tf.Tensor | null)?.dataSync() ?? [])].map((value) =>
    Object.is(value, -0) ? '-0' : String(value),
  );
  console.log(`RESULT ${JSON.stringify({ bits, workers, told, values, lengths, positions, steps })}`);
}
