import { referencePage } from '../shared/config/index.ts';
import { errorCodes } from '../shared/core/index.ts';
import { layersPage } from '../shared/layers/index.ts';
import { exitCodeFor } from './failures.ts';

/** Pages of docs/ by file name, as `npm run docs` writes them. */
export function generatedPages(): Record<string, string> {
  return { 'configuration.md': referencePage(), 'errors.md': errorsPage(), 'layers.md': layersPage() };
}

function errorsPage(): string {
  const rows = Object.entries(errorCodes).map(([code, meaning]) => {
    const exitCode = exitCodeFor({ code: code as keyof typeof errorCodes });
    return `| \`${code}\` | ${meaning} | ${exitCode} |`;
  });
  return `# Errors

<!-- Generated from shared/core/errors.ts by \`npm run docs\`. Change it there. -->

Every failure has a code of this closed list. Commands print \`error: code: message\`; programs get a \`LockstepError\`
with \`code\`, \`message\`, \`details\` and \`cause\`. An error that your own job file threw is shown first, with its stack.

| Code | Meaning | Exit code |
| --- | --- | --- |
${rows.join('\n')}
`;
}
