import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import tls from 'node:tls';

/** Longest silence of a server before the connection is given up; downloads resume, so giving up costs little. */
const idleTimeoutMs = 60_000;

/**
 * GET over HTTP(S) with redirects, through the proxy and with the certificates that pip would use on this machine.
 * @param {string} url
 * @param {{ headers?: Record<string, string>, env?: NodeJS.ProcessEnv }} [options]
 * @returns {Promise<http.IncomingMessage>} its body not yet read
 */
export async function openUrl(url, { headers = {}, env = process.env } = {}) {
  let target = new URL(url);
  for (let redirects = 0; redirects <= 5; redirects++) {
    const response = await request(target, headers, env);
    const location = response.headers.location;
    if (![301, 302, 303, 307, 308].includes(response.statusCode ?? 0) || location === undefined) return response;
    response.resume();
    target = new URL(location, target);
  }
  throw new Error(`more than 5 redirects from ${new URL(url).host}`);
}

/**
 * @param {URL} target
 * @param {Record<string, string>} headers
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<http.IncomingMessage>}
 */
async function request(target, headers, env) {
  const proxy = proxyFor(target, env);
  const isSecure = target.protocol === 'https:';
  /** @type {https.RequestOptions} */
  const options = { headers: { 'user-agent': 'lockstep', ...headers }, timeout: idleTimeoutMs };
  const ca = extraCertificates(env);
  if (isSecure && ca) options.ca = ca;
  if (proxy && isSecure) {
    const socket = await openTunnel(proxy, target);
    // `agent: false` with a ready socket: this connection serves this request only.
    options.agent = false;
    options.createConnection = () => tls.connect({ socket, servername: target.hostname, ...(ca ? { ca } : {}) });
  }
  return new Promise((resolve, reject) => {
    const started =
      proxy && !isSecure
        ? http.get({
            ...options,
            ...proxyAddress(proxy),
            path: target.href,
            headers: { ...options.headers, ...proxyLogin(proxy), host: target.host },
          })
        : (isSecure ? https : http).get(target, options);
    started.on('response', resolve);
    started.on('error', reject);
    started.on('timeout', () => started.destroy(new Error(`${target.host} was silent for ${idleTimeoutMs / 1000} s`)));
  });
}

/**
 * @param {URL} proxy
 * @param {URL} target
 * @returns {Promise<import('node:net').Socket>}
 */
function openTunnel(proxy, target) {
  const destination = `${target.hostname}:${target.port || 443}`;
  const headers = { host: destination, ...proxyLogin(proxy) };
  return new Promise((resolve, reject) => {
    const started = http.request({ ...proxyAddress(proxy), method: 'CONNECT', path: destination, headers });
    started
      .setTimeout(idleTimeoutMs, () => started.destroy(new Error(`proxy ${proxy.host} was silent`)))
      .on('connect', (response, socket) => {
        if (response.statusCode === 200) return resolve(/** @type {import('node:net').Socket} */ (socket));
        socket.destroy();
        reject(new Error(`proxy ${proxy.host} answered ${response.statusCode} for ${destination}`));
      })
      .on('error', reject)
      .end();
  });
}

/** @param {URL} proxy */
function proxyAddress(proxy) {
  return { host: proxy.hostname, port: Number(proxy.port || 80) };
}

/** @param {URL} proxy */
function proxyLogin({ username, password }) {
  if (!username) return {};
  const login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { 'proxy-authorization': `Basic ${Buffer.from(login).toString('base64')}` };
}

/**
 * The proxy that the usual environment variables name for a URL.
 * @param {URL} target
 * @param {NodeJS.ProcessEnv} env
 * @returns {URL | undefined}
 */
export function proxyFor(target, env) {
  const read = (/** @type {string} */ name) => env[name] || env[name.toUpperCase()];
  const exempt = (read('no_proxy') ?? '').split(',').map((entry) => entry.trim().replace(/^\*?\./, ''));
  const isExempt = exempt.some((e) => e === '*' || (e && (target.hostname === e || target.hostname.endsWith(`.${e}`))));
  const proxy = read(target.protocol === 'https:' ? 'https_proxy' : 'http_proxy') || read('all_proxy');
  if (!proxy || isExempt) return undefined;
  const parsed = new URL(proxy.includes('://') ? proxy : `http://${proxy}`);
  return parsed.protocol === 'http:' ? parsed : undefined; // other kinds: pip itself is the fallback
}

/** @param {NodeJS.ProcessEnv} env */
function extraCertificates(env) {
  const file = env['PIP_CERT'] || env['REQUESTS_CA_BUNDLE'] || env['SSL_CERT_FILE'];
  if (!file) return undefined;
  try {
    return [...tls.rootCertificates, readFileSync(file, 'utf8')];
  } catch {
    return undefined;
  }
}
