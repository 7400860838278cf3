import type { Capsule } from '../../contract/capsule.ts';
import { describeCommand } from './attempt-view.ts';
import { cleanText } from './clean-text.ts';
import { describeLimits } from './limits-view.ts';
import type { Paint } from './output.ts';
import { formatBytes } from '../../lib/size.ts';
import { formatFields } from './table.ts';
import { formatTime } from './time.ts';

/** What exactly ran, readable. */
export function describeCapsule(capsule: Capsule, paint: Paint): string {
  const { jobId, attempt, script, argv, env, stdin, host, worker, system, version, nodeVersion } = capsule;
  const fields = formatFields([
    ['recorded', formatTime(capsule.recordedAt)],
    ['ran', describeCommand(argv)],
    ['in', cleanText(capsule.cwd)],
    ['as', capsule.nice === 0 ? capsule.user : `${capsule.user}, nice ${capsule.nice}`],
    ['script', script ? describeScript(script) : undefined],
    ['stdin', stdin ? `${formatBytes(stdin.sizeBytes)}, SHA-256 ${stdin.sha256}` : undefined],
    ['limits', describeLimits(capsule.limits)],
    ...capsule.files.map((file): [string, string] => [
      'file',
      `${cleanText(file.name)}, ${formatBytes(file.sizeBytes)}, SHA-256 ${file.sha256}`,
    ]),
    ['secrets', capsule.secrets.length === 0 ? undefined : capsule.secrets.join(', ')],
    ['worker', cleanText(worker === host ? worker : `${worker} on ${host}`)],
    ['with', `Daybook ${version}, Node ${nodeVersion.replace(/^v/, '')}, ${cleanText(system)}`],
  ]);
  const variables = Object.entries(env).map(([name, value]) => `  ${name}=${cleanText(value)}`);
  const heading = paint('bold', `Job ${jobId}, attempt ${attempt}`);
  return [heading, ...fields, 'environment', ...variables].join('\n');
}

function describeScript({
  sha256,
  sizeBytes,
  text,
  changed,
  pinned,
}: NonNullable<Capsule['script']>): string {
  const remarks = [
    ...(pinned ? ['an earlier text, kept by its hash'] : []),
    ...(changed ? ['changed while it ran'] : []),
    ...(text === null ? ['its text is not kept'] : []),
  ];
  return [`${formatBytes(sizeBytes)}, SHA-256 ${sha256}`, ...remarks].join('; ');
}
