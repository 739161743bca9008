import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { isIPv4, isIPv6 } from 'node:net';
import { bits, boolean, integer, octets, oid, sequence, set, tagged, taggedPrimitive, time, utf8 } from './der.ts';

/** A certificate and its private key, both PEM. */
export interface Identity {
  readonly certificate: string;
  readonly key: string;
}

interface Validity {
  readonly from: Date;
  readonly days: number;
}

const ecdsaWithSha256 = sequence(oid('1.2.840.10045.4.3.2'));

/** A new certificate authority: P-256, self-signed. */
export function makeAuthority(name: string, validity: Validity): Identity {
  const key = newKey();
  const extensions = [
    extension('2.5.29.19', sequence(boolean(true), integer(Buffer.from([0]))), 'critical'),
    // Key usage: certificate signing (bit 5) and revocation lists (bit 6).
    extension('2.5.29.15', bits(Buffer.from([0b0000_0110]), 1), 'critical'),
    extension('2.5.29.14', octets(keyIdentifier(key))),
  ];
  return {
    certificate: issue({ subject: name, subjectKey: key, issuer: name, issuerKey: key, validity, extensions }),
    key,
  };
}

/**
 * A certificate for one process: server towards those who connect to it, client towards those it connects to.
 * @param hosts names and addresses under which others reach it; wildcards such as `*.workers.svc` are allowed
 */
export function makeIdentity(
  name: string,
  hosts: readonly string[],
  authority: Identity & { readonly name: string },
  validity: Validity,
): Identity {
  const key = newKey();
  const extensions = [
    extension('2.5.29.19', sequence(), 'critical'),
    // Key usage: digital signature (bit 0).
    extension('2.5.29.15', bits(Buffer.from([0b1000_0000]), 7), 'critical'),
    // Extended key usage: server and client authentication.
    extension('2.5.29.37', sequence(oid('1.3.6.1.5.5.7.3.1'), oid('1.3.6.1.5.5.7.3.2'))),
    extension('2.5.29.14', octets(keyIdentifier(key))),
    extension('2.5.29.35', sequence(taggedPrimitive(0, keyIdentifier(authority.key)))),
    extension('2.5.29.17', sequence(...hosts.map(generalName))),
  ];
  const issuing = { issuer: authority.name, issuerKey: authority.key };
  return { certificate: issue({ subject: name, subjectKey: key, ...issuing, validity, extensions }), key };
}

interface Issue {
  readonly subject: string;
  readonly subjectKey: string;
  readonly issuer: string;
  readonly issuerKey: string;
  readonly validity: Validity;
  readonly extensions: readonly Buffer[];
}

/** X.509 version 3 as in RFC 5280, 4.1. */
function issue({ subject, subjectKey, issuer, issuerKey, validity, extensions }: Issue): string {
  // A clock that is a little behind must not find the certificate not yet valid.
  const from = new Date(validity.from.getTime() - 300_000);
  const until = new Date(validity.from.getTime() + validity.days * 86_400_000);
  const toBeSigned = sequence(
    tagged(0, integer(Buffer.from([2]))),
    integer(randomBytes(16)),
    ecdsaWithSha256,
    distinguishedName(issuer),
    sequence(time(from), time(until)),
    distinguishedName(subject),
    publicKeyInfo(subjectKey),
    tagged(3, sequence(...extensions)),
  );
  const signature = sign('sha256', toBeSigned, createPrivateKey(issuerKey));
  return pem('CERTIFICATE', sequence(toBeSigned, ecdsaWithSha256, bits(signature)));
}

function newKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function publicKeyInfo(key: string): Buffer {
  return createPublicKey(key).export({ type: 'spki', format: 'der' });
}

/** RFC 7093, method 1: the leftmost 160 bits of the SHA-256. */
function keyIdentifier(key: string): Buffer {
  return createHash('sha256').update(publicKeyInfo(key)).digest().subarray(0, 20);
}

function distinguishedName(commonName: string): Buffer {
  return sequence(set(sequence(oid('2.5.4.3'), utf8(commonName))));
}

function extension(id: string, value: Buffer, critical?: 'critical'): Buffer {
  return sequence(oid(id), ...(critical === undefined ? [] : [boolean(true)]), octets(value));
}

function generalName(host: string): Buffer {
  return isIPv4(host) || isIPv6(host) ? taggedPrimitive(7, ipBytes(host)) : taggedPrimitive(2, Buffer.from(host));
}

function ipBytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number));
  // The URL parser writes every form of an IPv6 address in one way, without an embedded IPv4 part.
  const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [head = '', tail] = canonical.split('::');
  const groups = (part: string) => (part === '' ? [] : part.split(':'));
  const left = groups(head);
  const right = tail === undefined ? [] : groups(tail);
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0');
  return Buffer.from([...left, ...zeros, ...right].map((group) => group.padStart(4, '0')).join(''), 'hex');
}

function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
