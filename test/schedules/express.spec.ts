import { platforms } from '../support/platforms.js';
import { testSchedules } from './test-schedules.js';

for (const platform of platforms) if (platform.name === 'express') testSchedules(platform);
