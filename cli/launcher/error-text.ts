import { type ErrorRecord, isErrorCode } from '../../shared/core/index.ts';

/** The error in what a Lockstep process printed: `error: code: message`, after the user's own stack if it has one. */
export function parseErrorText(text: string): ErrorRecord | null {
  const match = /^(?:([\s\S]*)\n)?error: ([a-z]+\/[a-z-]+): ([\s\S]*)$/.exec(text.trimEnd());
  if (match === null) return null;
  const [, causeStack, code = '', message = ''] = match;
  if (!isErrorCode(code)) return null;
  return { code, message, action: 'fatal', details: {}, ...(causeStack === undefined ? {} : { causeStack }) };
}
