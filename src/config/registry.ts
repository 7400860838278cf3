import { databaseSettings } from './settings/database.ts';
import { ftpSettings } from './settings/ftp.ts';
import { peopleSettings } from './settings/people.ts';
import { serverSettings } from './settings/server.ts';
import { workerSettings } from './settings/worker.ts';

/** Every setting of the server, each in the place that its value has in the configuration. */
export const settings = {
  ...serverSettings,
  ...ftpSettings,
  ...peopleSettings,
  ...workerSettings,
  ...databaseSettings,
};
