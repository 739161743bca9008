import { parseArgs } from 'node:util';
import { runStepBenchmark } from './step-benchmark.ts';
import { runnerNames, workloads } from './workloads.ts';

export const stepUsage = `npm run bench -- step [--json] [--steps N] [--workloads a,b] [--runners a,b]

  one training step: Lockstep, plain tfjs-node, Keras and PyTorch on the same work, in turns

  --json        the last line of standard output is one JSON object
  --steps N     timed steps of each library (default and least: 30)
  --workloads   some of ${workloads.map(({ name }) => name).join(',')} (default: all)
  --runners     some of ${runnerNames.join(',')} (default: all)`;

/** A median of fewer says too little on a shared machine. */
const LEAST_STEPS = 30;

/** @returns exit code */
export async function stepCommand(argv: readonly string[]): Promise<number> {
  const { values, positionals } = parse(argv);
  const refuse = (problem: string): number => {
    console.error(`${problem}\n\nusage: ${stepUsage}`);
    return 2;
  };
  if (values === undefined) return refuse(positionals);
  if (values.help) {
    console.log(`usage: ${stepUsage}`);
    return 0;
  }
  if (positionals.length > 0) return refuse(`unexpected ${positionals.join(' ')}`);
  const steps = Number(values.steps);
  if (!Number.isInteger(steps) || steps < LEAST_STEPS) {
    return refuse(`--steps ${values.steps}: expected a whole number of at least ${LEAST_STEPS}`);
  }
  const chosen = { workloads: values.workloads.split(','), runners: values.runners.split(',') };
  const known = { workloads: workloads.map(({ name }) => name), runners: runnerNames } as const;
  for (const option of ['workloads', 'runners'] as const) {
    const unknown = chosen[option].find((name) => !(known[option] as readonly string[]).includes(name));
    if (unknown !== undefined) return refuse(`--${option} ${unknown}: expected some of ${known[option].join(',')}`);
  }
  await runStepBenchmark({ steps, ...chosen, json: values.json });
  return 0;
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
        steps: { type: 'string', default: String(LEAST_STEPS) },
        workloads: { type: 'string', default: workloads.map(({ name }) => name).join(',') },
        runners: { type: 'string', default: runnerNames.join(',') },
      },
    });
  } catch (error) {
    return { values: undefined, positionals: error instanceof Error ? error.message : String(error) };
  }
}
