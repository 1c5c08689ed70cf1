import { AppModule } from './app.module.js';
import { runInTwoProcesses } from './two-processes.js';

await runInTwoProcesses(AppModule);
