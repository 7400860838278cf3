import type { ExternalKind } from '../domain/jobs/kind-ports.ts';
import { bulkKind } from './bulk/bulk.ts';
import { commandKind } from './command/command.ts';
import { createKindRegistry, type KindDefinition } from './define-kind.ts';
import { scriptKind } from './script/script.ts';
import { urlKind } from './url/url.ts';

/** Every kind of job there is: one folder, one line here. */
export const kinds = createKindRegistry<KindDefinition>([scriptKind, urlKind, bulkKind]);

/** Those that are only reported. */
export const externalKinds: readonly ExternalKind[] = [commandKind];
