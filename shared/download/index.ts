export { cacheDirectory } from './cache-directory.mjs';
export { describeTransfer } from './describe-transfer.mjs';
export { ChecksumMismatch, DownloadRefused, download, sha256Of } from './download.mjs';
export { openUrl, proxyFor } from './http-transport.mjs';
export { LockTimeout, withLock } from './lock.mjs';
