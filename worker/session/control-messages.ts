import { lockstep } from '../../proto/generated/lockstep.js';
import { type ErrorRecord, isErrorCode } from '../../shared/core/index.ts';
import type { MetricDefinition } from '../../shared/metrics/index.ts';
import type { CoordinatorMessage, WorkerMessage } from '../../shared/rpc/index.ts';
import { type EpochDecision, type EpochEnd, type JobFacts, type Phase, phases } from '../../shared/run/index.ts';
import type { MainToLink } from './protocol.ts';

/** One of WorkerMessage's bodies; the sender adds run and generation. */
export type WorkerBody = Omit<WorkerMessage, 'runId' | 'generation'>;
type FromMain = Exclude<MainToLink, { kind: 'contribute' | 'begin' | 'offer' | 'take' }>;

/** What the main thread reports, as the coordinator's protocol has it. */
export function toWorkerBody(message: FromMain, where: { step: number; phase: Phase }): WorkerBody {
  switch (message.kind) {
    case 'ready':
      return {
        ready: {
          jobHash: message.jobHash,
          facts: toFacts(message.facts),
          resumeJson: message.resume == null ? '' : JSON.stringify(message.resume),
        },
      };
    case 'planned':
      return { planned: toFacts(message.facts) };
    case 'committed':
      return { stepCommitted: { ...message.report, metricSums: [...message.report.metricSums] } };
    case 'standing':
      return { standing: { ...message.standing } };
    case 'evaluated': {
      const { split, ...share } = message.share;
      const { SPLIT_TEST, SPLIT_VALIDATION } = lockstep.v1.Split;
      const metricSums = [...share.metricSums];
      return { evaluationShare: { ...share, metricSums, split: split === 'test' ? SPLIT_TEST : SPLIT_VALIDATION } };
    }
    case 'decided': {
      const { stop, learningRate, ...decision } = message.decision;
      return { epochDecision: { ...decision, stop: stop ?? '', ...(learningRate === null ? {} : { learningRate }) } };
    }
    case 'checkpointed': {
      const { result: _, error, ...report } = message.report;
      return { checkpointed: { ...report, ...(error === null ? {} : { error: toErrorInfo(error) }) } };
    }
    case 'finished':
      return {
        finished: {
          steps: message.steps,
          weightsSha256: message.weightsSha256,
          checkpoint: message.checkpoint,
          resumeFrom: message.resumeFrom ?? '',
        },
      };
    case 'failed':
      return { failed: { error: toErrorInfo(message.error), step: where.step, phase: phaseNumber(where.phase) } };
  }
}

function toFacts(facts: JobFacts): lockstep.v1.IJobFacts {
  return { ...facts, metrics: facts.metrics.map(toMetric) };
}

function toMetric({ name, width, classes, weighted, config }: MetricDefinition): lockstep.v1.IMetric {
  const { kind, ...options } = config;
  return { name, width, classes, weighted, kind, optionsJson: JSON.stringify(options) };
}

export function toEpochEnd(end: NonNullable<CoordinatorMessage['epochEnd']>): EpochEnd {
  const validation =
    end.validationLoss == null ? null : { loss: end.validationLoss, metrics: end.validationMetrics ?? {} };
  return {
    epoch: end.epoch ?? 0,
    step: end.step ?? 0,
    steps: end.steps ?? 0,
    samples: end.samples ?? 0,
    loss: end.loss ?? 0,
    metrics: end.metrics ?? {},
    validation,
    seconds: end.seconds ?? 0,
  };
}

/** What a generation's members do before its first step. */
export function toCatchUp(start: NonNullable<CoordinatorMessage['generationStart']>) {
  return {
    startStep: start.startStep ?? 0,
    donors: start.donors ?? [],
    behind: start.behind ?? [],
    fresh: start.fresh ?? [],
    validated: start.validated ?? false,
    decision: start.decision == null ? null : toDecision(start.decision),
    history: (start.history ?? []).map(toEpochEnd),
  };
}

export function toDecision(decision: NonNullable<CoordinatorMessage['epochDecision']>): EpochDecision {
  return {
    epoch: decision.epoch ?? 0,
    stop: decision.stop || null,
    learningRate: decision.learningRate ?? null,
    keepWeights: decision.keepWeights ?? false,
    restoreWeights: decision.restoreWeights ?? false,
  };
}

/** The proto's Phase has the same order as `phases`. */
export function phaseNumber(phase: Phase): lockstep.v1.Phase {
  return phases.indexOf(phase) as lockstep.v1.Phase;
}

export function toErrorInfo(error: ErrorRecord) {
  const { code, message, action, details, causeStack } = error;
  return { code, message, action, detailsJson: JSON.stringify(details), causeStack: causeStack ?? '' };
}

export function fromErrorInfo(info: NonNullable<NonNullable<CoordinatorMessage['stop']>['error']>): ErrorRecord {
  const code = info.code ?? '';
  return {
    code: isErrorCode(code) ? code : 'run/interrupted',
    message: info.message ?? '',
    action: 'fatal',
    details: info.detailsJson ? (JSON.parse(info.detailsJson) as Record<string, unknown>) : {},
    ...(info.causeStack ? { causeStack: info.causeStack } : {}),
  };
}
