import type { Verdict } from '../../contract/job.ts';
import type { UrlResult, UrlTest } from './contract/url-test.ts';
import type { KindOutcome } from '../../domain/jobs/kind-ports.ts';

const mostSlowest = 10;
const mostFailures = 100;

export interface Counted {
  number: number;
  url: string;
  verdict: Verdict;
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
    return good + warn + bad;
  }

  count({ number, url, verdict, ms, test = null }: Counted): void {
    this.#tones[verdict.tone] += 1;
    this.#only = verdict;
    this.#test = test;
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
      medianMs: times[Math.floor(times.length / 2)] ?? null,
      p95Ms: times[Math.ceil(times.length * 0.95) - 1] ?? null,
      slowest: this.#slowest,
      failures: this.#failures.toSorted((a, b) => a.number - b.number),
      test: this.#test,
    };
  }

  get outcome(): KindOutcome {
    const { good, warn, bad } = this.#tones;
    const verdict =
      this.total === 1 && this.#only
        ? this.#only
        : {
            text: bad > 0 ? `${bad} of ${this.total} bad` : warn > 0 ? 'degraded' : `${good} good`,
            tone: bad > 0 ? ('bad' as const) : warn > 0 ? ('warn' as const) : ('good' as const),
          };
    if (bad === 0) return { state: 'succeeded', verdict };
    const [first] = this.#failures;
    const code = this.#test?.error?.code;
    return {
      state: 'failed',
      // For whoever waits for the job in a shell.
      exitCode: 1,
      // Asking once more would be refused once more.
      reason: code === 'REFUSED_ADDRESS' ? 'rejected' : 'error',
      message:
        this.#test?.problems.join(' ') ??
        `${bad} of ${this.total} URLs failed; ${first?.url}: ${first?.verdict}.`,
      verdict,
    };
  }
}
