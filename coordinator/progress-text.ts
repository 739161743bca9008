import type { ErrorRecord } from '../shared/core/index.ts';
import { type MetricValue, scalarsOf } from '../shared/metrics/index.ts';
import type { Active, CheckpointReport, EpochDecision, EpochEnd } from './membership/index.ts';
import type { EvaluationMeans, RunResult } from './result.ts';
import type { RunTally } from './tally.ts';

type Metrics = Readonly<Record<string, MetricValue>>;

const BAR_WIDTH = 20;

/** `epoch 2/5 [=====>    ] step 34/139 loss 0.4100 accuracy 0.8700 412 samples/s ETA 0:31`, cut to `columns`. */
export function progressLine(tally: RunTally, options: { readonly bar: boolean; readonly columns: number }): string {
  const { active } = tally;
  if (active === null) return '';
  const means = tally.epoch;
  const done = means?.steps ?? 0;
  // A loop that told of no data has steps and nothing that they are a part of.
  const perEpoch = Math.min(active.stepsPerEpoch, active.totalSteps);
  const epochs = Math.ceil(active.totalSteps / Math.max(1, active.stepsPerEpoch));
  const parts = [
    ...(perEpoch === 0 ? [] : [`epoch ${means?.epoch ?? 1}/${epochs}`]),
    ...(options.bar && perEpoch > 0 ? [bar(done / perEpoch)] : []),
    perEpoch === 0 ? `step ${done}` : `step ${done}/${perEpoch}`,
    ...(means === null ? [] : [meansText(means.loss, means.metrics)]),
    ...(Number.isFinite(tally.recentSamplesPerSecond) ? [rate(tally.recentSamplesPerSecond)] : []),
    ...(tally.stage === 'draining' ? ['ending after this step'] : etaText(tally.etaSeconds)),
  ];
  return parts.join(' ').slice(0, Math.max(20, options.columns));
}

function etaText(seconds: number): string[] {
  return Number.isFinite(seconds) ? [`ETA ${duration(seconds)}`] : [];
}

function bar(fraction: number): string {
  const filled = Math.round(Math.min(1, fraction) * BAR_WIDTH);
  return `[${filled === BAR_WIDTH ? '='.repeat(BAR_WIDTH) : `${'='.repeat(filled)}>`.padEnd(BAR_WIDTH)}]`;
}

/** The line that stays when an epoch is over. */
export function epochLine({ epoch, steps, seconds, samples, ...means }: EpochEnd, tally: RunTally): string {
  const { validation } = means;
  const { totalSteps = 0, stepsPerEpoch = 1 } = tally.active ?? {};
  const parts = [
    `epoch ${epoch + 1}/${Math.ceil(totalSteps / stepsPerEpoch)}: ${steps} steps in ${duration(seconds)}`,
    meansText(means.loss, means.metrics),
    ...(validation === null ? [] : [`validation ${meansText(validation.loss, validation.metrics)}`]),
    rate(samples / seconds),
  ];
  return parts.join(', ');
}

/** What callbacks changed, if anything. */
export function decisionText({ epoch, stop, learningRate, restoreWeights }: EpochDecision): string[] {
  return [
    ...(learningRate === null
      ? []
      : [`learning rate ${Number(learningRate.toPrecision(6))} from epoch ${epoch + 1} on`]),
    ...(stop === null ? [] : [`training ends: ${stop}`]),
    ...(restoreWeights ? ['back to the weights of the best epoch'] : []),
  ];
}

export function startLine(tally: RunTally): string {
  const { active, workers } = tally;
  if (active === null) return '';
  const { facts, members } = active;
  const hosts = new Set([...workers.values()].map((worker) => worker.hello.host)).size;
  const parameters = facts.parameters === 0 ? '' : `${facts.parameters.toLocaleString('en')} parameters, `;
  const samples =
    facts.trainSamples === 0 ? '' : `${facts.trainSamples.toLocaleString('en')} samples in ${batchesText(facts)}, `;
  return (
    `${facts.modelName}: ${parameters}${samples}` +
    `${members.length} ${plural('worker', members.length)} on ${hosts} ${plural('host', hosts)}` +
    (facts.execution === '' ? '' : `; ${facts.execution}`)
  );
}

/** After a change of the membership. */
export function goOnLine({ generation, members, committedSteps }: Active): string {
  const count = members.length;
  return `generation ${generation}: ${count} ${plural('worker', count)} ${count === 1 ? 'goes' : 'go'} on after ${committedSteps} ${plural('step', committedSteps)}`;
}

/** With accumulation, what an update sees: the effective batch. */
function batchesText({ globalBatchSize, accumulate }: { globalBatchSize: number; accumulate: number }): string {
  if (accumulate === 1) return `batches of ${globalBatchSize}`;
  return `steps of ${globalBatchSize} (${accumulate} batches of ${globalBatchSize / accumulate})`;
}

export function summaryLines(result: RunResult, places: { journal: string; metricsUrl: string | null }): string[] {
  const { steps, skippedSteps, samples, seconds, samplesPerSecond, workers, replicas, test, drained, bytesSent } =
    result;
  const how = `${workers} ${plural('worker', workers)}, ${replicas} ${plural('replica', replicas)}`;
  const speed = samplesPerSecond === null ? '' : `, ${rate(samplesPerSecond)}`;
  return [
    `${drained ? 'ended early' : 'done'}: ${steps} steps, ${samples} samples in ${duration(seconds)}${speed} with ${how}`,
    ...(skippedSteps === 0 ? [] : [`skipped  ${skippedSteps} of them: their loss or update was not finite`]),
    ...(bytesSent === 0 ? [] : [`sent     ${megabytes(bytesSent)} between workers`]),
    ...(test === null ? [] : testLines(test)),
    ...(result.checkpoint === '' ? [] : [`model    ${result.checkpoint}`]),
    ...(drained && result.resumeFrom !== undefined ? [goOnText(result.resumeFrom)] : []),
    `weights  sha256 ${result.weightsSha256}`,
    `journal  ${places.journal}`,
    ...(places.metricsUrl === null ? [] : [`metrics  ${places.metricsUrl}/metrics`]),
  ];
}

/** How a run that ended early is taken up again. */
export function goOnText(place: string): string {
  return `resume   the same command goes on from ${place}`;
}

/** What a person should know of a checkpoint: that there is none. */
export function checkpointText({ result, step, error }: CheckpointReport): string[] {
  if (result === 'written') return [];
  if (result === 'skipped') return [`warning: no checkpoint of step ${step}: the one before it is still being written`];
  return [`warning: ${error?.code}: ${error?.message}; training goes on without it`];
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toPrecision(3)} MB`;

/** The user's own error with its stack first, then what it meant for the run. */
export function failureText({ code, message, causeStack }: ErrorRecord): string {
  const own = code === 'job/threw' && causeStack !== undefined ? `${causeStack}\n` : '';
  return `${own}error: ${code}: ${message}`;
}

/** Those that are one number; the others stand in the result. */
function meansText(loss: number, metrics: Metrics): string {
  const scalars = Object.entries(scalarsOf(metrics)).map(([name, value]) => `${name} ${number(value)}`);
  return [`loss ${number(loss)}`, ...scalars].join(' ');
}

/** A test's loss and metrics, then each metric of several numbers, a matrix as a table. */
function testLines({ loss, ...metrics }: EvaluationMeans): string[] {
  const lists = Object.entries(metrics).flatMap(([name, value]) => {
    if (typeof value === 'number') return [];
    return isMatrix(value) ? [`${name}:`, ...tableLines(value)] : [`${name}  ${value.map(number).join('  ')}`];
  });
  return [`test     ${meansText(loss, metrics as Metrics)}`, ...lists];
}

function isMatrix(value: readonly (number | readonly number[])[]): value is readonly (readonly number[])[] {
  return Array.isArray(value[0]);
}

/** Rows are true classes, columns predicted ones, as in Keras. */
function tableLines(matrix: readonly (readonly number[])[]): string[] {
  const rows = [['true \\ predicted', ...matrix.keys()], ...matrix.map((row, index) => [index, ...row])];
  const texts = rows.map((row) => row.map(String));
  const widths = (texts[0] ?? []).map((_, column) => Math.max(...texts.map((row) => row[column]?.length ?? 0)));
  return texts.map((row) => `  ${row.map((text, column) => text.padStart(widths[column] ?? 0)).join('  ')}`);
}

/** Four significant decimals for the values that losses and accuracies have. */
function number(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return String(value);
  return Math.abs(value) >= 0.001 && Math.abs(value) < 1e5 ? value.toFixed(4) : value.toExponential(3);
}

function rate(samplesPerSecond: number): string {
  return `${samplesPerSecond < 10 ? samplesPerSecond.toFixed(1) : Math.round(samplesPerSecond)} samples/s`;
}

/** `0:31`, `12:05`, `1:02:03` */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const two = (value: number) => String(value).padStart(2, '0');
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes}:${two(whole % 60)}`;
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(whole % 60)}`;
}

function plural(word: string, count: number): string {
  return count === 1 ? word : `${word}s`;
}
