import type { Log } from '../../shared/telemetry/index.ts';
import { formatCosts, reasonOf } from '../collective/index.ts';
import type { GenerationView } from './protocol.ts';

/** Tells how gradients travel and why: rank 0 for all, who do the same. */
export function logExchange(log: Log, { rank, worldSize, exchange }: GenerationView): void {
  if (rank !== 0 || worldSize === 1) return;
  const measured = exchange.costs === null ? '' : `; measured: ${formatCosts(exchange.costs)}`;
  log.info(`${worldSize} workers reduce gradients by ${reasonOf(exchange)}${measured}`, { ...exchange });
}
