/** What retention knows of a checkpoint. */
export interface KeptCheckpoint {
  readonly name: string;
  readonly step: number;
  readonly measured: Readonly<Record<string, number>>;
}

export interface RetentionRule {
  /** The newest ones that stay; at least 1. */
  readonly keep: number;
  /** One more stays: the best by a measured value; the first of equal ones. */
  readonly best: BestRule | null;
}

export interface BestRule {
  /** A name in logs, such as `val_loss`. */
  readonly measured: string;
  readonly isGreaterBetter: boolean;
}

/** Names of the checkpoints that may go, oldest first. */
export function surplusCheckpoints(kept: readonly KeptCheckpoint[], { keep, best }: RetentionRule): string[] {
  const inOrder = [...kept].sort((a, b) => a.step - b.step);
  const staying = new Set(inOrder.slice(-keep).map(({ name }) => name));
  const leader = best === null ? undefined : bestOf(inOrder, best);
  if (leader !== undefined) staying.add(leader.name);
  return inOrder.map(({ name }) => name).filter((name) => !staying.has(name));
}

function bestOf(inOrder: readonly KeptCheckpoint[], { measured, isGreaterBetter }: BestRule) {
  const sign = isGreaterBetter ? -1 : 1;
  let leader: { checkpoint: KeptCheckpoint; score: number } | undefined;
  for (const checkpoint of inOrder) {
    const value = checkpoint.measured[measured];
    // JSON has no NaN: it comes back as null.
    if (value === undefined || !Number.isFinite(value)) continue;
    if (leader === undefined || sign * value < leader.score) leader = { checkpoint, score: sign * value };
  }
  return leader?.checkpoint;
}
