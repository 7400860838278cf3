/**
 * Whether tests that need this service can run. Where it is missing they are skipped and a line says so; with
 * `CI_NO_SKIPS=1` that is an error, so that nothing is skipped unseen.
 */
export function requireService(name: string, isAvailable: boolean): boolean {
  if (isAvailable) return true;
  const message = `${name} is not available; its tests are skipped.`;
  if (process.env['CI_NO_SKIPS'] === '1') throw new Error(`${message} CI_NO_SKIPS=1 forbids that.`);
  process.stderr.write(`${message}\n`);
  return false;
}
