import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** A process that answers each message with one message. If it fails, its output is shown. */
export class Child {
  #process;
  #output = '';

  constructor(file, args = [], execArgv = []) {
    this.#process = fork(fileURLToPath(new URL(file, import.meta.url)), args, {
      execArgv,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { ...process.env, NODE_ENV: 'production' },
    });
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream.setEncoding('utf8').on('data', text => (this.#output += text));
    }
  }

  ask(message) {
    const answer = this.answer();
    this.#process.send(message);
    return answer;
  }

  /** The next message. @throws what the process reports, or that it has ended */
  async answer() {
    const over = new AbortController();
    const options = { signal: over.signal };
    try {
      const [message] = await Promise.race([
        once(this.#process, 'message', options),
        once(this.#process, 'exit', options).then(([code]) => {
          throw new Error(`${this.#process.spawnargs.at(1)} ended with ${code}\n${this.#output}`);
        }),
      ]);
      if (message.error) throw new Error(`${message.error}\n${this.#output}`);
      return message;
    } finally {
      over.abort();
    }
  }

  async end() {
    if (!this.#process.connected) return; // it has already ended, and the pending call has been rejected
    const exit = once(this.#process, 'exit');
    this.#process.disconnect();
    await exit;
  }
}
