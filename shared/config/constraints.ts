import { isLoopback, LockstepError, splitAddress } from '../core/index.ts';
import { type Command, flagOf } from './definition.ts';
import type { OptionName } from './options.ts';

type Values = Readonly<Partial<Record<OptionName, unknown>>>;

/** What no option can know alone. @throws LockstepError config/invalid, config/insecure */
export function checkTogether(command: Command, values: Values): void {
  // Of a prediction each worker computes whole batches.
  if (command !== 'predict') checkReplicas(values);
  checkHeartbeats(values);
  checkMetricsPorts(command, values);
  checkWire(command, values);
  checkTls(values);
  checkListener('listen', values);
  checkListener('peerListen', values);
}

function checkReplicas({ workers, minWorkers, replicas, batchSize }: Values): void {
  if (typeof workers !== 'number') return;
  if (typeof minWorkers === 'number' && minWorkers > workers) {
    refuse('minWorkers', `at least ${minWorkers} workers and at most ${workers}: expected MIN:MAX, such as 2:4`);
  }
  if (typeof replicas === 'number' && replicas < workers) {
    refuse('replicas', `${replicas} replicas for ${workers} workers: each worker needs at least one replica`);
  }
  const lanes = typeof replicas === 'number' ? replicas : workers;
  if (typeof batchSize === 'number' && batchSize % lanes !== 0) {
    refuse(
      'batchSize',
      `batches of ${batchSize} samples cannot be cut into ${lanes} equal replicas: give a multiple of ${lanes}`,
    );
  }
}

function checkHeartbeats({ heartbeatIntervalMs: interval, heartbeatTimeoutMs: timeout }: Values): void {
  if (typeof interval !== 'number' || typeof timeout !== 'number') return;
  // Two lost heartbeats must not yet look like a death.
  if (timeout <= 2 * interval) {
    refuse(
      'heartbeatTimeoutMs',
      `${timeout} ms with a heartbeat every ${interval} ms: expected more than ${2 * interval} ms`,
    );
  }
}

function checkMetricsPorts(command: Command, { metricsPort, workers }: Values): void {
  const launches = command === 'train' || command === 'evaluate' || command === 'predict' || command === 'demo';
  if (!launches || typeof metricsPort !== 'number' || typeof workers !== 'number' || metricsPort === 0) return;
  if (metricsPort + workers > 65_535) {
    refuse(
      'metricsPort',
      `${metricsPort} leaves no room for the ports of ${workers} workers: expected at most ${65_535 - workers}`,
    );
  }
}

function checkWire(command: Command, { mode, wire }: Values): void {
  const isLoop = command === 'run' || mode === 'loop';
  if (!isLoop || typeof wire !== 'string' || wire === 'float32') return;
  refuse(
    'wire',
    `${wire} is for gradients of \`lockstep train\`: a loop of your own gets from session.allReduce the sums of what it gave, in float32`,
  );
}

function checkTls(values: Values): void {
  const names = ['tlsCa', 'tlsCert', 'tlsKey'] as const;
  const absent = names.filter((name) => (values[name] ?? null) === null);
  if (absent.length === 0 || absent.length === names.length) return;
  refuse(absent[0] as OptionName, `missing: TLS needs all of ${names.map(flagOf).join(', ')}`);
}

function checkListener(name: 'listen' | 'peerListen', values: Values): void {
  const address = values[name];
  if (typeof address !== 'string' || values.insecure === true || (values.tlsCa ?? null) !== null) return;
  if (isLoopback(splitAddress(address)?.host ?? '')) return;
  throw new LockstepError(
    'config/insecure',
    `${flagOf(name)} ${address} can be reached from other machines: give --tls-ca, --tls-cert and --tls-key, or --insecure`,
    { details: { option: name } },
  );
}

function refuse(option: OptionName, problem: string): never {
  throw new LockstepError('config/invalid', `${flagOf(option)}: ${problem}`, { details: { option } });
}
