import type { ExchangeChoice } from './allreduce.ts';
import type { CostInputs } from './cost-model.ts';

/** Why an algorithm was chosen, in words. */
export function reasonOf({ algorithm, costs, predictions }: ExchangeChoice): string {
  if (algorithm === null) return 'the algorithm is chosen for each step';
  if (costs === null) return `${algorithm}, as given`;
  const [best, ...others] = predictions;
  const beaten = others.map((other) => `${other.algorithm} ${milliseconds(other.seconds)}`).join(', ');
  const isTie = others[0]?.seconds === best?.seconds;
  return `${algorithm} with ${milliseconds(best?.seconds ?? Number.NaN)} predicted (${beaten}${isTie ? '; of equal ones the simplest' : ''})`;
}

/** What was measured, in words. Figures of a kind of link that there is none of are those that are assumed. */
export function formatCosts({ host, network, messageSeconds, addedValuesPerSecond, cores }: CostInputs): string {
  const link = ({ latencySeconds, bytesPerSecond }: CostInputs['host']) =>
    `${milliseconds(latencySeconds)} and ${(bytesPerSecond / 1e9).toFixed(2)} GB/s`;
  const rest = `${milliseconds(messageSeconds)} a message, ${Math.round(addedValuesPerSecond / 1e6)} M additions/s, ${cores} cores`;
  return `in a host ${link(host)}, between hosts ${link(network)}, ${rest}`;
}

function milliseconds(seconds: number): string {
  return `${(seconds * 1e3).toFixed(2)} ms`;
}
