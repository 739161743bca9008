import { LockstepError } from './errors.ts';

export interface HostPort {
  /** Without the brackets of an IPv6 address. */
  readonly host: string;
  readonly port: number;
}

/** Takes `host:port` or `[ipv6]:port` apart, the port 0 to 65535; null if it is neither. */
export function splitAddress(address: string): HostPort | null {
  const match = /^(?:\[([0-9a-fA-F:.]+(?:%[\w.-]+)?)\]|([^\s:[\]/]+)):(\d{1,5})$/.exec(address);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  return host === undefined || port > 65_535 ? null : { host, port };
}

/** As `splitAddress`. @throws LockstepError config/invalid */
export function parseAddress(address: string): HostPort {
  const parts = splitAddress(address);
  if (parts !== null) return parts;
  throw new LockstepError(
    'config/invalid',
    `"${address}" is not an address; expected HOST:PORT, for example 10.0.0.5:7171 or [::1]:7171`,
    { details: { address } },
  );
}

/** `host:port`, with an IPv6 host in brackets. */
export function formatAddress(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** True for hosts that only this machine can reach. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}
