import { createHash, randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { access, lstat, open, readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, invalidField } from '../../contract/errors.ts';
import { nearestName } from '../../contract/filter/keys.ts';
import { removeFile } from '../../lib/remove.ts';
import type { ScriptFacts, ScriptStore, Scripts } from './ports.ts';

const namePattern = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,199}$/;

/** Larger ones are programs, not scripts; put them into the directory by hand. */
const maxReadBytes = 1024 * 1024;

/** Names that are looked through for one that may have been meant. */
const mostCompared = 1_000;

/** Scripts as files; every change through us is kept in the history with its author. */
export function createScripts(directory: string, history: ScriptStore): Scripts {
  return {
    list: async () => {
      const names = await readdir(directory);
      const facts = await Promise.all(
        names.filter((name) => namePattern.test(name)).map((name) => factsOf(directory, name)),
      );
      return facts.filter((one) => one !== null).sort((a, b) => a.name.localeCompare(b.name));
    },

    read: async (name) => {
      const facts = await requireFacts(directory, name);
      if (facts.sizeBytes > maxReadBytes) {
        throw new AppError(
          'payload_too_large',
          `${name} has ${facts.sizeBytes} bytes; only up to ${maxReadBytes} are shown.`,
        );
      }
      const content = await readFile(join(directory, name)).catch((error: NodeJS.ErrnoException) => {
        throw error.code === 'ENOENT' ? notThere(name) : error;
      });
      return { ...facts, text: content.toString('utf8'), sha256: sha256(content).toString('hex') };
    },

    put: async (name, text, actor) => {
      checkName(name);
      await checkReplaceable(directory, name);
      const content = Buffer.from(text, 'utf8');
      // The history first: a version that is recorded but not written is visible, the reverse would be silent.
      await history.add({ name, action: 'put', content, sha256: sha256(content), actor: actor.name });
      await replaceFile(directory, name, content);
      return requireFacts(directory, name);
    },

    remove: async (name, actor) => {
      await requireFacts(directory, name);
      await history.add({ name, action: 'delete', content: null, sha256: null, actor: actor.name });
      // Somebody else may have removed it just now, which is what was asked.
      await removeFile(join(directory, name));
    },

    findMissing: async (name) => {
      if (await exists(join(directory, name))) return null;
      const names = await readdir(directory).catch(() => null);
      if (names === null) return null;
      const nearest = nearestName(name, names.slice(0, mostCompared));
      return `there is no script ${name} in the scripts directory${nearest === null ? '' : `; did you mean ${nearest}?`}`;
    },

    versions: async (name) =>
      (await history.list(name)).map(({ sha256: hash, content, ...rest }) => ({
        ...rest,
        sha256: hash?.toString('hex') ?? null,
        text: content?.toString('utf8') ?? null,
      })),
  };
}

/** A link that leads nowhere is there: whoever runs it says so better. */
function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT',
  );
}

function checkName(name: string): void {
  if (namePattern.test(name)) return;
  throw invalidField(
    'name',
    'expected letters, digits, `.`, `_` and `-`, not starting with `.` or `-`, at most 200',
  );
}

/** Before the history says that it was put. */
async function checkReplaceable(directory: string, name: string): Promise<void> {
  const facts = await lstat(join(directory, name)).catch(() => null);
  if (!facts?.isDirectory()) return;
  throw new AppError(
    'conflict',
    `${name} is a folder of the scripts directory; give the script another name.`,
  );
}

async function requireFacts(directory: string, name: string): Promise<ScriptFacts> {
  checkName(name);
  const facts = await factsOf(directory, name);
  if (!facts) throw notThere(name);
  return facts;
}

function notThere(name: string): AppError {
  return new AppError('not_found', `There is no script ${name}.`);
}

/** Null for what is no regular file: a folder, a link, something that just vanished. */
async function factsOf(directory: string, name: string): Promise<ScriptFacts | null> {
  const path = join(directory, name);
  const facts = await lstat(path).catch(() => null);
  if (!facts?.isFile()) return null;
  const isExecutable = await access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
  return { name, sizeBytes: facts.size, modifiedAt: facts.mtime, isExecutable };
}

/** By rename, so that a run never reads half a script; synced, so that a crash never leaves an empty one. */
async function replaceFile(directory: string, name: string, content: Buffer): Promise<void> {
  const partial = join(directory, `.${name}.${randomBytes(4).toString('hex')}`);
  try {
    const file = await open(partial, 'wx', 0o755);
    try {
      await file.writeFile(content);
      await file.chmod(0o755);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(partial, join(directory, name));
  } finally {
    await removeFile(partial);
  }
}

function sha256(content: Buffer): Buffer {
  return createHash('sha256').update(content).digest();
}
