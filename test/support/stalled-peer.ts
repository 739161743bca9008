/**
 * A process that asks a worker for a whole bucket, takes the first answer and then stands still: `argv` is the address,
 * the bucket's values and whether it offers shared memory.
 */
import { connect, loopbackSecurity, peerService } from '../../shared/rpc/index.ts';
import { ReceivingSlots } from '../../worker/collective/shared-slots.ts';

export const stalledSegmentBytes = 1024 * 1024;

if (process.send !== undefined && process.argv[2] === 'stalled-peer') {
  const [address = '', values, memory] = process.argv.slice(3);
  const channel = await connect(address, {
    kind: 'bulk',
    security: loopbackSecurity,
    deadlineMs: 10_000,
    role: 'worker',
  });
  const stream = channel.open(peerService.pull, {
    message: () => {
      process.send?.('stands still', () => {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
      });
    },
    closed: () => process.exit(1),
  });
  if (memory === 'auto') {
    const { offer } = new ReceivingSlots(4, stalledSegmentBytes, { sent: 0, received: 0 });
    void stream.send({ offer, fromWorker: 'w-1' });
  }
  const request = { runId: 'run', generation: 1, step: 0, bucket: 0, stage: 1, nodeStart: 0, nodeEnd: 2 };
  void stream.send({ ...request, offset: 0, length: Number(values) * 4, fromWorker: 'w-1' });
  process.on('disconnect', () => process.exit(0));
}
