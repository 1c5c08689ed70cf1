import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Browser } from '../support/browser.js';

/** One command of a console block, and what the block says that it prints. */
export interface Step {
  readonly command: string;
  readonly expected: string;
}

export function stepsOf(block: string): Step[] {
  return block
    .split(/^\$ /m)
    .slice(1)
    .map(part => {
      const [command = '', ...lines] = part.trimEnd().split('\n');
      return { command, expected: lines.join('\n') };
    });
}

/** Whether there is a real curl, and a shell to type it into. */
export const hasCurl = await promisify(execFile)('sh', ['-c', 'curl --version']).then(
  () => true,
  () => false,
);

/** Types the command, with the application elsewhere than at port 3000. */
export async function type(command: string, cwd: string, url: string): Promise<string> {
  const { stdout } = await promisify(execFile)('sh', ['-c', elsewhere(command, url)], { cwd });
  return stdout.trimEnd();
}

function elsewhere(command: string, url: string): string {
  return command.replaceAll('localhost:3000', new URL(url).host);
}

/** What curl would do, for a machine without it: `-b jar -c jar`, `-d`, `-X`. */
export async function standIn(command: string, browser: Browser): Promise<string> {
  const [tool, ...words] = command.split(' ');
  if (tool !== 'curl') throw new Error(`not a curl command: ${command}`);
  let method: string | undefined;
  let body: URLSearchParams | undefined;
  let path: string | undefined;
  while (words.length > 0) {
    const word = words.shift()!;
    if (word === '-c' || word === '-b') words.shift();
    else if (word === '-X') method = words.shift();
    else if (word === '-d')
      body = new URLSearchParams([...(body ?? []), ...new URLSearchParams(words.shift())]);
    else if (word.startsWith('localhost:3000')) path = word.slice('localhost:3000'.length);
    else throw new Error(`the stand-in does not know ${word} in: ${command}`);
  }
  if (path === undefined) throw new Error(`no address in: ${command}`);
  const answer = await browser.request(method ?? (body ? 'POST' : 'GET'), path, { body });
  return answer.text.trimEnd();
}
