import type { FileHandle } from 'node:fs/promises';
import type { Area } from './area.ts';
import type { Shared } from './locks.ts';
import type { HomePath, UploadMode } from './ports.ts';
import type { Staging } from './staging.ts';

/** All that is known of an upload that has begun. */
export interface UploadPlan {
  area: Area;
  /** For words. */
  path: HomePath;
  mode: UploadMode;
  /** From the confines to the file, without links. */
  parts: readonly Buffer[];
  name: Buffer;
  staging: Staging;
  id: string;
  file: FileHandle;
  sizeBytes: number;
  /** Ids of broken ones of the same name that rested when it began: they go when it is whole, or breaks off later. */
  older: readonly string[];
  /** Of an append that began at the end of a file, or without one: of which, and how many of its bytes are here. */
  base: { validator: string; sizeBytes: number } | null;
  shared: Shared;
}
