import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { monotonicClock } from '../../shared/core/index.ts';
import { loopbackSecurity } from '../../shared/rpc/index.ts';
import { GrpcTransport } from '../../worker/collective/index.ts';
import { stalledSegmentBytes } from '../support/stalled-peer.ts';

const MiB = 1024 * 1024;
const script = fileURLToPath(new URL('../support/stalled-peer.js', import.meta.url));
/** As docs/collectives.md states it, for segments of 1 MiB: 2 MiB queued, the segment that went over it, and one in HTTP/2. */
const boundBytes: Readonly<Record<'auto' | 'off', number>> = { off: 2 * MiB + 2 * stalledSegmentBytes, auto: 0 };

for (const memory of ['off', 'auto'] as const) {
  test(`two peers that stand still while 64 MB wait for each hold a bounded part of them, with shared memory ${memory}`, async (t) => {
    const values = new Float32Array(16e6);
    const transport = await GrpcTransport.create({
      workerId: 'w-0',
      listen: '127.0.0.1:0',
      security: loopbackSecurity,
      sharedMemory: memory,
    });
    let reads = 0;
    const source = {
      ...{ runId: 'run', generation: 1, wire: 'float32' as const, segmentValues: stalledSegmentBytes / 4 },
      read: (_: unknown, __: unknown, start: number, end: number) => {
        reads++;
        return values.subarray(start, end);
      },
    };
    const member = { rank: 0, workerId: 'w-0', host: 'h', address: transport.address, replicas: { start: 0, end: 1 } };
    const links = transport.join({
      source,
      rank: 0,
      members: [member],
      segmentTimeoutMs: 60_000,
      clock: monotonicClock,
    });
    const before = process.memoryUsage();
    const peers = [1, 2].map(() => fork(script, ['stalled-peer', transport.address, `${values.length}`, memory]));
    t.after(async () => {
      for (const peer of peers) peer.kill('SIGKILL');
      links.close();
      await transport.close();
    });
    await Promise.all(peers.map((peer) => once(peer, 'message')));
    let most = 0;
    // Until nothing more is read for a second: then all that can be queued is.
    for (let [last, still] = [-1, 0]; still < 20; still = reads === last ? still + 1 : 0, last = reads) {
      const { arrayBuffers, external } = process.memoryUsage();
      most = Math.max(most, arrayBuffers - before.arrayBuffers, external - before.external);
      await setTimeout(50);
    }
    t.diagnostic(`${(most / MiB).toFixed(1)} MiB more, ${reads} segments read`);
    assert.ok(most <= peers.length * boundBytes[memory] + MiB, `${most} bytes more for ${peers.length} peers`);
    assert.ok(reads < 2 * 16, `${reads} segments were read for peers that take none`);
  });
}
