import type { ErrorRecord } from '../../shared/core/index.ts';
import { type Job, lossName, type TensorSpec } from '../../shared/job/index.ts';
import type { NamedWeight } from '../engine/index.ts';
import type { OpenLoaders, RunPlan } from '../session/index.ts';
import type { ProfileReport } from './profile-report.ts';

/** One line of `lockstep doctor job.ts`. */
export interface PreflightCheck {
  readonly name: string;
  readonly status: 'ok' | 'warn' | 'fail';
  readonly found: string;
  /** What to do about it; empty when ok. */
  readonly remedies: readonly string[];
}

export function ok(name: string, found: string): PreflightCheck {
  return { name, status: 'ok', found, remedies: [] };
}

export function fail(name: string, { code, message }: Pick<ErrorRecord, 'code' | 'message'>): PreflightCheck {
  return { name, status: 'fail', found: `${code}: ${message}`, remedies: remediesFor(code) };
}

/** What helps besides what the message itself says. */
function remediesFor(code: string): string[] {
  switch (code) {
    case 'engine/impure':
    case 'engine/unsupported':
      return ['change the model as the message says', 'see if it trains op by op: lockstep doctor job.ts --eager'];
    case 'engine/non-finite':
      return ['lower the learning rate, clip gradients, or scale the inputs to about −1 to 1'];
    case 'engine/unavailable':
      return ['run: lockstep doctor'];
    default:
      return [];
  }
}

export function describeJob(job: Job, plan: RunPlan): PreflightCheck {
  const { train, epochs, stepsPerEpoch, precision, seed } = plan;
  return ok(
    'job',
    `${job.optimizer.name}, ${lossName(job.loss)}, batch ${train.globalBatchSize}, ` +
      `${epochs} epoch${epochs === 1 ? '' : 's'} of ${stepsPerEpoch} steps, ${precision}, seed ${seed}`,
  );
}

export function describeData({ train, validation, test }: OpenLoaders, plan: RunPlan): PreflightCheck[] {
  const splits = { train, validation, test };
  const checks = Object.entries(splits).flatMap(([split, loader]) =>
    loader === undefined
      ? []
      : [ok(`${split} data`, `${loader.size} samples of ${specs(loader.inputs)} → ${specs(loader.targets)}`)],
  );
  const { globalBatchSize } = plan.train;
  if (globalBatchSize <= train.size) return checks;
  const found = `a batch of ${globalBatchSize} is more than the ${train.size} training samples: each epoch is one step`;
  return [...checks, { name: 'batch', status: 'warn', found, remedies: ['give a smaller --batch-size'] }];
}

function specs(tensors: readonly TensorSpec[]): string {
  return tensors.map(({ shape, dtype }) => `[${shape.join(', ')}] ${dtype}`).join(' + ');
}

export function describeModel(name: string, weights: readonly NamedWeight[]): PreflightCheck {
  const count = (trainable: boolean): number =>
    weights.filter((weight) => weight.trainable === trainable).reduce((sum, { values }) => sum + values.length, 0);
  const fixed = count(false);
  const others = fixed === 0 ? '' : `, and ${fixed} that are not trained by gradient`;
  return ok('model', `${name}: ${count(true)} trainable parameters in ${weights.length} weights${others}`);
}

/** Weights that are the same after some steps got no gradient, or one of zero. */
export function checkGradients(before: readonly NamedWeight[], after: readonly NamedWeight[]): PreflightCheck {
  const trainable = before.flatMap((weight, index) => (weight.trainable ? [{ weight, now: after[index] }] : []));
  const still = trainable.filter(({ weight, now }) => now !== undefined && isEqual(weight.values, now.values));
  if (still.length === 0) return ok('gradients', `reach all ${trainable.length} trainable weights`);
  const names = still.map(({ weight }) => weight.name).join(', ');
  return {
    name: 'gradients',
    status: still.length === trainable.length ? 'fail' : 'warn',
    found: `${still.length} of ${trainable.length} trainable weights did not move: ${names}`,
    remedies: ['check that the loss depends on them, and that a ReLU before them is not zero everywhere'],
  };
}

function isEqual(a: Float32Array, b: Float32Array): boolean {
  return a.length === b.length && a.every((value, index) => Object.is(value, b[index]));
}

/** Bytes; undefined where only the compiled step knows. */
export interface MemoryNeed {
  readonly weights: number;
  readonly slots: number | undefined;
  readonly gradients: number;
  readonly values: number | undefined;
  readonly peakResident: number;
  /** Free on the machine before anything was loaded. */
  readonly available: number;
}

/** Memory of one worker. */
export function describeMemory(need: MemoryNeed): PreflightCheck {
  const { weights, slots, gradients, values, peakResident, available } = need;
  const parts = [
    `weights ${size(weights)}`,
    ...(slots === undefined ? [] : [`optimizer ${size(slots)}`]),
    `gradients ${size(gradients)}`,
    ...(values === undefined ? [] : [`values of a pass ${size(values)}`]),
  ];
  const found = `${parts.join(', ')}; the process held ${size(peakResident)} at most, of ${size(available)} free here`;
  const isTight = peakResident > 0.8 * available;
  return {
    name: 'memory',
    status: isTight ? 'warn' : 'ok',
    found,
    remedies: isTight ? ['start fewer workers here, or give a smaller --batch-size'] : [],
  };
}

export function describeSpeed(phases: ProfileReport['phases'], plan: RunPlan, steps: number): PreflightCheck {
  const { data, forwardBackward, apply } = phases;
  const total = data + forwardBackward + apply;
  const rate = (1000 * plan.train.globalBatchSize) / total;
  const whole = (total * plan.totalSteps) / 1000;
  const found =
    `${total.toFixed(1)} ms a step (median of ${steps}: data ${data.toFixed(1)}, forward and backward ` +
    `${forwardBackward.toFixed(1)}, apply ${apply.toFixed(1)}), ${rate.toFixed(0)} samples/s; ` +
    `all ${plan.totalSteps} steps by one worker: ${duration(whole)}`;
  const isWaiting = data > 0.3 * total;
  return {
    name: 'speed',
    status: isWaiting ? 'warn' : 'ok',
    found,
    remedies: isWaiting ? ['steps wait for data: make samples smaller or cheaper to read and transform'] : [],
  };
}

function duration(seconds: number): string {
  if (seconds < 90) return `${seconds.toFixed(0)} s`;
  return seconds < 5400 ? `${(seconds / 60).toFixed(0)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

function size(bytes: number): string {
  const KiB = 1024;
  const MiB = 1024 * KiB;
  if (bytes < MiB) return `${(bytes / KiB).toFixed(1)} KiB`;
  return `${(bytes / MiB).toFixed(bytes < 10 * MiB ? 1 : 0)} MiB`;
}
