export { type Identity, makeAuthority, makeIdentity } from './certificate.ts';
export { type CertificateRequest, writeCertificates } from './write.ts';
