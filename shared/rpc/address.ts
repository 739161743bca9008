import { LockstepError } from '../core/index.ts';

export interface HostPort {
  /** Without the brackets of an IPv6 address. */
  readonly host: string;
  readonly port: number;
}

/** Reads `host:port` or `[ipv6]:port`. @throws LockstepError config/invalid */
export function parseAddress(address: string): HostPort {
  const match = /^(?:\[([0-9a-fA-F:.%]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(address);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port > 65535) {
    throw new LockstepError(
      'config/invalid',
      `"${address}" is not an address; expected HOST:PORT, for example 10.0.0.5:7171 or [::1]:7171`,
      { details: { address } },
    );
  }
  return { host, port };
}
