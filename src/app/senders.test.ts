import { expect, it } from 'vitest';
import { loadConfig } from '../config/config.ts';
import { publicAddress } from './senders.ts';

it.each([
  [{ DAYBOOK_HOST: '::1' }, 'http://[::1]:8000'],
  [{ DAYBOOK_HOST: '0.0.0.0' }, 'http://localhost:8000'],
  [{ DAYBOOK_HOST: '10.0.0.1', DAYBOOK_PORT: '80' }, 'http://10.0.0.1:80'],
  [{ DAYBOOK_PUBLIC_URL: 'https://[fd00::1]:8443/' }, 'https://[fd00::1]:8443'],
])('links of a server with %j begin with %s', (env, address) => {
  expect(publicAddress(loadConfig(env))).toBe(address);
});
