import type { SecurityOptions } from '../shared/rpc/index.ts';

interface GivenSecurity {
  readonly tlsCa: string | null;
  readonly tlsCert: string | null;
  readonly tlsKey: string | null;
  readonly insecure: boolean;
}

/** Reads the certificates once, so that a bad one is told before anything is opened. @throws LockstepError config/invalid */
export async function checkedSecurity(options: GivenSecurity): Promise<SecurityOptions> {
  const { tlsCa, tlsCert, tlsKey, insecure } = options;
  if (tlsCa === null || tlsCert === null || tlsKey === null) return { insecure };
  const security = { ca: tlsCa, cert: tlsCert, key: tlsKey, insecure };
  const { loadSecurity } = await import('../shared/rpc/index.ts');
  loadSecurity(security);
  return security;
}
