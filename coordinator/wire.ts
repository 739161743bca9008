import type { lockstep } from '../proto/generated/lockstep.js';
import { type ErrorAction, type ErrorRecord, isErrorCode, LockstepError } from '../shared/core/index.ts';
import { type MetricDefinition, scalarsOf } from '../shared/metrics/index.ts';
import type { CoordinatorMessage, WorkerMessage } from '../shared/rpc/index.ts';
import {
  type Action,
  type Beat,
  type CatchUp,
  type CheckpointReport,
  type EpochDecision,
  type EpochEnd,
  type EvaluationShare,
  type Event,
  type Hello,
  type JobFacts,
  type Phase,
  phases,
  type ResumePoint,
  type Sender,
  type Split,
  type StepReport,
} from './membership/index.ts';

/** Protobuf's enums by number: their order in control.proto. */
const splits: readonly Split[] = ['validation', 'test'];
const actions: ReadonlySet<string> = new Set<ErrorAction>(['rejoin', 'retry', 'discard', 'restart', 'fatal']);

/** What a worker's message says. @throws LockstepError rpc/protocol for a message of no known kind */
export function toEvent(link: number, message: WorkerMessage): Event {
  const from: Sender = { link, runId: message.runId ?? '', generation: message.generation ?? 0 };
  if (message.hello) return { kind: 'workerHello', from, hello: toHello(message.hello) };
  if (message.ready) return { kind: 'workerReady', from, ...toReady(message.ready) };
  if (message.planned) return { kind: 'loopPlanned', from, facts: toFacts(message.planned) };
  if (message.checkpointed) return { kind: 'checkpointed', from, report: toCheckpointReport(message.checkpointed) };
  if (message.heartbeat) return { kind: 'heartbeat', from, beat: toBeat(message.heartbeat) };
  if (message.stepCommitted) return { kind: 'stepCommitted', from, report: toReport(message.stepCommitted) };
  if (message.evaluationShare) return { kind: 'evaluationShare', from, share: toShare(message.evaluationShare) };
  if (message.epochDecision) return { kind: 'epochDecided', from, decision: toDecision(message.epochDecision) };
  if (message.peerFault) return { kind: 'peerFault', from, error: toErrorRecord(message.peerFault.error ?? {}) };
  if (message.standing) {
    const { steps, decisions } = message.standing;
    return { kind: 'workerStanding', from, standing: { steps: steps ?? 0, decisions: decisions ?? 0 } };
  }
  if (message.finished) return { kind: 'workerFinished', from, ...toFinish(message.finished) };
  if (message.failed) {
    const { error, step, phase } = message.failed;
    return { kind: 'workerFailed', from, error: toErrorRecord(error ?? {}), step: step ?? 0, phase: toPhase(phase) };
  }
  throw new LockstepError(
    'rpc/protocol',
    'a worker sent a message of no known kind; is it of another Lockstep version?',
  );
}

function toHello(hello: NonNullable<WorkerMessage['hello']>): Hello {
  const { identity } = hello;
  return {
    workerId: hello.workerId ?? '',
    host: hello.host ?? '',
    pid: hello.pid ?? 0,
    peerAddress: hello.peerAddress ?? '',
    metricsAddress: hello.metricsAddress ?? '',
    ...(hello.rejoin == null
      ? {}
      : { rejoin: { runId: hello.rejoin.runId ?? '', generation: hello.rejoin.generation ?? 0 } }),
    identity: {
      lockstepVersion: identity?.lockstepVersion ?? '',
      engine: identity?.engine ?? '',
      tensorflowVersion: identity?.tensorflowVersion ?? '',
      deviceClass: identity?.deviceClass ?? '',
      threads: identity?.threads ?? 0,
      jobFileHash: identity?.jobFileHash ?? '',
    },
  };
}

function toReady({ jobHash, facts, resumeJson }: NonNullable<WorkerMessage['ready']>) {
  const resume = resumeJson ? { resume: JSON.parse(resumeJson) as ResumePoint } : {};
  return { jobHash: jobHash ?? '', facts: toFacts(facts ?? {}), ...resume };
}

function toCheckpointReport(report: NonNullable<WorkerMessage['checkpointed']>): CheckpointReport {
  const { step, place, bytes, seconds, pauseSeconds, error } = report;
  return {
    step: step ?? 0,
    result: place ? 'written' : error ? 'failed' : 'skipped',
    place: place ?? '',
    bytes: bytes ?? 0,
    seconds: seconds ?? 0,
    pauseSeconds: pauseSeconds ?? 0,
    error: error ? toErrorRecord(error) : null,
  };
}

function toFacts(facts: NonNullable<WorkerMessage['planned']>): JobFacts {
  return {
    trainSamples: facts.trainSamples ?? 0,
    validationSamples: facts.validationSamples ?? 0,
    testSamples: facts.testSamples ?? 0,
    globalBatchSize: facts.globalBatchSize ?? 0,
    accumulate: facts.accumulate || 1,
    epochs: facts.epochs ?? 0,
    parameters: facts.parameters ?? 0,
    metrics: (facts.metrics ?? []).map(toMetric),
    modelName: facts.modelName ?? '',
    decidesEpochs: facts.decidesEpochs ?? false,
    ...(facts.wantsEpochEnds ? { wantsEpochEnds: true } : {}),
    irreplaceable: facts.irreplaceable ?? false,
    execution: facts.execution ?? '',
  };
}

function toMetric(metric: lockstep.v1.IMetric): MetricDefinition {
  const options = JSON.parse(metric.optionsJson || '{}') as object;
  return {
    name: metric.name ?? '',
    config: { kind: metric.kind, ...options } as MetricDefinition['config'],
    width: metric.width ?? 1,
    classes: metric.classes ?? 1,
    weighted: metric.weighted ?? false,
  };
}

function toBeat(beat: NonNullable<WorkerMessage['heartbeat']>): Beat {
  return {
    step: beat.step ?? 0,
    phase: toPhase(beat.phase),
    phaseMs: beat.phaseMs ?? 0,
    bytesSent: beat.bytesSent ?? 0,
    bytesReceived: beat.bytesReceived ?? 0,
    deviceMemoryBytes: beat.deviceMemoryBytes ?? 0,
  };
}

function toReport(report: NonNullable<WorkerMessage['stepCommitted']>): StepReport {
  return {
    step: report.step ?? 0,
    samples: report.samples ?? 0,
    lossSum: report.lossSum ?? 0,
    metricSums: report.metricSums ?? [],
    dataSeconds: report.dataSeconds ?? 0,
    forwardBackwardSeconds: report.forwardBackwardSeconds ?? 0,
    reduceSeconds: report.reduceSeconds ?? 0,
    applySeconds: report.applySeconds ?? 0,
    stepSeconds: report.stepSeconds ?? 0,
    last: report.last ?? false,
    skipped: report.skipped ?? false,
  };
}

function toShare(share: NonNullable<WorkerMessage['evaluationShare']>): EvaluationShare {
  return {
    split: splits[share.split ?? 0] ?? 'validation',
    step: share.step ?? 0,
    replica: share.replica ?? 0,
    samples: share.samples ?? 0,
    lossSum: share.lossSum ?? 0,
    metricSums: share.metricSums ?? [],
  };
}

function toDecision(decision: NonNullable<WorkerMessage['epochDecision']>): EpochDecision {
  return {
    epoch: decision.epoch ?? 0,
    stop: decision.stop || null,
    learningRate: decision.learningRate ?? null,
    keepWeights: decision.keepWeights ?? false,
    restoreWeights: decision.restoreWeights ?? false,
  };
}

function fromDecision({ stop, learningRate, ...decision }: EpochDecision) {
  return { ...decision, stop: stop ?? '', ...(learningRate === null ? {} : { learningRate }) };
}

function toFinish({ steps, weightsSha256, checkpoint, resumeFrom }: NonNullable<WorkerMessage['finished']>) {
  const saved = { checkpoint: checkpoint ?? '', ...(resumeFrom ? { resumeFrom } : {}) };
  return { steps: steps ?? 0, weightsSha256: weightsSha256 ?? '', ...saved };
}

function toPhase(number: number | null | undefined): Phase {
  return phases[number ?? 0] ?? 'starting';
}

type ErrorInfo = NonNullable<NonNullable<WorkerMessage['failed']>['error']>;

/** A code of a newer version becomes a broken protocol, with the worker's own words. */
function toErrorRecord(info: ErrorInfo): ErrorRecord {
  const code = info.code ?? '';
  const action = info.action ?? '';
  return {
    code: isErrorCode(code) ? code : 'rpc/protocol',
    message: info.message ?? 'failed without saying why',
    action: actions.has(action) ? (action as ErrorAction) : 'fatal',
    details: parseDetails(info.detailsJson),
    ...(info.causeStack ? { causeStack: info.causeStack } : {}),
  };
}

function parseDetails(json: string | null | undefined): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(json || '{}');
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

function toErrorInfo({ code, message, action, details, causeStack }: ErrorRecord) {
  return { code, message, action, detailsJson: JSON.stringify(details), causeStack: causeStack ?? '' };
}

export interface WelcomeFacts {
  readonly settingsJson: string;
  readonly heartbeatIntervalMs: number;
  readonly heartbeatTimeoutMs: number;
}

/** An action that speaks to workers, as its message; undefined for those that don't. */
export function toMessage(
  action: Action,
  run: { readonly runId: string; readonly generation: number; readonly welcome: WelcomeFacts },
): CoordinatorMessage | undefined {
  const { runId, generation } = run;
  switch (action.kind) {
    case 'sendWelcome':
      return { runId, generation, body: 'welcome', welcome: run.welcome };
    case 'sendRefused':
      return { runId, generation, body: 'refused', refused: { error: toErrorInfo(action.error) } };
    case 'startGeneration': {
      const members = action.members.map(({ link: _, ...member }) => member);
      const { startStep, catchUp } = action;
      return {
        runId,
        generation: action.generation,
        body: 'generationStart',
        generationStart: { members, startStep, ...fromCatchUp(catchUp) },
      };
    }
    case 'sendPause':
      return { runId, generation: action.generation, body: 'pause', pause: {} };
    case 'sendEpochEnd':
      return { runId, generation, body: 'epochEnd', epochEnd: fromEpochEnd(action.end) };
    case 'sendDecision':
      return { runId, generation, body: 'epochDecision', epochDecision: fromDecision(action.decision) };
    case 'sendDrain':
      return { runId, generation, body: 'drain', drain: { reason: action.reason } };
    case 'sendStop':
      return {
        runId,
        generation,
        body: 'stop',
        stop: action.error === null ? {} : { error: toErrorInfo(action.error) },
      };
    default:
      return undefined;
  }
}

function fromCatchUp({ donors, behind, fresh, validated, decision, history }: CatchUp) {
  return {
    ...{ donors: [...donors], behind: [...behind], fresh: [...fresh], validated },
    ...(decision === null ? {} : { decision: fromDecision(decision) }),
    history: history.map(fromEpochEnd),
  };
}

function fromEpochEnd({ validation, metrics, ...end }: EpochEnd) {
  const measured =
    validation === null ? {} : { validationLoss: validation.loss, validationMetrics: scalarsOf(validation.metrics) };
  return { ...end, metrics: scalarsOf(metrics), ...measured };
}

/** Whom an action's message goes to. */
export function linksOf(action: Action): readonly number[] {
  switch (action.kind) {
    case 'sendWelcome':
    case 'sendRefused':
    case 'sendEpochEnd':
      return [action.link];
    case 'startGeneration':
      return action.members.map((member) => member.link);
    case 'sendDecision':
    case 'sendDrain':
    case 'sendPause':
    case 'sendStop':
      return action.links;
    default:
      return [];
  }
}
