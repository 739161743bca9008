import { LockstepError } from '../../shared/core/index.ts';
import { algorithms } from '../../worker/collective/index.ts';
import { formatLink, whyNoNamespaces } from '../network/index.ts';
import { terminalInterrupts } from '../run-locally.ts';
import { probeMachine } from '../setup/machine.mjs';
import type { AllreduceOptions } from './arguments.ts';
import { explain, formatExplanations } from './explain.ts';
import type { Contestant } from './group.ts';
import { lockstepContestant } from './lockstep-group.ts';
import { measureAllreduce } from './measure.ts';
import { formatAllreduce } from './report.ts';

/**
 * Measures and prints a table, with `json` also one JSON object as the last line of standard output.
 * @param beside what else is measured, in turns with Lockstep
 * @throws LockstepError run/interrupted, run/worker-lost, …
 */
export async function runAllreduceBenchmark(
  options: AllreduceOptions,
  beside: readonly Contestant[] = [],
): Promise<void> {
  const noLink = options.link === null ? null : whyNoNamespaces();
  if (noLink !== null) {
    console.log(`skipped: --link cannot be had here: ${noLink}`);
    if (options.json) console.log(JSON.stringify({ benchmark: 'allreduce', skipped: noLink }));
    return;
  }
  const abort = new AbortController();
  const unsubscribe = terminalInterrupts(() => abort.abort());
  const note = (line: string): void => console.error(`bench: ${line}`);
  try {
    // Nobody else is measured then: a choice among algorithms is looked at.
    const explained = algorithms.map((algorithm) => lockstepContestant({ ...options, algorithm }, algorithm));
    const own = lockstepContestant(options.explain ? { ...options, algorithm: 'auto' } : options);
    const contestants = [own, ...(options.explain ? explained : beside)] as const;
    const sizes = await measureAllreduce({ ...options, contestants, note, signal: abort.signal });
    const where = options.link === null ? 'loopback' : `each on a link of ${formatLink(options.link)}`;
    const { cpuModel, cpuThreads, nodeVersion } = probeMachine();
    const title = `Allreduce of ${options.wire} values, one process a worker, ${where}, medians. ${cpuModel}, ${cpuThreads} threads, Node.js ${nodeVersion}.`;
    const tell = options.json ? console.error : console.log;
    tell(`${title}\n\n${formatAllreduce(options.explain ? sizes.map((size) => ({ ...size, others: {} })) : sizes)}`);
    const explanations = options.explain ? explain(sizes) : [];
    if (options.explain) tell(`\n${formatExplanations(explanations, sizes)}`);
    if (!options.json) return;
    const machine = { cpuModel, cpuThreads, nodeVersion };
    const { rounds, bucketBytes, algorithm, wire, sharedMemory, link } = options;
    const settings = { rounds, bucketBytes, algorithm, wire, sharedMemory, link };
    console.log(JSON.stringify({ benchmark: 'allreduce', ...settings, machine, sizes, explanations }));
  } catch (error) {
    // What was killed for Ctrl-C reports that it was killed.
    if (abort.signal.aborted) throw new LockstepError('run/interrupted', 'the benchmark was ended by the user');
    throw error;
  } finally {
    unsubscribe();
  }
}
