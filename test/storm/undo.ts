import type { Statement } from '../../src/adapters/store/database.ts';

/** One rule of the moves, and how the text of the statements that follow it is without it. */
interface Undoing {
  /** What the oracle then has to find. */
  finds: RegExp;
  edits: readonly (readonly [from: string, to: string])[];
}

/**
 * Rules that hold only while many act at once, so no other test would miss them. Each is taken back in the statements as
 * they are sent, to see that the oracle finds what follows.
 */
export const undoings = {
  'lanes counted from what was granted': {
    finds: /lanes that miscount/,
    edits: [
      [
        `select key, count(*) as n from granted cross join lateral unnest(lanes) l (key) where lanes <> '{}' group by key`,
        'select key, count(*) as n from ranked group by key',
      ],
    ],
  },
  'lanes locked before they are counted': {
    finds: /over the capacity of a lane/,
    edits: [
      [
        'select key, capacity - taken as free from lanes where key = any(array(select key from wanted)) order by key for update',
        'select key, capacity - taken as free from lanes where key = any(array(select key from wanted))',
      ],
    ],
  },
  'a cancel beats a retry by policy': {
    finds: /tried again by policy though a cancel was asked for/,
    edits: [
      ['and r.cancel_requested_at is null as is_tried_again', 'as is_tried_again'],
      [
        `case when i.next in ('queued', 'scheduled') and r.cancel_requested_at is not null then 'cancelled' else i.next end as next`,
        'i.next as next',
      ],
    ],
  },
  'a cancel asks again for what moved': {
    finds: /a cancel missed it/,
    edits: [
      [
        'select id from jobs where id = any($1::bigint[]) and not exists (',
        'select id from jobs where id = any($1::bigint[]) and false and not exists (',
      ],
    ],
  },
  'whoever brings a job writes to places': {
    finds: /after its drain was answered|a drain counted less/,
    edits: [
      ['insert into places (queue, needs) select queue, needs from incoming where false', 'select'],
      ['insert into places (queue, needs) select queue, needs from allowed where false', 'select'],
      ['lock table places in row exclusive mode', 'select'],
    ],
  },
  'a removal locks the job first': {
    finds: /while they waited or ran|kept jobs were removed|jobs in no table|without their job|40P01/,
    edits: [['select from jobs where id = $1 for update', 'select from jobs where id = $1']],
  },
  'a submit is claimed only where nothing waits': {
    finds: /claimed past a job that could have begun/,
    edits: [
      [
        `select from queued c where c.state = 'queued' and c.place = o.id and c.kind = any($6::text[]) limit 1`,
        'select from queued c where false',
      ],
    ],
  },
  'a submit is claimed only where nothing waits in any place of the worker': {
    finds: /claimed past a job that could have begun/,
    edits: [
      [
        `where (o.queue = any($4::text[]) or '*' = any($4::text[])) and o.needs <@ $5::text[]
      offset 0`,
        'where o.id = p.id offset 0',
      ],
    ],
  },
  'a submit is not claimed while its queue pauses': {
    finds: /claimed past the pause of its queue/,
    edits: [['where not q.paused and (r.queue', 'where (r.queue']],
  },
  'a submit is not claimed where it counts in a limit': {
    finds: /run without a lane they need/,
    edits: [['and not exists (select from lanes l where l.key = any(r.lanes) offset 0)', '']],
  },
  'running attempts are locked in order': {
    finds: /40P01/,
    edits: [
      [
        'from running where job_id = any($1::bigint[]) order by job_id for update',
        'from running where job_id = any($1::bigint[]) order by random() for update',
      ],
      [
        'select job_id from running where worker_id = $1 order by job_id for update',
        'select job_id from running where worker_id = $1 order by random() for update',
      ],
      [
        'from json_to_recordset($1::json) as i ("jobId" bigint, token uuid, progress jsonb)',
        'from (select * from json_to_recordset($1::json) as i ("jobId" bigint, token uuid, progress jsonb) order by random()) i',
      ],
    ],
  },
  'the feed waits for whoever has begun': {
    finds: /the feed never told/,
    edits: [['a.backend_xid is not null\n  ', 'false\n  ']],
  },
} as const satisfies Record<string, Undoing>;

export type UndoName = keyof typeof undoings;
export const undoNames = Object.keys(undoings) as UndoName[];

/** Sends statements without one rule. */
export class Undo {
  readonly #undoing: Undoing;
  readonly #met = new Set<string>();

  constructor(name: UndoName) {
    this.#undoing = undoings[name];
  }

  rewrite(statement: Statement): Statement {
    let { text } = statement;
    for (const [from, to] of this.#undoing.edits) {
      if (!text.includes(from)) continue;
      this.#met.add(from);
      text = text.replaceAll(from, () => to);
    }
    return { ...statement, text };
  }

  /** @throws when a statement that should have been changed was never sent: its text is another one by now */
  requireAll(): void {
    const missed = this.#undoing.edits.filter(([from]) => !this.#met.has(from));
    if (missed.length > 0)
      throw new Error(`no statement has this text: ${missed.map(([from]) => from).join('; ')}`);
  }
}
