import { isSqlError } from '../sqlstates.ts';
import type { Database, Queryable } from '../database.ts';
import { Conditions } from '../jobs/conditions.ts';
import { isInState, jobsInStates } from '../jobs/in-states.ts';
import type { Driver, FilterPlan } from './filter-plan.ts';
import type { Condition } from './key-conditions.ts';
import {
  addBehind,
  addWindow,
  edgeAt,
  inOrder,
  microsOf,
  type Order,
  type Position,
  positionOf,
  type Window,
} from './position.ts';
import { windowsBehind } from './windows.ts';

export interface FindRequest {
  plan: FilterPlan;
  /** Further conditions on `job`: plain filters, and what the actor may see. */
  restrict(conditions: Conditions): void;
  order: Order;
  behind: Position | null;
  /** Nothing outside of this span is wanted, so nothing there is looked at. */
  span: Window;
  limit: number;
  budgetMs: number;
  /** Where the partitions of the words meet, in microseconds, oldest first. */
  edges: readonly string[];
  /** Words that many jobs have. */
  common: readonly string[];
  steps: SearchSteps;
}

/** How much is looked at first. */
export interface SearchSteps {
  /** Jobs that are walked. */
  rows: number;
  /** Of what the index of words found in a window, how many are checked. */
  candidates: number;
}

export interface FoundPositions {
  positions: Position[];
  /** Where the search stopped for want of time; null when it came to the end or found enough. */
  reached: Position | null;
}

const maxRows = 64_000;
const maxNarrow = 3_000;

/**
 * Finds jobs in the order of the diary, in the cheapest of three ways, and never for longer than it may.
 *
 * *Direct*: conditions that an index in this order answers (owner, state, assessment …) are one statement.
 *
 * *Walk*: the next jobs in order are looked at one by one. What is common fills a page after some hundred or thousand.
 * When some other condition has an index that leaves few jobs, all of these are looked at instead.
 *
 * *Windows*: what a walk did not find enough of is rare there, so the GIN index of words is asked, partition by
 * partition: one, then two, four … at a time, so that an absent word costs few round trips. Of what it finds in a window
 * the next few hundred in order are checked against the other conditions, four times as many at each further step. Words
 * that are common, by the statistics of the database, are not worth asking for, see `#lookupOf`.
 *
 * What no index helps with goes on walking, twice as far at each step. When the time is up, the answer is what was found
 * and how far the search came. A walk is made in any case, so every answer comes further than the last.
 */
export async function findPositions(db: Database, request: FindRequest): Promise<FoundPositions> {
  const search = new Search(request);
  if (!request.plan.isDirect) await search.walkWhileDense(db);
  if (!search.isDone) {
    try {
      await db.transaction(async (tx) => {
        await tx.query(
          `select set_config('enable_seqscan', 'off', true), set_config('statement_timeout', $1, true)`,
          [String(Math.max(1, Math.ceil(request.budgetMs)))],
        );
        await search.goOn(tx);
      });
    } catch (error) {
      if (!isSqlError(error, 'queryCanceled')) throw error;
      // No direct way after all.
      if (request.plan.isDirect) await search.walk(db, request.steps.rows);
    }
  }
  return search.result;
}

/** What the index of words is asked for, and what is looked for in the rows it gives. As tsquery. */
interface Lookup {
  wanted: string;
  checked: string | null;
}

interface Step {
  lookup: Lookup;
  window: Window;
  candidates: number;
}

/** A position, and beside the first of them the last row that was looked at; alone when nothing was found. */
type Found = { micros: string | null; id: string; last: Position | null };

class Search {
  readonly #request: FindRequest;
  readonly #deadline: number;
  readonly #found: Position[] = [];
  #isAtEnd = false;
  /** Everything up to here was looked at. */
  #reached: Position | null;

  constructor(request: FindRequest) {
    this.#request = request;
    this.#deadline = performance.now() + request.budgetMs;
    this.#reached = request.behind ?? this.#start;
  }

  /** In front of the first job of the span; null: of the diary. */
  get #start(): Position | null {
    const { order, span } = this.#request;
    const near = order === 'newest' ? span.until : span.from;
    return near === null ? null : edgeAt(near, order);
  }

  get isDone(): boolean {
    return this.#isAtEnd || this.#found.length >= this.#request.limit;
  }

  get result(): FoundPositions {
    return { positions: this.#found, reached: this.isDone ? null : this.#reached };
  }

  async goOn(tx: Queryable): Promise<void> {
    const { plan, steps } = this.#request;
    const { isDirect, driver } = plan;
    if (isDirect) return this.#readDirectly(tx);
    const narrow = await this.#countNarrow(tx);
    if (narrow === 0) {
      this.#isAtEnd = true;
      return;
    }
    if (narrow <= maxNarrow) return this.#readNarrow(tx);
    const lookup = driver && (await this.#lookupOf(tx, driver.queries));
    if (driver && lookup) return this.#readWindows(tx, driver, lookup);
    for (let rows = 4 * steps.rows; !this.#isOver; rows = Math.min(2 * rows, maxRows)) {
      await this.walk(tx, rows);
    }
  }

  /** Walks on for as long as that seems to fill the page with a few thousand rows more. */
  async walkWhileDense(db: Queryable): Promise<void> {
    const { steps, limit } = this.#request;
    const most = 4 * steps.rows;
    let walked = 0;
    for (let rows = steps.rows; rows > 0 && walked + rows <= most;) {
      await this.walk(db, rows);
      if (this.isDone) return;
      walked += rows;
      const count = this.#found.length;
      rows = count === 0 ? 0 : Math.ceil((1.2 * (limit - count) * walked) / count);
    }
  }

  /** Looks at the next rows in order; where words are read, within the next three of their partitions. */
  async walk(db: Queryable, count: number): Promise<void> {
    const { order, edges } = this.#request;
    const [, near = open] = this.#readsWords ? windowsBehind(edges, order, this.#reached) : [];
    const window = order === 'newest' ? { ...open, from: near.from } : { ...open, until: near.until };
    const inner = new Conditions();
    addBehind(inner, 'job.submitted_at, job.id', order, this.#reached);
    addWindow(inner, 'job.submitted_at', window);
    const { states } = this.#request.plan;
    const source = jobsInStates(
      { states, where: inner.text },
      `order by ${inOrder('job', order)} limit ${count}`,
    );
    const outer = new Conditions(inner.values);
    const found = this.#statement(source, { conditions: outer, window });
    // In one statement: jobs leave a state at any moment, and then the last of so many rows is another one.
    const rows = await db.query<Found>(
      `with found as materialized (${found})
       select f.*, case when (select count(*) from found) < ${outer.value(this.#missing)} then (
         select ${asPosition('job')} from ${source} order by ${inOrder('job', order)} offset ${count - 1} limit 1
       ) end as last
       from (select) as always left join found f on true`,
      outer.values,
    );
    const last = this.#take(rows);
    if (this.isDone) return;
    this.#passed(last, window);
  }

  /** How many jobs the indexed conditions leave, as far as it matters. */
  async #countNarrow(tx: Queryable): Promise<number> {
    const { narrow, states } = this.#request.plan;
    if (narrow.length === 0 && states === null) return Infinity;
    const conditions = new Conditions();
    for (const { sql, values } of narrow) conditions.add(sql, ...values);
    const [row] = await tx.query<{ count: number }>(
      `select count(*) from ${this.#jobs(conditions, `limit ${maxNarrow + 1}`)}`,
      conditions.values,
    );
    return row?.count ?? 0;
  }

  async #readDirectly(tx: Queryable): Promise<void> {
    const { plan, restrict, order, limit } = this.#request;
    const conditions = new Conditions();
    addBehind(conditions, 'job.submitted_at, job.id', order, this.#reached);
    for (const { sql, values } of plan.conditions) conditions.add(sql, ...values);
    restrict(conditions);
    const inDiary = `order by ${inOrder('job', order)}`;
    const jobs = this.#jobs(conditions, `${inDiary} limit ${limit}`);
    this.#add(
      await tx.query<Position>(`select ${positionOf('job')} from ${jobs} ${inDiary}`, conditions.values),
    );
    this.#isAtEnd = true;
  }

  async #readNarrow(tx: Queryable): Promise<void> {
    const inner = new Conditions();
    addBehind(inner, 'job.submitted_at, job.id', this.#request.order, this.#reached);
    for (const { sql, values } of this.#request.plan.narrow) inner.add(sql, ...values);
    // A fence: other conditions must not lead the planner another way.
    const jobs = this.#jobs(inner, 'offset 0');
    const outer = new Conditions(inner.values);
    this.#add(
      await tx.query<Position>(this.#statement(jobs, { conditions: outer, window: open }), outer.values),
    );
    this.#isAtEnd = true;
  }

  #jobs(conditions: Conditions, rest: string): string {
    const { states, areInOrder } = this.#request.plan;
    return jobsInStates({ states, where: conditions.text, areInOrder }, rest);
  }

  async #readWindows(tx: Queryable, driver: Driver, lookup: Lookup): Promise<void> {
    const { order, edges, steps } = this.#request;
    for (const window of windowsBehind(edges, order, this.#reached)) {
      let last: Position | null = null;
      let { candidates } = steps;
      do {
        if (this.#isOver) return;
        last = await this.#readWindow(tx, driver, { lookup, window, candidates });
        if (this.isDone) return;
        this.#passed(last, window);
        candidates *= 4;
      } while (last);
    }
  }

  /**
   * The index decodes all places of every word it is asked for, so it is asked for the rare ones alone, and the common ones
   * are looked for in the rows it finds. Null when all are common.
   */
  async #lookupOf(tx: Queryable, queries: readonly string[]): Promise<Lookup | null> {
    const [row] = await tx.query<{ rare: string | null; common: string | null }>(
      `select string_agg(q, ' & ') filter (where not isCommon) as rare, string_agg(q, ' & ') filter (where isCommon) as common
       from unnest($1::text[]) q, lateral (select array_to_tsvector($2::text[]) @@ q::tsquery as isCommon) c`,
      [queries, this.#request.common],
    );
    return row?.rare ? { wanted: row.rare, checked: row.common } : null;
  }

  /** Checks the next candidates of a window; the last of them, when there may be more. */
  async #readWindow(tx: Queryable, driver: Driver, step: Step): Promise<Position | null> {
    const { window, candidates } = step;
    const conditions = new Conditions();
    const source = this.#candidates(driver, step, conditions);
    const { states } = this.#request.plan;
    if (states) conditions.add(isInState(states));
    const found = this.#statement(
      'candidates c join job_rows job on job.id = c.id and job.submitted_at = c.submitted_at',
      {
        conditions,
        window,
        required: driver.residual,
      },
    );
    const order = inOrder('candidates', this.#request.order);
    const rows = await tx.query<Found>(
      `with candidates as materialized (${source}), found as (${found})
       select f.*, (
         select ${asPosition('candidates')} from candidates order by ${order} offset ${candidates - 1} limit 1
       ) as last
       from (select) as always left join found f on true`,
      conditions.values,
    );
    return this.#take(rows);
  }

  /** Jobs of a window that the words, or a column, say may fit. */
  #candidates({ columns }: Driver, { lookup, window, candidates }: Step, conditions: Conditions): string {
    const { order } = this.#request;
    const words = `(select w.id, w.submitted_at from ${this.#findWords({ lookup, window, candidates }, conditions)} w)`;
    if (columns.length === 0) return words;
    const others = columns.map(({ sql, values, states = null }) => {
      const own = new Conditions(conditions.values);
      if (states === null) own.add(sql, ...values);
      addWindow(own, 'job.submitted_at', window);
      addBehind(own, 'job.submitted_at, job.id', order, this.#reached);
      const rest = `order by ${inOrder('job', order)} limit ${candidates}`;
      return `(select job.id, job.submitted_at from ${jobsInStates({ states, where: own.text }, rest)})`;
    });
    return `select either.* from (${[words, ...others].join(' union ')}) either order by ${inOrder('either', order)} limit ${candidates}`;
  }

  #findWords({ lookup, window, candidates }: Step, conditions: Conditions): string {
    const { order } = this.#request;
    const isNewest = order === 'newest';
    const behind = this.#reached ?? { micros: isNewest ? 'Infinity' : '-Infinity', id: '0' };
    const at = (micros: string): string => `to_timestamp(${conditions.value(micros)}::float8 / 1000000)`;
    const { wanted, checked } = lookup;
    return `find_words(${conditions.value(wanted)}::tsquery, ${conditions.value(checked)}::tsquery,
      ${at(window.from ?? '-Infinity')}, ${at(window.until ?? 'Infinity')},
      ${at(behind.micros)}, ${conditions.value(behind.id)}::bigint, ${isNewest}, ${candidates})`;
  }

  /** Positions of the rows `job` that `source` gives and the filter fits, in order. */
  #statement(
    source: string,
    options: { conditions: Conditions; window: Window; required?: readonly Condition[] },
  ): string {
    const { plan, restrict, order } = this.#request;
    const { conditions, window, required = plan.conditions } = options;
    for (const { sql, values } of required) conditions.add(sql, ...values);
    restrict(conditions);
    const words = required.some(({ readsWords }) => readsWords) ? lookUpWords(conditions, window) : '';
    return `select ${positionOf('job')} from ${source} ${words}
      where ${conditions.text} order by ${inOrder('job', order)} limit ${conditions.value(this.#missing)}`;
  }

  get #readsWords(): boolean {
    return this.#request.plan.conditions.some(({ readsWords }) => readsWords);
  }

  get #missing(): number {
    return this.#request.limit - this.#found.length;
  }

  get #isOver(): boolean {
    return this.isDone || performance.now() >= this.#deadline;
  }

  /** @returns the last row that was looked at, when there may be more */
  #take(rows: readonly Found[]): Position | null {
    this.#add(rows.flatMap(({ micros, id }) => (micros === null ? [] : { micros, id })));
    return rows[0]?.last ?? null;
  }

  #add(rows: readonly Position[]): void {
    this.#found.push(...rows);
  }

  #passed(last: Position | null, window: Window): void {
    const { order } = this.#request;
    const far = order === 'newest' ? window.from : window.until;
    if (last) this.#reached = last;
    else if (far !== null) this.#reached = edgeAt(far, order);
    else this.#isAtEnd = true;
    if (this.#isBehindSpan) this.#isAtEnd = true;
  }

  get #isBehindSpan(): boolean {
    const { order, span } = this.#request;
    const far = order === 'newest' ? span.from : span.until;
    if (far === null || this.#reached === null) return false;
    const micros = BigInt(this.#reached.micros);
    return order === 'newest' ? micros < BigInt(far) : micros >= BigInt(far);
  }
}

/** Row by row through the primary key: as a join the planner may read the index of words instead, wrongly estimated. */
function lookUpWords(conditions: Conditions, window: Window): string {
  const bounds = new Conditions(conditions.values);
  addWindow(bounds, 'x.submitted_at', window);
  return `cross join lateral (
    select x.words from job_words x where x.job_id = job.id and x.submitted_at = job.submitted_at and ${bounds.text} offset 0
  ) w`;
}

/** SQL for the position of a row as one value. */
function asPosition(alias: string): string {
  return `json_build_object('micros', ${microsOf(`${alias}.submitted_at`)}, 'id', ${alias}.id::text)`;
}

const open: Window = { from: null, until: null };
