/**
 * What the cost model says about allreduces that no test machine can run: `node dist/test/bench/predict-allreduce.js`.
 * Prints the table of docs/algorithms.md: a model of 16 M parameters in buckets of 4 MiB on hosts of 8 workers with
 * the default costs.
 */
import { type Algorithm, algorithms, chooseAlgorithm, predict } from '../../worker/collective/index.ts';
import { cluster } from '../support/cluster.ts';

const bucket = 2 ** 20;
const perHost = 8;

console.log('| workers | algorithm | latency steps | messages | received | over the host’s link | predicted |');
console.log('|---|---|---|---|---|---|---|');
for (let workers = 16; workers <= 4096; workers *= 2) {
  const members = cluster(workers, perHost);
  const shape = { members, bucketLengths: Array<number>(16).fill(bucket), valueBytes: 4, segmentBytes: 2 ** 20 };
  const chosen = chooseAlgorithm('auto', shape);
  for (const algorithm of algorithms) console.log(row(workers, algorithm, algorithm === chosen));

  function row(count: number, algorithm: Algorithm, isChosen: boolean): string {
    const { latencySteps, messages, bytesReceived, networkBytes, seconds } = predict(algorithm, shape);
    const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`;
    const name = isChosen ? `**${algorithm}**` : algorithm;
    const figures = [latencySteps, messages, megabytes(bytesReceived), megabytes(networkBytes * perHost)];
    return `| ${[count, name, ...figures, `${(seconds * 1e3).toFixed(0)} ms`].join(' | ')} |`;
  }
}
