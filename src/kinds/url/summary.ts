import type { Verdict } from '../../contract/job.ts';
import type { UrlResult, UrlTest } from './contract/url-test.ts';
import type { KindOutcome } from '../../domain/jobs/kind-ports.ts';

const mostSlowest = 10;
const mostFailures = 100;

export interface Counted {
  number: number;
  url: string;
  verdict: Verdict;
  /** False: nothing is known of the site. */
  isConclusive: boolean;
  ms: number | null;
  /** Of a job with a single URL. */
  test?: UrlTest | null;
}

/** Counts tests as they end; of each it keeps little more than its time. */
export class Summary {
  readonly total: number;
  readonly #repeated: number;
  readonly #tones = { good: 0, warn: 0, bad: 0 };
  readonly #times: number[] = [];
  #notTested = 0;
  #slowest: UrlResult['slowest'] = [];
  #failures: UrlResult['failures'] = [];
  #test: UrlTest | null = null;
  #only: Verdict | null = null;

  constructor(total: number, repeated: number) {
    this.total = total;
    this.#repeated = repeated;
  }

  get counted(): number {
    const { good, warn, bad } = this.#tones;
    return good + warn + bad + this.#notTested;
  }

  count({ number, url, verdict, isConclusive, ms, test = null }: Counted): void {
    this.#only = verdict;
    this.#test = test;
    // A refusal of ours is somebody's mistake, and has to be seen.
    if (!isConclusive && verdict.tone !== 'bad') {
      this.#notTested += 1;
      return;
    }
    this.#tones[verdict.tone] += 1;
    if (ms !== null) {
      this.#times.push(ms);
      if (this.#slowest.length < mostSlowest || ms > (this.#slowest.at(-1)?.ms ?? 0))
        this.#slowest = [...this.#slowest, { number, url, ms }]
          .sort((a, b) => b.ms - a.ms)
          .slice(0, mostSlowest);
    }
    if (verdict.tone === 'bad' && this.#failures.length < mostFailures)
      this.#failures.push({ number, url, verdict: verdict.text });
  }

  get result(): UrlResult {
    const times = this.#times.toSorted((a, b) => a - b);
    return {
      tests: this.counted,
      repeated: this.#repeated,
      ...this.#tones,
      notTested: this.#notTested,
      medianMs: times[Math.floor(times.length / 2)] ?? null,
      p95Ms: times[Math.ceil(times.length * 0.95) - 1] ?? null,
      slowest: this.#slowest,
      failures: this.#failures.toSorted((a, b) => a.number - b.number),
      test: this.#test,
    };
  }

  get outcome(): KindOutcome {
    const verdict = this.#verdict;
    const { bad } = this.#tones;
    if (bad === 0 && this.#notTested > 0)
      return {
        state: 'finished',
        message:
          this.#test?.problems.join(' ') || `${this.#notTested} of ${this.total} URLs could not be tested.`,
        verdict,
      };
    if (bad === 0) return { state: 'succeeded', verdict };
    const [first] = this.#failures;
    const code = this.#test?.error?.code ?? '';
    return {
      state: 'failed',
      // For whoever waits for the job in a shell.
      exitCode: 1,
      // Asking once more would be refused once more.
      reason: refusals.has(code) ? 'rejected' : 'error',
      message:
        this.#test?.problems.join(' ') ??
        `${bad} of ${this.total} URLs failed; ${first?.url}: ${first?.verdict}.`,
      verdict,
    };
  }

  get #verdict(): Verdict {
    if (this.total === 1 && this.#only) return this.#only;
    const { good, warn, bad } = this.#tones;
    if (bad > 0) return { text: `${bad} of ${this.total} bad`, tone: 'bad' };
    if (this.#notTested > 0) return { text: `${this.#notTested} of ${this.total} not tested`, tone: 'warn' };
    return warn > 0 ? { text: 'degraded', tone: 'warn' } : { text: `${good} good`, tone: 'good' };
  }
}

const refusals: ReadonlySet<string> = new Set(['REFUSED_ADDRESS', 'INVALID_URL']);
