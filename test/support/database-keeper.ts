import { createEmbeddedPostgres } from '../../src/adapters/store/embedded-postgres/embedded-postgres.ts';

// A program of its own around the supervisor, for tests that kill it: prints one line of JSON when the database
// answers, or the error, and stops on SIGTERM.
const [dataDirectory = '', systemDirectory = ''] = process.argv.slice(2);
const write = (level: string) => (fields: object, message: string) =>
  process.stderr.write(`${level} ${message} ${JSON.stringify(fields)}\n`);
const database = createEmbeddedPostgres({
  dataDirectory,
  systemDirectory,
  logsDirectory: `${dataDirectory}/logs`,
  logger: { debug: () => {}, info: () => {}, warn: write('warn'), error: write('error') },
});
const keepAlive = setInterval(() => {}, 60_000);
process.on('SIGTERM', () => {
  clearInterval(keepAlive);
  void database.stop();
});
try {
  await database.start();
  process.stdout.write(`${JSON.stringify({ pid: database.pid, connection: database.connection })}\n`);
} catch (error) {
  process.stdout.write(`${JSON.stringify({ error: String(error) })}\n`);
  clearInterval(keepAlive);
}
