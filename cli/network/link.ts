import { LockstepError } from '../../shared/core/index.ts';

/** What every node of a network is connected by: both ways at once, as a full-duplex Ethernet port. */
export interface LinkSpeed {
  readonly bitsPerSecond: number;
  /** From one node to another, one way. */
  readonly delayMs: number;
}

const bitUnits: Readonly<Record<string, number>> = { kbit: 1e3, mbit: 1e6, gbit: 1e9 };
const delayUnits: Readonly<Record<string, number>> = { us: 1e-3, ms: 1, s: 1e3 };

/** `1gbit,0.5ms`; without a delay there is none. @throws LockstepError config/invalid */
export function parseLink(text: string): LinkSpeed {
  const match = /^(\d+(?:\.\d+)?)(kbit|mbit|gbit)(?:,(\d+(?:\.\d+)?)(us|ms|s))?$/.exec(text.trim());
  const bitsPerSecond = Number(match?.[1]) * (bitUnits[match?.[2] ?? ''] ?? Number.NaN);
  const delayMs = match?.[3] === undefined ? 0 : Number(match[3]) * (delayUnits[match[4] ?? ''] ?? Number.NaN);
  if (match === null || bitsPerSecond < 1e5 || bitsPerSecond > 1e11 || delayMs > 1e4) {
    throw new LockstepError(
      'config/invalid',
      `--link ${text}: expected RATE,DELAY such as 1gbit,0.5ms or 100mbit,20ms: 100kbit to 100gbit, at most 10s one way`,
    );
  }
  return { bitsPerSecond, delayMs };
}

export function formatLink({ bitsPerSecond, delayMs }: LinkSpeed): string {
  const rate = bitsPerSecond >= 1e9 ? `${bitsPerSecond / 1e9} Gbit/s` : `${bitsPerSecond / 1e6} Mbit/s`;
  return `${rate}, ${delayMs} ms one way`;
}
