import { formatAddress, parseAddress } from '../../shared/core/index.ts';

/** Where others reach what listens at `bound`: on all addresses of a host, that is under its advertised host or name. */
export function reachableAddress(bound: string, advertise: string | null, hostname: string): string {
  const { host, port } = parseAddress(bound);
  const isEverywhere = host === '0.0.0.0' || host === '::';
  return formatAddress(isEverywhere ? (advertise ?? hostname) : host, port);
}
