import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { ChannelCredentials, ServerCredentials } from '@grpc/grpc-js';
import { isLoopback, LockstepError, parseAddress } from '../core/index.ts';

/** How connections are protected; both ends of a run use the same. */
export type Security =
  | { readonly kind: 'plaintext'; readonly insecure: boolean }
  | { readonly kind: 'mutual-tls'; readonly ca: Buffer; readonly cert: Buffer; readonly key: Buffer };

/** Paths of PEM files: all three for mutual TLS, none for plain text. */
export interface SecurityOptions {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** Allows plain text on addresses that other machines can reach. */
  readonly insecure?: boolean | undefined;
}

/** Loopback only, nothing to set up. */
export const loopbackSecurity: Security = { kind: 'plaintext', insecure: false };

/** Reads and checks the certificate files. @throws LockstepError config/invalid naming the file and what is wrong */
export function loadSecurity(options: SecurityOptions): Security {
  const given = tlsParts.filter((part) => options[part] !== undefined);
  if (given.length === 0) return { kind: 'plaintext', insecure: options.insecure ?? false };
  const missing = tlsParts.filter((part) => options[part] === undefined);
  if (missing.length > 0) {
    throw new LockstepError(
      'config/invalid',
      `mutual TLS needs a CA certificate, a certificate and its key; ${given.join(' and ')} given, ` +
        `${missing.join(' and ')} missing`,
      { details: { given, missing } },
    );
  }
  const [ca, cert, key] = tlsParts.map((part) => readPem(part, options[part] ?? '')) as [Buffer, Buffer, Buffer];
  try {
    createSecureContext({ ca, cert, key });
  } catch (cause) {
    throw new LockstepError(
      'config/invalid',
      `the TLS files ${options.ca}, ${options.cert} and ${options.key} do not make a usable identity: ` +
        `${(cause as Error).message}`,
      { cause },
    );
  }
  return { kind: 'mutual-tls', ca, cert, key };
}

const tlsParts = ['ca', 'cert', 'key'] as const;
const partNames = { ca: 'CA certificate', cert: 'certificate', key: 'private key' } as const;

function readPem(part: keyof typeof partNames, path: string): Buffer {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new LockstepError('config/invalid', `the TLS ${partNames[part]} ${path} cannot be read: ${reason}`, {
      details: { path },
      cause,
    });
  }
  if (!bytes.includes('-----BEGIN ')) {
    throw new LockstepError('config/invalid', `the TLS ${partNames[part]} ${path} is not a PEM file`, {
      details: { path },
    });
  }
  return bytes;
}

/**
 * The rule for listeners: beyond loopback only with mutual TLS, or with `insecure` said out loud.
 * @throws LockstepError config/insecure
 */
export function requireSafeListener(address: string, security: Security): void {
  const { host } = parseAddress(address);
  if (security.kind === 'mutual-tls' || security.insecure || isLoopback(host)) return;
  throw new LockstepError(
    'config/insecure',
    `refusing to listen on ${address}: other machines could join the run and read its data. Give a CA, certificate ` +
      'and key for mutual TLS, listen on 127.0.0.1, or accept plain text with --insecure',
    { details: { address } },
  );
}

export function channelCredentials(security: Security): ChannelCredentials {
  if (security.kind === 'plaintext') return ChannelCredentials.createInsecure();
  return ChannelCredentials.createSsl(security.ca, security.key, security.cert);
}

export function serverCredentials(security: Security): ServerCredentials {
  if (security.kind === 'plaintext') return ServerCredentials.createInsecure();
  const requireClientCertificate = true;
  return ServerCredentials.createSsl(
    security.ca,
    [{ private_key: security.key, cert_chain: security.cert }],
    requireClientCertificate,
  );
}
