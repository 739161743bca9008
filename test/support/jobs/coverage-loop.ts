import { connect, datasets } from 'lockstep';
import { weightsSha256 } from '../../../worker/engine/index.ts';
import { coverageSubjects, OUTPUTS, type Subject } from '../coverage-subjects.ts';

/** Trains each subject for two epochs, each with a short last batch; rank 0 prints a line for each. */

const SAMPLES = 21;

/** Between −1 and 1. */
const noise = (index: number): number => Math.sin((index + 1) * 12.9898);

function samplesOf({ inputs, vocabulary, target }: Subject) {
  const fill = (width: number, value: (index: number) => number) =>
    Float32Array.from({ length: SAMPLES * width }, (_, index) => value(index));
  const drawn = (index: number) =>
    vocabulary === undefined ? 2 * noise(index) : Math.floor((0.5 + noise(index) / 2.1) * vocabulary);
  const label = (sample: number) => (sample % 3) % OUTPUTS;
  const values = {
    real: fill(OUTPUTS, (index) => noise(3 * index)),
    positive: fill(OUTPUTS, (index) => 1.5 + noise(3 * index)),
    binary: fill(OUTPUTS, (index) => (noise(3 * index) > 0 ? 1 : 0)),
    oneHot: fill(OUTPUTS, (index) => (label(Math.floor(index / OUTPUTS)) === index % OUTPUTS ? 1 : 0)),
    labels: fill(1, label),
  };
  return datasets.arrays({
    inputs: inputs.map(({ shape }) => ({
      values: fill(
        shape.reduce((a, b) => a * b, 1),
        drawn,
      ),
      shape,
    })),
    targets: { values: values[target], shape: target === 'labels' ? [] : [OUTPUTS] },
  });
}

const session = await connect();
const opened = new Map<string, ReturnType<typeof session.batches>>();

/** Subjects whose samples are the same share them. */
function batchesOf(subject: Subject) {
  const key = JSON.stringify([subject.inputs, subject.vocabulary, subject.target]);
  const batches = opened.get(key) ?? session.batches(samplesOf(subject), { batchSize: 12 });
  opened.set(key, batches);
  return batches;
}

async function train(subject: Subject): Promise<object> {
  const batches = await batchesOf(subject);
  const { loss, optimizer } = subject;
  const step = await session.compile(batches, { model: subject.build(), loss, optimizer });
  const lossesOfSteps: number[] = [];
  for (const epoch of [0, 1]) {
    for await (const batch of batches.epoch(epoch)) lossesOfSteps.push((await step.train(batch)).loss);
  }
  return { losses: lossesOfSteps, weights: weightsSha256(step.readWeights()) };
}

for (const subject of coverageSubjects()) {
  const { kind, row } = subject;
  const found = await train(subject).catch((error: unknown) => ({ error: String(error) }));
  if (session.rank === 0) console.log(`ROW ${JSON.stringify({ kind, row, ...found })}`);
}
