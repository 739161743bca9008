import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generatedPages } from './generated-pages.ts';
import { findPackageRoot } from './setup/package-root.mjs';

/** `npm run docs`: writes the pages of docs/ that the sources generate. */
const directory = join(findPackageRoot(), 'docs');
mkdirSync(directory, { recursive: true });
for (const [name, text] of Object.entries(generatedPages())) {
  writeFileSync(join(directory, name), text);
  console.log(`wrote docs/${name}`);
}
