import { createBulkKind, type BulkSettings } from './bulk/bulk.ts';
import { createKindRegistry } from './define-kind.ts';
import { commandKind } from './command/command.ts';
import type { ExternalKind, KindRegistry } from '../domain/jobs/kind-ports.ts';
import type { ScriptFolder } from './script/find-script.ts';
import { createScriptKind } from './script/script.ts';
import { createUrlKind, type UrlSettings } from './url/url.ts';

export interface KindSettings {
  script: ScriptFolder;
  bulk: BulkSettings;
  url: UrlSettings;
}

/** Every kind of job there is: one folder, one line here. */
export function listKinds(settings: KindSettings): KindRegistry {
  return createKindRegistry([
    createScriptKind(settings.script),
    createUrlKind(settings.url),
    createBulkKind(settings.bulk),
  ]);
}

/** Those that are only reported. */
export const externalKinds: readonly ExternalKind[] = [commandKind];
