import {
  type Action,
  createRunState,
  type Event,
  type Identity,
  type JobFacts,
  type MembershipConfig,
  type Phase,
  type Report,
  type RunState,
  reduce,
  type Sender,
  type StepReport,
} from '../../coordinator/membership/index.ts';
import type { RunSettings } from '../../shared/config/index.ts';
import { type ErrorCode, LockstepError } from '../../shared/core/index.ts';

export const runId = 'run-1';

export const settings: RunSettings = {
  mode: 'train',
  workers: 2,
  replicas: 4,
  epochs: null,
  maxSteps: null,
  globalBatchSize: null,
  accumulate: null,
  seed: null,
  wire: null,
  algorithm: 'auto',
  bucketBytes: 4_194_304,
  segmentBytes: 1_048_576,
  segmentTimeoutMs: 10_000,
  eager: null,
  precision: null,
};

export const identity: Identity = {
  lockstepVersion: '0.1.0',
  engine: 'tensorflow',
  tensorflowVersion: '2.21.0',
  deviceClass: 'cpu-x64',
  threads: 1,
  jobFileHash: 'a'.repeat(64),
};

/** 10 steps of 32 samples each epoch, 2 epochs. */
export const facts: JobFacts = {
  trainSamples: 320,
  validationSamples: 64,
  testSamples: 0,
  globalBatchSize: 32,
  accumulate: 1,
  epochs: 2,
  parameters: 1000,
  metrics: [{ name: 'accuracy', config: { kind: 'mean' }, width: 1, classes: 1, weighted: false }],
  modelName: 'cnn',
  decidesEpochs: false,
  irreplaceable: false,
  execution: '',
};

export function stepReport(step: number, last = false): StepReport {
  return {
    ...{ step, samples: 32, lossSum: 16, metricSums: [24], last },
    ...{
      dataSeconds: 0.01,
      forwardBackwardSeconds: 0.2,
      reduceSeconds: 0.03,
      applySeconds: 0.01,
      stepSeconds: 0.25,
      skipped: false,
    },
  };
}

/** Drives the reducer by hand: time stands still until `after`, and everything that was decided is kept. */
export class MembershipRun {
  state: RunState;
  now = 0;
  readonly actions: Action[] = [];
  reason = '';

  constructor(changes: Partial<RunSettings> = {}, refillPlaces = true, limits: Partial<MembershipConfig> = {}) {
    const config = {
      ...{ runId, settings: { ...settings, ...changes } },
      ...{ heartbeatTimeoutMs: 1000, joinTimeoutMs: 10_000, stopGraceMs: 2000, refillPlaces },
      ...{
        minWorkers: 1,
        startWorkers: changes.workers ?? settings.workers,
        stallTimeoutMs: 5000,
        returnTimeoutMs: 3000,
      },
      ...limits,
    };
    this.state = createRunState(config, 0);
  }

  give(event: Event): readonly Action[] {
    const transition = reduce(this.state, event, this.now);
    this.state = transition.state;
    this.reason = transition.reason;
    this.actions.push(...transition.actions);
    return transition.actions;
  }

  /** Time passes in ticks as long as the shell's. */
  after(ms: number): readonly Action[] {
    const actions: Action[] = [];
    for (const end = this.now + ms; this.now < end; ) {
      this.now = Math.min(end, this.now + 100);
      actions.push(...this.give({ kind: 'tick' }));
    }
    return actions;
  }

  from(worker: number, generation = 1): Sender {
    return { link: worker, runId, generation };
  }

  hello(worker: number, changes: Partial<Identity> = {}, workerId = `w${worker}`): readonly Action[] {
    const from = { link: worker, runId: '', generation: 0 };
    const where = { host: 'host-a', pid: 4700 + worker, peerAddress: `host-a:${7000 + worker}`, metricsAddress: '' };
    return this.give({
      kind: 'workerHello',
      from,
      hello: { workerId, ...where, identity: { ...identity, ...changes } },
    });
  }

  ready(worker: number, jobHash = 'hash', changes: Partial<JobFacts> = {}): readonly Action[] {
    return this.give({ kind: 'workerReady', from: this.from(worker, 0), jobHash, facts: { ...facts, ...changes } });
  }

  /** Workers 1 to `count` join, get ready and start. */
  start(): this {
    const count = this.state.config.settings.workers;
    for (let worker = 1; worker <= count; worker++) this.hello(worker);
    for (let worker = 1; worker <= count; worker++) this.ready(worker);
    return this;
  }

  beat(worker: number, phase: Phase = 'reduce', step = 0, phaseMs = 320): readonly Action[] {
    const bytes = { bytesSent: 0, bytesReceived: 0, deviceMemoryBytes: 0 };
    return this.give({ kind: 'heartbeat', from: this.from(worker), beat: { step, phase, phaseMs, ...bytes } });
  }

  commit(worker: number, step: number, last = false, generation = 1): readonly Action[] {
    return this.give({ kind: 'stepCommitted', from: this.from(worker, generation), report: stepReport(step, last) });
  }

  finished(worker: number, weightsSha256 = 'f'.repeat(64), steps = 20): readonly Action[] {
    const checkpoint = worker === 1 ? 'out/model' : '';
    return this.give({ kind: 'workerFinished', from: this.from(worker), steps, weightsSha256, checkpoint });
  }

  failed(worker: number, code: ErrorCode, message: string, step = 3): readonly Action[] {
    const error = new LockstepError(code, message).toRecord();
    return this.give({ kind: 'workerFailed', from: this.from(worker), error, step, phase: 'forward-backward' });
  }

  standing(worker: number, steps: number, decisions = 0): readonly Action[] {
    const { stage } = this.state;
    const generation = stage.kind === 'regrouping' ? stage.generation : 0;
    return this.give({ kind: 'workerStanding', from: this.from(worker, generation), standing: { steps, decisions } });
  }

  peerFault(worker: number, suspect: number, generation = 1): readonly Action[] {
    const details = { workerId: `w${suspect}` };
    const error = new LockstepError('collective/timeout', `no bucket from w${suspect}`, { details }).toRecord();
    return this.give({ kind: 'peerFault', from: this.from(worker, generation), error });
  }

  closed(worker: number, reason = ''): readonly Action[] {
    return this.give({ kind: 'linkClosed', link: worker, reason });
  }

  get failure() {
    return this.state.stage.kind === 'failed' ? this.state.stage.error : null;
  }

  get exitCode(): number | null {
    const exits = this.actions.filter((action) => action.kind === 'exit');
    return exits[0]?.code ?? null;
  }

  all<Kind extends Action['kind']>(kind: Kind): Extract<Action, { kind: Kind }>[] {
    return this.actions.filter((action): action is Extract<Action, { kind: Kind }> => action.kind === kind);
  }

  reports<Kind extends Report['kind']>(kind: Kind): Extract<Report, { kind: Kind }>[] {
    return this.all('report')
      .map((action) => action.event)
      .filter((event): event is Extract<Report, { kind: Kind }> => event.kind === kind);
  }
}
