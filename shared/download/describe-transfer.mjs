/**
 * `120 of 261 MB, 45 %, 11.8 MB/s`
 * @param {{ doneBytes: number, totalBytes: number | undefined, startBytes: number, seconds: number }} transfer
 */
export function describeTransfer({ doneBytes, totalBytes, startBytes, seconds }) {
  const rate = seconds > 0 ? `${((doneBytes - startBytes) / 1e6 / seconds).toFixed(1)} MB/s` : '';
  const done = (doneBytes / 1e6).toFixed(0);
  if (totalBytes === undefined) return [`${done} MB`, rate].filter(Boolean).join(', ');
  const percent = `${Math.floor((100 * doneBytes) / totalBytes)} %`;
  return [`${done} of ${(totalBytes / 1e6).toFixed(0)} MB`, percent, rate].filter(Boolean).join(', ');
}
