import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const script = fileURLToPath(new URL('../scripts/mutants.mjs', import.meta.url));

it('each mutant of scripts/mutants/ finds its text in the tree exactly once', () => {
  expect(execFileSync(process.execPath, [script, '--check'], { encoding: 'utf8' })).toMatch(/^\d+ mutants/);
});
