// Plants bugs, one at a time, in a copy of the tree, and says which test notices each of them. Exits with 1 if a bug
// survives.
//
//   node scripts/mutants.mjs                   every mutant, against its own specs, then against all of the library's
//   node scripts/mutants.mjs --only=redis      the mutants whose name or file contains the text
//   node scripts/mutants.mjs --with='npx vitest run --project lib test/schedules'    another command for each mutant
//   node scripts/mutants.mjs --first           each mutant's own specs only
//   node scripts/mutants.mjs --schedules               those that only random schedules have to find, against these
//   node scripts/mutants.mjs --check           runs nothing: checks that every mutant's text is in the tree once
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { lifecycleMutants } from './mutants/lifecycle.mjs';
import { FOUND_BY_SCHEDULES, scheduleMutants } from './mutants/schedules.mjs';
import { storeMutants } from './mutants/stores.mjs';

/**
 * @typedef {object} Mutant
 * @property {string} name what is wrong, in plain English
 * @property {string} file
 * @property {string} find the text to replace. The file contains it exactly once
 * @property {string} replace
 * @property {string[]} specs the specs to run first: those that are expected to notice
 * @property {string} [stores] the stores of the first run, as TEST_STORES
 */

const root = fileURLToPath(new URL('..', import.meta.url));
/** In a mutated copy this spec would fail for every mutant. */
const LEFT_OUT = 'test/mutants.spec.ts';
/** A mutant may loop for ever. */
const PATIENCE_MS = 600_000;

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    with: { type: 'string' },
    first: { type: 'boolean' },
    check: { type: 'boolean' },
    schedules: { type: 'boolean' },
  },
});
/** @type {Mutant[]} */
const mutants = [...lifecycleMutants, ...scheduleMutants, ...storeMutants].filter(
  ({ name, file }) =>
    (name.includes(values.only) || file.includes(values.only)) &&
    (values.schedules !== true || FOUND_BY_SCHEDULES.has(name)),
);
if (values.schedules) values.with ??= 'npx vitest run --project lib --bail 1 test/schedules';
checkAll();
if (!values.check) process.exitCode = await runAll();

/** A mutant whose text has changed would test nothing. */
function checkAll() {
  if (mutants.length === 0) throw new Error(`no mutant has "${values.only}" in its name or file`);
  const stale = mutants.flatMap(({ name, file, find }) => {
    const times = readFileSync(join(root, file), 'utf8').split(find).length - 1;
    return times === 1 ? [] : [`${name}: ${file} contains its text ${times} times`];
  });
  const names = mutants.map(({ name }) => name);
  const twice = names
    .filter((name, i) => names.indexOf(name) !== i)
    .map(name => `${name}: the name occurs twice`);
  const problems = [...stale, ...twice];
  if (problems.length > 0) throw new Error(`mutants to correct:\n${problems.join('\n')}`);
  console.log(`${mutants.length} mutants, each with its text in the tree once`);
}

async function runAll() {
  const tree = copyTree();
  try {
    await checkThatTestsPass(tree);
    const survivors = [];
    for (const [i, mutant] of mutants.entries()) {
      const start = performance.now();
      const killer = await killerOf(mutant, tree);
      const seconds = ((performance.now() - start) / 1000).toFixed(1);
      if (killer === undefined) survivors.push(mutant);
      console.log(`\n${i + 1}/${mutants.length} ${mutant.name} (${seconds} s)\n  ${killer ?? 'SURVIVED'}`);
    }
    console.log('');
    for (const { name, file } of survivors) console.log(`SURVIVED ${name} (${file})`);
    console.log(`${mutants.length - survivors.length} killed, ${survivors.length} survived`);
    return survivors.length > 0 ? 1 : 0;
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
}

/** The files of the tree as they are now, committed or not, in a temporary folder. */
function copyTree() {
  const tree = mkdtempSync(join(tmpdir(), 'nestjs-http-session-mutants-'));
  chmodSync(tree, 0o755); // some tests start processes of another user, which read the library
  const list = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--deduplicate'];
  const gone = new Set(gitFiles(['ls-files', '-z', '--deleted']));
  for (const file of gitFiles(list)) {
    if (file !== LEFT_OUT && !gone.has(file)) cpSync(join(root, file), join(tree, file));
  }
  symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'));
  return tree;
}

function gitFiles(args) {
  const output = execFileSync('git', args, { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 26 });
  return output.split('\0').filter(Boolean);
}

/** If a test failed without a mutant, every mutant would seem to be killed by it. */
async function checkThatTestsPass(tree) {
  const runs = values.with === undefined ? merged(mutants.map(firstRun)) : [givenRun()];
  for (const run of runs) {
    const killer = await failureOf(run, tree);
    if (killer !== undefined) throw new Error(`without a mutant there is already a failure: ${killer}`);
  }
  console.log('without a mutant all of these tests pass');
}

/** One run for all specs over the same stores. */
function merged(runs) {
  const specsOf = new Map();
  for (const { stores, specs } of runs) specsOf.set(stores, [...(specsOf.get(stores) ?? []), ...specs]);
  return [...specsOf].map(([stores, specs]) => ({ stores, specs: [...new Set(specs)] }));
}

/** The failure with which the tests notice a mutant; `undefined` if they do not. */
async function killerOf(mutant, tree) {
  const path = join(tree, mutant.file);
  const original = readFileSync(path, 'utf8');
  writeFileSync(
    path,
    original.replace(mutant.find, () => mutant.replace),
  );
  try {
    if (values.with !== undefined) return await failureOf(givenRun(), tree);
    const killer = await failureOf(firstRun(mutant), tree);
    return killer === undefined && !values.first ? await failureOf(wholeRun(), tree) : killer;
  } finally {
    writeFileSync(path, original);
  }
}

function givenRun() {
  return { command: values.with };
}

function wholeRun() {
  return { specs: [] };
}

/** A mutant of a store is looked for over this store, every other one over memory, where the tests are fastest. */
function firstRun({ file, specs, stores }) {
  return { specs, stores: stores ?? /^lib\/stores\/([^/]+)\//.exec(file)?.[1] ?? 'memory' };
}

/** Runs tests in a tree. Returns the first failure, or `undefined` if all pass. */
async function failureOf({ command, specs, stores }, tree) {
  const vitest = ['npx', 'vitest', 'run', '--project', 'lib', '--bail', '1', ...(specs ?? [])].join(' ');
  const env = { ...process.env, NO_COLOR: '1', ...(stores !== undefined && { TEST_STORES: stores }) };
  const child = spawn(command ?? vitest, { cwd: tree, env, shell: true, detached: true });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', data => (output += data));
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL'); // the shell and all that it started
  }, PATIENCE_MS);
  const code = await new Promise(resolve => child.once('close', resolve));
  clearTimeout(timer);
  if (isLate) return `the tests did not end within ${PATIENCE_MS / 1000} s`;
  if (code === 0) return undefined;
  const lines = output.split('\n').filter(line => line.trim() !== '');
  // The failure cuts the run short, so other tests have not come to their end either.
  const failed = lines.filter(line => line.startsWith('FAILED '));
  const noticed = failed.find(line => !line.endsWith('it did not come to its end')) ?? failed[0];
  return noticed ?? `exit code ${code}: ${lines.slice(-5).join('\n  ')}`;
}
