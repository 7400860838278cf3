import type { NewCapsule } from '../../../domain/again/capsule-ports.ts';
import type { Queryable } from '../database.ts';

/** A capsule as a statement takes it. */
interface CapsuleRow {
  scriptSha256: string | undefined;
  capsule: object;
}

export function toCapsuleRow({ jobId: _jobId, attempt: _attempt, script, ...facts }: NewCapsule): CapsuleRow {
  const { text: _text, ...file } = script ?? { text: null };
  return { scriptSha256: script?.sha256, capsule: { ...facts, script: script && file } };
}

/**
 * A step of a statement: keeps the capsules of attempts whose rows another step has locked or taken.
 * @param source that step, with `job_id`, `number`, and the members of a capsule where there is one
 */
export function capsulesStep(source: string): string {
  return `
capsules_kept as (
  insert into capsules (job_id, attempt, script_sha256, facts)
  select job_id, number, decode("scriptSha256", 'hex'), capsule from ${source} where capsule is not null
  on conflict do nothing
)`;
}

/** Rows in order of hash, so that two workers that start the same scripts do not wait in a circle. */
const textsStatement = {
  name: 'save-script-texts',
  text: `
insert into script_texts (sha256, text)
select decode(sha256, 'hex'), text from json_to_recordset($1::json) as i (sha256 text, text text) order by 1
on conflict do nothing`,
};

/** Hashes remembered: most attempts run a script that ran before. */
const maxKnown = 1_000;

/** The texts of scripts, each stored once. */
export class ScriptTexts {
  readonly #db: Queryable;
  /** Hashes of texts that this process has stored. */
  readonly #known = new Set<string>();

  constructor(db: Queryable) {
    this.#db = db;
  }

  /** Stores those that capsules refer to; before the capsules. */
  async save(capsules: readonly NewCapsule[]): Promise<void> {
    const texts = new Map<string, string>();
    for (const { script } of capsules)
      if (script && script.text !== null && !this.#known.has(script.sha256))
        texts.set(script.sha256, script.text);
    if (texts.size === 0) return;
    const rows = [...texts].map(([sha256, text]) => ({ sha256, text }));
    await this.#db.query(textsStatement, [JSON.stringify(rows)]);
    if (this.#known.size > maxKnown) this.#known.clear();
    for (const { sha256 } of rows) this.#known.add(sha256);
  }
}

/** The row of the attempt is locked: a removal of its job waits for that, and then sees the capsule. */
const capsulesStatement = {
  name: 'save-capsules',
  text: `
insert into capsules (job_id, attempt, script_sha256, facts)
select i."jobId", i.attempt, decode(i."scriptSha256", 'hex'), i.capsule
from json_to_recordset($1::json) as i ("jobId" bigint, attempt integer, "scriptSha256" text, capsule json)
join attempts a on a.job_id = i."jobId" and a.number = i.attempt
for key share of a
on conflict do nothing`,
};

/** By themselves: neither with the start of their attempts nor with the end. */
export async function saveCapsules(db: Queryable, capsules: readonly NewCapsule[]): Promise<void> {
  if (capsules.length === 0) return;
  const rows = capsules.map((capsule) => ({
    jobId: capsule.jobId,
    attempt: capsule.attempt,
    ...toCapsuleRow(capsule),
  }));
  await db.query(capsulesStatement, [JSON.stringify(rows)]);
}
