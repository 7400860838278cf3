import type { Kind, KindRegistry } from '../domain/jobs/kind-ports.ts';

/** Declares a kind; the types of input and result follow from its schemas. */
export function defineKind<Input, Result>(kind: Kind<Input, Result>): Kind<Input, Result> {
  if (!/^[a-z][a-z0-9-]*$/.test(kind.name)) throw new Error(`"${kind.name}" is no name for a kind`);
  return Object.freeze(kind);
}

export function createKindRegistry(kinds: readonly Kind[]): KindRegistry {
  const byName = new Map(kinds.map((kind) => [kind.name, kind]));
  if (byName.size < kinds.length) throw new Error('two kinds have one name');
  return { names: [...byName.keys()], list: kinds, get: (name) => byName.get(name) };
}
