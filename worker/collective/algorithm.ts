import { assertNever } from '../../shared/core/index.ts';
import { directGroups } from './direct.ts';
import { halvingGroups } from './halving.ts';
import { hierarchicalGroups } from './hierarchical.ts';
import type { RankGroup } from './rank-groups.ts';
import type { Member } from './transport.ts';

/** `auto`: the one that the cost model predicts to be fastest. */
export type AlgorithmChoice = Algorithm | 'auto';

/** How the ranks exchange; each gives the same bits. */
export const algorithms = ['direct', 'halving', 'hierarchical'] as const;
export type Algorithm = (typeof algorithms)[number];

export function rankGroups(algorithm: Algorithm, members: readonly Member[]): RankGroup {
  switch (algorithm) {
    case 'direct':
      return directGroups(members);
    case 'halving':
      return halvingGroups(members);
    case 'hierarchical':
      return hierarchicalGroups(members);
    default:
      return assertNever(algorithm);
  }
}
