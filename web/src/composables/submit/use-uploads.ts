import { computed, onScopeDispose, reactive, type ComputedRef } from 'vue';
import { findFileNameProblem, findNameClash } from '../../../../src/contract/file-name.ts';
import { toApiError } from '../../api/api-error.ts';
import { uploadFile, type StoredFile } from '../../api/files.ts';

/** A file on its way to the server, or one that did not get there. */
export interface Upload {
  key: number;
  name: string;
  sizeBytes: number;
  /** Sent so far, 0 to 1. */
  fraction: number;
  error: string | null;
  stop: () => void;
}

let nextKey = 0;

/**
 * Files somebody drops, each sent at once; what arrived is told, and goes from the list.
 *
 * @param names that are taken already
 */
export function useUploads(
  names: () => readonly string[],
  onStored: (file: StoredFile) => void,
): {
  uploads: Upload[];
  isBusy: ComputedRef<boolean>;
  add: (files: Iterable<File>) => void;
  dismiss: (upload: Upload) => void;
} {
  const uploads = reactive<Upload[]>([]);

  function dismiss(upload: Upload): void {
    upload.stop();
    const index = uploads.findIndex(({ key }) => key === upload.key);
    if (index !== -1) uploads.splice(index, 1);
  }

  async function send(upload: Upload, file: File, signal: AbortSignal): Promise<void> {
    try {
      const stored = await uploadFile(file, {
        name: upload.name,
        signal,
        onSent: (fraction) => (upload.fraction = fraction),
      });
      dismiss(upload);
      onStored(stored);
    } catch (cause) {
      if (!signal.aborted) upload.error = toApiError(cause).message;
    }
  }

  function add(files: Iterable<File>): void {
    for (const file of files) {
      const name = file.webkitRelativePath || file.name;
      const waiting = uploads.flatMap((one) => (one.error === null ? [one.name] : []));
      const stopping = new AbortController();
      nextKey += 1;
      uploads.push({
        key: nextKey,
        name,
        sizeBytes: file.size,
        fraction: 0,
        error: findFileNameProblem(name) ?? findNameClash([...names(), ...waiting, name]),
        stop: () => stopping.abort(),
      });
      const upload = uploads.at(-1);
      if (upload && upload.error === null) void send(upload, file, stopping.signal);
    }
  }

  onScopeDispose(() => {
    for (const upload of uploads) upload.stop();
  });
  return { uploads, isBusy: computed(() => uploads.some(({ error }) => error === null)), add, dismiss };
}
