import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { invariant, LockstepError } from '../../shared/core/index.ts';
import { loadEngine } from '../engine/index.ts';
import { dumpGraph, loadJob, openLoaders, planRun, trainerOptions } from '../session/index.ts';
import { chromeTrace } from './chrome-trace.ts';
import { type InspectionOptions, singleRun } from './inspection-options.ts';
import { peakResidentBytes } from './process-memory.ts';
import { method, type ProfileReport, phaseMedians, reportGraph } from './profile-report.ts';
import { profileText } from './profile-text.ts';
import { measureSteps, withoutWarmUp } from './step-phases.ts';

export interface ProfileOptions extends InspectionOptions {
  /** Directory for the trace. */
  readonly out: string;
  /** File for the compiled graph. */
  readonly dumpGraph: string | null;
}

/** Runs of a graph that each op's time is taken from. */
const PASSES = 20;

/**
 * Trains some steps in this process and tells where their time and memory go; the trace goes to `out`/trace.json.
 * @throws LockstepError job/*, data/*, engine/*, config/invalid
 */
export async function runProfile(options: ProfileOptions): Promise<void> {
  const engine = await loadEngine('tensorflow', { threads: options.threads });
  const residentBefore = peakResidentBytes();
  const job = await loadJob(options.jobFile);
  const loaders = await openLoaders(job.data, { directory: options.dataDirectory });
  try {
    const settings = singleRun(options);
    const plan = planRun(job, settings, loaders.train.size);
    const trainer = await engine.createTrainer(trainerOptions(job, plan, settings, loaders.train));
    try {
      if (options.dumpGraph !== null) await dumpGraph(trainer, options.dumpGraph);
      const { inspection } = trainer;
      invariant(inspection !== undefined, 'a compiled trainer can be looked into');
      const { phases, repeat, last } = await measureSteps(trainer, loaders.train, plan.train, options.steps);
      const peakResident = peakResidentBytes();
      const graphs = [
        { title: 'Forward and backward', times: inspection.timeOps(repeat, PASSES) },
        { title: 'Update', times: inspection.timeOps(() => trainer.apply(last, 0), PASSES) },
      ];
      const values = inspection.estimateMemory(repeat);
      const trace = join(options.out, 'trace.json');
      await writeTrace(trace, options.out, chromeTrace(phases, graphs));
      const medians = phaseMedians(phases);
      const batchSize = plan.train.globalBatchSize;
      const report: ProfileReport = {
        job: options.jobFile,
        engine: `TensorFlow ${engine.info.version} on ${engine.info.deviceClass}`,
        threads: options.threads,
        precision: plan.precision,
        batchSize,
        steps: { trained: phases.length, counted: withoutWarmUp(phases).length },
        phases: medians,
        samplesPerSecond: (1000 * batchSize) / (medians.data + medians.forwardBackward + medians.apply),
        graphs: graphs.map(({ title, times }) => reportGraph(title, times)),
        method,
        memory: { peakResident, residentBefore, values: values.peakBytes, valuesUnknown: values.unknown },
        trace,
      };
      console.log(options.json ? JSON.stringify(report) : profileText(report));
    } finally {
      trainer.close();
    }
  } finally {
    await loaders.close();
  }
}

async function writeTrace(path: string, directory: string, text: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true });
    await writeFile(path, text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new LockstepError('config/invalid', `--out ${directory} cannot be written: ${reason}`, { cause });
  }
}
