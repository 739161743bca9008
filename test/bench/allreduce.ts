/**
 * Two processes (or --workers N) on loopback reduce buckets of 1, 4, 25 and 64 MB: `node dist/test/bench/allreduce.js`.
 * Prints bus bandwidth, bytes × 2(N−1)/N ÷ time, as nccl-tests define it, and rank 0's CPU time for each reduction,
 * which a busy machine disturbs less.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { monotonicClock } from '../../shared/core/index.ts';
import { loopbackSecurity } from '../../shared/rpc/index.ts';
import { DirectAllreduce, GrpcTransport, type Member } from '../../worker/collective/index.ts';

const { values: flags } = parseArgs({
  options: {
    workers: { type: 'string', default: '2' },
    segment: { type: 'string', default: String(1024 * 1024) },
    rank: { type: 'string' },
  },
});
const workers = Number(flags.workers);
const megabytes = [1, 4, 25, 64];

async function runRank(rank: number): Promise<void> {
  const transport = await GrpcTransport.create({
    workerId: `w-${rank}`,
    listen: '127.0.0.1:0',
    security: loopbackSecurity,
  });
  process.send?.({ rank, address: transport.address });
  const [members] = (await once(process, 'message')) as [readonly Member[]];
  for (const [generation, mb] of megabytes.entries()) {
    const length = mb * 250_000;
    const allreduce = DirectAllreduce.create({
      runId: 'bench',
      generation,
      rank,
      members,
      replicas: workers,
      bucketLengths: [length],
      transport,
      segmentBytes: Number(flags.segment),
      segmentTimeoutMs: 30_000,
      clock: monotonicClock,
    });
    let bucket = new Float32Array(length).fill(1);
    const repeats = Math.max(5, Math.floor(400 / mb));
    const warmUp = 5;
    const seconds: number[] = [];
    let cpu = process.cpuUsage();
    for (let step = 0; step < warmUp + repeats; step++) {
      if (step === warmUp) cpu = process.cpuUsage();
      const start = performance.now();
      allreduce.contribute(step, rank, 0, bucket);
      bucket = (await allreduce.result(step))[0] as Float32Array<ArrayBuffer>;
      if (step >= warmUp) seconds.push((performance.now() - start) / 1e3);
    }
    const { user, system } = process.cpuUsage(cpu);
    seconds.sort((a, b) => a - b);
    const median = seconds[seconds.length >> 1] as number;
    const gigabytes = (s: number) => ((mb / 1e3) * ((2 * (workers - 1)) / workers)) / s;
    if (rank === 0) {
      const best = gigabytes(seconds[0] as number).toFixed(2);
      const cpuMs = (user + system) / 1e3 / repeats;
      console.log(
        `${mb} MB: median ${(median * 1e3).toFixed(2)} ms, busbw ${gigabytes(median).toFixed(2)} GB/s (best ${best}), ` +
          `CPU ${cpuMs.toFixed(2)} ms, of which system ${(system / 1e3 / repeats).toFixed(2)} ms`,
      );
    }
    // The last gather of a slower peer must be answered before this generation ends.
    process.send?.({ done: generation });
    await once(process, 'message');
    allreduce.close();
  }
  process.disconnect();
  await transport.close();
}

async function runAll(): Promise<void> {
  const script = fileURLToPath(import.meta.url);
  const children = Array.from({ length: workers }, (_, rank) =>
    fork(script, [...process.argv.slice(2), `--rank=${rank}`]),
  );
  const gather = async () => Promise.all(children.map(async (child) => (await once(child, 'message'))[0]));
  const members = (await gather()).map(({ rank, address }): Member => {
    return { rank, workerId: `w-${rank}`, address, replicas: { start: rank, end: rank + 1 } };
  });
  for (const child of children) child.send(members);
  for (let round = 0; round < megabytes.length; round++) {
    await gather();
    for (const child of children) child.send('next');
  }
}

await (flags.rank === undefined ? runAll() : runRank(Number(flags.rank)));
