import { runInTwoProcesses } from '../../04-redis/src/two-processes.js';
import { AppModule } from './app.module.js';

await runInTwoProcesses(AppModule);
