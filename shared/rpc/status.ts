import { Metadata, type StatusObject, status } from '@grpc/grpc-js';
import { type ErrorCode, type ErrorRecord, isErrorCode, LockstepError } from '../core/index.ts';

/** The `-bin` suffix makes gRPC send it as bytes. */
const recordKey = 'lockstep-error-bin';
/** HTTP/2 peers accept 64 KiB of headers by default; a stack trace must not cost us the message. */
const maxRecordBytes = 8 * 1024;

/** A LockstepError as the status that ends a call: gRPC code and message for any client, the record for ours. */
export function toStatus(error: LockstepError): { code: status; details: string; metadata: Metadata } {
  const metadata = new Metadata();
  const record = error.toRecord();
  let bytes = Buffer.from(JSON.stringify(record));
  if (bytes.length > maxRecordBytes) {
    const { code, action } = record;
    const message = record.message.slice(0, maxRecordBytes / 4);
    bytes = Buffer.from(JSON.stringify({ code, action, message, details: {} } satisfies ErrorRecord));
  }
  metadata.set(recordKey, bytes);
  return { code: statusOf(error.code), details: wellFormed(error.message.slice(0, 1024)), metadata };
}

/**
 * What ended a call, from the status that gRPC gives.
 * @param peer who is at the other end, for the message: "coordinator 10.0.0.5:7171"
 */
export function fromStatus(ended: Pick<StatusObject, 'code' | 'details' | 'metadata'>, peer: string): LockstepError {
  const record = readRecord(ended.metadata);
  if (record !== undefined) return LockstepError.fromRecord(record);
  const details = { peer, status: status[ended.code] ?? ended.code };
  if (ended.code === status.UNIMPLEMENTED) {
    return new LockstepError('rpc/protocol', `${peer} does not offer this service; is it another program?`, {
      details,
    });
  }
  if (ended.code === status.RESOURCE_EXHAUSTED) {
    return new LockstepError('rpc/protocol', `a message to or from ${peer} is too large: ${ended.details}`, {
      details,
    });
  }
  return connectionLost(peer, ended.details, details);
}

export function connectionLost(peer: string, reason: string, details: Record<string, unknown> = {}): LockstepError {
  return new LockstepError('rpc/connection-lost', `the connection to ${peer} was lost: ${reason}`, {
    details: { peer, ...details },
    action: 'retry',
  });
}

/** True when the other process died, was unreachable or closed: not when it answered with an error of its own. */
export function isConnectionLost(error: unknown): boolean {
  return error instanceof LockstepError && (error.code === 'rpc/connection-lost' || error.code === 'rpc/unreachable');
}

/** gRPC percent-encodes the text, which half a surrogate pair would break. */
function wellFormed(text: string): string {
  return Buffer.from(text).toString();
}

function readRecord(metadata: Metadata | undefined): ErrorRecord | undefined {
  const bytes = metadata?.get(recordKey)[0];
  if (!Buffer.isBuffer(bytes)) return undefined;
  try {
    const record = JSON.parse(bytes.toString()) as ErrorRecord;
    return isErrorCode(record.code) && typeof record.message === 'string' ? record : undefined;
  } catch {
    return undefined;
  }
}

function statusOf(code: ErrorCode): status {
  switch (code) {
    case 'rpc/refused':
    case 'job/mismatch':
      return status.PERMISSION_DENIED;
    case 'collective/stale':
      return status.FAILED_PRECONDITION;
    case 'collective/corrupt':
      return status.DATA_LOSS;
    case 'collective/timeout':
      return status.DEADLINE_EXCEEDED;
    case 'rpc/protocol':
      return status.INVALID_ARGUMENT;
    case 'rpc/slow-reader':
      return status.RESOURCE_EXHAUSTED;
    default:
      return status.ABORTED;
  }
}
