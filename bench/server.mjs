// One contestant in its own process: node bench/server.mjs <contestant> <build folder> <place as JSON>
// Sends `{ port }` to its parent when it listens, and then carries out the messages of the parent.
import { writeFile } from 'node:fs/promises';
import { Session } from 'node:inspector/promises';
import { startApplication } from './application.mjs';
import { drive } from './drive.mjs';

const [name, build, place] = process.argv.slice(2);
const app = await startApplication(name, build, JSON.parse(place));

const inspector = new Session();
let load;
const commands = {
  // Does the work of the load generator, without a network.
  open({ path, cookies }) {
    load = { path, cookies };
  },
  run: limit => drive(app.getHttpServer(), { ...load, ...limit }),
  close() {},

  /** The CPU time that the process has used, in µs. */
  cpu() {
    const { user, system } = process.cpuUsage();
    return user + system;
  },
  async startProfile() {
    inspector.connect();
    await inspector.post('Profiler.enable');
    await inspector.post('Profiler.setSamplingInterval', { interval: 200 });
    await inspector.post('Profiler.start');
  },
  async stopProfile({ file }) {
    const { profile } = await inspector.post('Profiler.stop');
    await writeFile(file, JSON.stringify(profile));
    inspector.disconnect();
  },
};

process.on('message', async message => {
  process.send({ done: await commands[message.command](message) });
});
process.on('disconnect', () => process.exit());
process.send({ port: app.getHttpServer().address().port });
