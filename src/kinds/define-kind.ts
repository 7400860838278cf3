import type { SettingTree, ValuesOf } from '../config/setting.ts';
import type { Actor } from '../contract/actor.ts';
import type { Bulk, BulkSteps } from '../domain/diary/ports.ts';
import type { Kind, KindRegistry, RunnableKind } from '../domain/jobs/kind-ports.ts';

/** What the server hands to those of its kinds that need it. */
export interface KindPlace {
  homeDirectory: string;
  scriptsDirectory: string;
  /** Who somebody is now; null when the account is gone or disabled, or there is none. */
  findActor(accountId: number | null): Promise<Actor | null>;
  bulk: Pick<Bulk, 'run'>;
  bulkSteps: BulkSteps;
}

/** A kind as its folder declares it. */
export interface KindDefinition<
  Input = unknown,
  Result = unknown,
  Settings extends SettingTree = SettingTree,
> extends Kind<Input, Result> {
  /** They stand in the configuration and its documentation by themselves. */
  readonly settings?: Settings;
  /** Made once in each process that runs jobs. */
  createRun(place: KindPlace & { settings: ValuesOf<Settings> }): RunnableKind<Input>['run'];
}

/** Declares a kind; the types of input, result and settings follow from its schemas. */
export function defineKind<Input, Result, Settings extends SettingTree = SettingTree>(
  kind: KindDefinition<Input, Result, Settings>,
): KindDefinition<Input, Result, Settings> {
  if (!/^[a-z][a-z0-9-]*$/.test(kind.name)) throw new Error(`"${kind.name}" is no name for a kind`);
  return Object.freeze(kind);
}

export function createKindRegistry<Known extends Kind>(kinds: readonly Known[]): KindRegistry<Known> {
  const byName = new Map(kinds.map((kind) => [kind.name, kind]));
  if (byName.size < kinds.length) throw new Error('two kinds have one name');
  return { names: [...byName.keys()], list: kinds, get: (name) => byName.get(name) };
}

/**
 * The kinds, ready to do jobs in this process.
 * @param settings values of the settings of each kind, by its name
 */
export function openKinds(
  kinds: readonly KindDefinition[],
  place: KindPlace,
  settings: Readonly<Record<string, unknown>>,
): KindRegistry<RunnableKind> {
  return createKindRegistry(
    kinds.map((kind) => {
      const own = (settings[kind.name] ?? {}) as ValuesOf<SettingTree>;
      return { ...kind, run: kind.createRun({ ...place, settings: own }) };
    }),
  );
}
