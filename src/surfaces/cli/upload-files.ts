import { existsSync, openAsBlob } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { findFileNameProblem, findNameClash } from '../../contract/file-name.ts';
import type { Client } from './client.ts';
import { UsageError } from './errors.ts';

interface GivenFile {
  path: string;
  name: string;
}

/**
 * Reads what `--file` says, `PATH` or `PATH=NAME`, before anything is sent.
 * @throws UsageError naming the file that cannot be read, or cannot be called so
 */
export async function readFileOptions(texts: readonly string[]): Promise<GivenFile[]> {
  const files = texts.map(toFile);
  for (const { path, name } of files) {
    const facts = await stat(path).catch((error: NodeJS.ErrnoException) => {
      throw new UsageError(`--file: ${path} cannot be read (${error.code}).`);
    });
    if (!facts.isFile()) throw new UsageError(`--file: ${path} is no file.`);
    const problem = findFileNameProblem(name);
    if (problem) throw new UsageError(`--file: the name "${name}" does not do: ${problem}.`);
  }
  const clash = findNameClash(files.map(({ name }) => name));
  if (clash) throw new UsageError(`--file: ${clash}; give another name, as in --file part.inp=other.inp`);
  return files;
}

/** Sends them, one after the other; the members of the submit's `files`. */
export async function uploadFiles(
  client: Client,
  files: readonly GivenFile[],
): Promise<{ file: string; name: string }[]> {
  const uploaded = [];
  for (const { path, name } of files) {
    const { id } = await client.upload<{ id: string }>('/files', {
      bytes: await openAsBlob(path),
      query: { name },
    });
    uploaded.push({ file: id, name });
  }
  return uploaded;
}

/** A file may have `=` in its own name. */
function toFile(text: string): GivenFile {
  const at = text.lastIndexOf('=');
  if (at < 1 || existsSync(text)) return { path: text, name: basename(text) };
  return { path: text.slice(0, at), name: text.slice(at + 1) };
}
