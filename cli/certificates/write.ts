import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LockstepError } from '../../shared/core/index.ts';
import { type Identity, makeAuthority, makeIdentity } from './certificate.ts';

const authorityName = 'Lockstep CA';
const authorityDays = 3650;
/** Every process can be reached from its own host as well. */
const loopbackHosts = ['localhost', '127.0.0.1', '::1'];

export interface CertificateRequest {
  readonly directory: string;
  /** Names or addresses, one identity each. */
  readonly hosts: readonly string[];
  readonly days: number;
}

/**
 * Writes `HOST.pem` and `HOST.key` for each host, signed by the authority in the directory, which is made if there is
 * none. Nothing is overwritten. @returns the files written @throws LockstepError config/invalid
 */
export function writeCertificates({ directory, hosts, days }: CertificateRequest, now: Date): string[] {
  for (const host of hosts) {
    const path = join(directory, `${fileName(host)}.pem`);
    if (existsSync(path))
      throw new LockstepError('config/invalid', `--hosts ${host}: ${path} exists; delete it to renew it`);
  }
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const written: string[] = [];
  const put = (name: string, identity: Identity) => {
    for (const [extension, text, mode] of [
      ['pem', identity.certificate, 0o644],
      ['key', identity.key, 0o600],
    ] as const) {
      const path = join(directory, `${name}.${extension}`);
      writeFileSync(path, text, { mode, flag: 'wx' });
      written.push(path);
    }
  };
  const known = readAuthority(directory);
  const authority = known ?? makeAuthority(authorityName, { from: now, days: authorityDays });
  if (known === null) put('ca', authority);
  for (const host of hosts) {
    const names = [...new Set([host, ...loopbackHosts])];
    put(fileName(host), makeIdentity(host, names, { ...authority, name: authorityName }, { from: now, days }));
  }
  return written;
}

function readAuthority(directory: string): Identity | null {
  const [certificate, key] = [join(directory, 'ca.pem'), join(directory, 'ca.key')];
  if (!existsSync(certificate) && !existsSync(key)) return null;
  try {
    return { certificate: readFileSync(certificate, 'utf8'), key: readFileSync(key, 'utf8') };
  } catch (cause) {
    const problem = `--out ${directory} holds half of an authority: ca.pem and ca.key are needed (${(cause as Error).message})`;
    throw new LockstepError('config/invalid', problem, { cause });
  }
}

/** Wildcards and IPv6 addresses hold characters that don't belong in file names. */
function fileName(host: string): string {
  return host.replaceAll('*', '_').replaceAll(':', '-');
}
