/**
 * What a URL test is asked and what it tells. One job tests one URL or a list; each URL (and address family, where both
 * are asked) is one *part* of the job with a verdict of its own: see `contract/part.ts`.
 *
 * The state of the job follows what was expected: it is `failed` when a URL was not as expected, so that filters, the
 * exit code of a waiting command, dependants and notifications need to know nothing about URLs. The verdict says what
 * came: `200 OK` (good), `degraded` (warn: right, but slow or cut), `404 Not Found`, `name not found` (bad).
 */
import { z } from 'zod';
import { plainText } from '../../../contract/plain-text.ts';
import { secretReference } from '../../../contract/secret.ts';
import { tones } from '../../../contract/states.ts';
import { findStatusProblem, normalizeUrl } from './url-text.ts';

const ms = z.int().min(1).max(600_000);

const urlText = plainText
  .max(8_000)
  // So that a form shows one line.
  .regex(/^[^\r\n]*$/, 'expected one line')
  .transform((text, context) => {
    const read = normalizeUrl(text);
    if ('url' in read) return read.url;
    context.addIssue({ code: 'custom', message: read.problem });
    return z.NEVER;
  })
  .describe('`http://` is assumed; only http and https.');

const headerText = plainText.regex(/^[\t\x20-\x7e\x80-\xff]*$/, 'contains what no header may contain');
const headerSecret = secretReference.extend({
  prefix: headerText.max(200).optional().describe('In front of the value: `Bearer `.'),
});

/** Characters of an address as somebody wrote it. */
export const mostGiven = 8_000;

const expectedText = plainText.min(1).max(2_000);

const ofLongBodies =
  'Only the first MiB of a body is looked at, unpacked; what the rest would decide is not tested.';

export const urlExpectation = z.strictObject({
  status: plainText
    .max(200)
    .superRefine((text, context) => {
      const problem = findStatusProblem(text);
      if (problem) context.addIssue({ code: 'custom', message: problem });
    })
    .default('200-399')
    .describe('Statuses, classes and ranges by commas: `2xx`, `200,301`, `200-299`.'),
  maxMs: ms.optional().describe('Slower than this fails, in milliseconds.'),
  slowMs: ms.optional().describe('Slower than this is degraded, in milliseconds.'),
  headers: z
    .array(z.strictObject({ name: expectedText, contains: plainText.max(2_000).default('') }))
    .max(50)
    .default([])
    .describe('Headers the answer must have, and text that each must contain.'),
  bodyContains: z
    .array(expectedText)
    .max(50)
    .default([])
    .describe(`Texts that the body must contain. ${ofLongBodies}`),
  bodyLacks: z.array(expectedText).max(50).default([]).describe('Texts that the body must not contain.'),
  bodyMatches: z
    .array(
      expectedText.refine(
        isPattern,
        'expected a regular expression of JavaScript, without slashes around it',
      ),
    )
    .max(20)
    .default([])
    .describe(`Regular expressions that must match somewhere in the body. ${ofLongBodies}`),
  json: z
    .array(
      z.strictObject({
        path: expectedText.describe('JSONPath (RFC 9535): `$.status`.'),
        equals: z
          .unknown()
          .refine(isExact, 'is a number with more digits than are compared; write it in quotes')
          .describe(
            'What one of the values there must be. A whole number beyond 2^53 is written in quotes, and compared by its digits.',
          ),
      }),
    )
    .max(50)
    .default([])
    .describe(`Values that the body, read as JSON, must have. ${ofLongBodies}`),
  certificateDays: z
    .int()
    .min(0)
    .max(10_000)
    .optional()
    .describe('Days for which each certificate of the chain must still be valid.'),
  redirectTo: urlText.optional().describe('Where redirects must lead.'),
});
export type UrlExpectation = z.infer<typeof urlExpectation>;

export const urlMethods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;

export const urlTimeouts = z.strictObject({
  dnsMs: ms.default(5_000),
  connectMs: ms.default(10_000),
  tlsMs: ms.default(10_000),
  firstByteMs: ms.default(30_000).describe('From the request to the whole of the headers.'),
  totalMs: ms.default(60_000).describe('One try, all redirects and the body included.'),
});
export type UrlTimeouts = z.infer<typeof urlTimeouts>;

export const urlInput = z
  .strictObject({
    urls: z
      .array(urlText)
      .max(10_000)
      .default([])
      .describe('What to test; each once, however often it is listed.'),
    asGiven: plainText
      .max(mostGiven)
      .optional()
      .describe(
        'One more address, tested and shown as it was written. What is no URL is a failed test instead of a refused submit, for clients that read no answers.',
      ),
    sitemap: urlText.optional().describe('A sitemap.xml or an index of some; tests the pages it lists, too.'),
    method: z.enum(urlMethods).default('GET'),
    headers: z
      .array(
        z.tuple([
          plainText
            .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}$/, 'expected the name of a header')
            .describe('Name'),
          z.union([headerText.max(8_000), headerSecret]).describe('Value'),
        ]),
      )
      .max(100)
      .default([])
      .describe(
        'Sent along, but to no origin that only a redirect or a sitemap leads to. A value may be a named secret: `{"secret": "name", "prefix": "Bearer "}`.',
      ),
    body: z
      .union([plainText.max(1_000_000), secretReference])
      .optional()
      .describe('It may be a named secret, too: `{"secret": "name"}`.'),
    expect: urlExpectation.prefault({}),
    tries: z.int().min(1).max(10).default(3).describe('Tries in all until a test is as expected.'),
    pauseMs: z
      .int()
      .min(0)
      .max(60_000)
      .default(500)
      .describe('Pause before the second try; doubles with each. `Retry-After` is obeyed up to 30 s.'),
    timeouts: urlTimeouts.prefault({}).describe('Limits in milliseconds.'),
    maxRedirects: z.int().min(0).max(20).default(10).describe('0: redirects are not followed.'),
    httpVersion: z
      .enum(['auto', '1.1', '2'])
      .default('auto')
      .describe('auto: what the server offers. 2: every https answer and the last one must come by HTTP/2.'),
    addressFamily: z
      .enum(['auto', '4', '6', 'both'])
      .default('auto')
      .describe('both: each URL is tested over IPv4 and over IPv6, reported apart.'),
    verifyCertificate: z.boolean().default(true),
    maxBodyBytes: z
      .int()
      .min(1_024)
      .max(1_073_741_824)
      .default(10_485_760)
      .describe('A longer body is left there, and the test is degraded.'),
    concurrency: z.int().min(1).max(100).default(20).describe('Tests at once.'),
    perHost: z.int().min(1).max(100).default(6).describe('Tests at once on one host.'),
    hostIntervalMs: z.int().min(0).max(60_000).default(0).describe('Between two tests of one host.'),
  })
  .refine(({ urls, asGiven, sitemap }) => urls.length > 0 || (asGiven ?? sitemap) !== undefined, {
    message: 'expected at least one URL, or a sitemap',
    path: ['urls'],
  });
export type UrlInput = z.infer<typeof urlInput>;

/** Milliseconds; null: that phase was not reached, or there is none (no name to resolve, no TLS). */
export const urlPhases = z.object({
  dns: z.number().nullable(),
  connect: z.number().nullable(),
  tls: z.number().nullable(),
  firstByte: z.number().nullable().describe('From the request to the first byte of the answer.'),
  body: z.number().nullable().describe('From the first byte to the last one that was read.'),
});
export type UrlPhases = z.infer<typeof urlPhases>;

export const urlCertificate = z.object({
  subject: z.string(),
  issuer: z.string(),
  validFrom: z.string(),
  validTo: z.string(),
  daysLeft: z.int().describe('Negative: expired so many days ago.'),
  names: z.array(z.string()).describe('Hosts it stands for.'),
  isVerified: z
    .boolean()
    .optional()
    .describe(
      'Part of the path that was verified. Trusted roots, and what else was sent, are told only. Tests of earlier versions do not say.',
    ),
  sha256: z.string(),
});
export type UrlCertificate = z.infer<typeof urlCertificate>;

export const urlHop = z.object({
  url: z.string(),
  method: z.string(),
  phases: urlPhases,
  address: z.string().nullable().describe('The address that was connected to.'),
  decision: z.string().nullable().describe('Why that address might be reached, or might not.'),
  protocol: z.string().nullable().describe('`HTTP/1.1` or `HTTP/2`.'),
  tls: z.string().nullable().describe('`TLSv1.3, TLS_AES_256_GCM_SHA384`.'),
  certificates: z.array(urlCertificate).describe('The chain as the server sent it, its own first.'),
  certificateProblem: z.string().nullable(),
  status: z.int().nullable(),
  statusText: z.string(),
  location: z.string().nullable().describe('Where it redirects.'),
  bytes: z.int().describe('Of the body, as they came over the wire.'),
  isCut: z.boolean().describe('The body was longer than its limit.'),
});
export type UrlHop = z.infer<typeof urlHop>;

/** One URL, tested: the `facts` of a part, and `test` in the result of a job with a single URL. */
export const urlTest = z.object({
  url: z.string(),
  asGiven: z.string().nullable().describe('As the client wrote it, where that is shown; else null.'),
  family: z
    .union([z.literal(4), z.literal(6)])
    .nullable()
    .describe('Where both families are told apart.'),
  outcome: z.enum(tones).describe('warn: degraded, right but slow or cut.'),
  verdict: z.string().describe('In two or three words: `200 OK`, `degraded`, `name not found`.'),
  problems: z.array(z.string()).describe('What was not as expected, in sentences.'),
  status: z.int().nullable().describe('Of the last answer.'),
  error: z
    .object({
      code: z.string().describe('`ENOTFOUND`, `CERT_HAS_EXPIRED`, `REFUSED_ADDRESS`, …'),
      phase: z.string().describe('dns, guard, connect, tls, firstByte, body, redirect.'),
      message: z.string(),
    })
    .nullable()
    .describe('Why there is no answer.'),
  startedAt: z.iso.datetime(),
  totalMs: z.number().describe('Of the last try, over all hops.'),
  hops: z.array(urlHop).describe('Of the last try: the URL, then where redirects led.'),
  tries: z.array(
    z.object({ said: z.string(), ms: z.number(), pausedMs: z.number().describe('Before this try.') }),
  ),
  notTested: z
    .string()
    .nullable()
    .describe(
      'Why it says nothing about the site and counts neither as up nor as down: `asked too often`; else null.',
    ),
  answer: z
    .object({
      headers: z.array(z.tuple([z.string(), z.string()])),
      body: z.string().describe('Its first part, as text.'),
      isBodyCut: z.boolean(),
    })
    .nullable()
    .describe('What came; null: nothing.'),
  comparedWith: z.int().nullable().describe('Job of the last good test of the same URL.'),
  compared: z
    .array(z.string())
    .optional()
    .describe('What was compared with that test. Tests of earlier versions do not say.'),
  differences: z
    .array(
      z.object({
        what: z.string(),
        before: z.string(),
        now: z.string(),
        diff: z.string().optional().describe('Of texts of many lines, as `diff -u` shows it.'),
      }),
    )
    .describe('To that test.'),
});
export type UrlTest = z.infer<typeof urlTest>;

export const urlResult = z.object({
  tests: z.int().describe('URLs tested, each once.'),
  repeated: z.int().describe('Listed more than once.'),
  good: z.int(),
  warn: z.int(),
  bad: z.int(),
  notTested: z.int().describe('Of these nothing is known; they count nowhere else.'),
  medianMs: z.number().nullable(),
  p95Ms: z.number().nullable(),
  slowest: z.array(z.object({ number: z.int(), url: z.string(), ms: z.number() })).describe('At most 10.'),
  failures: z
    .array(z.object({ number: z.int(), url: z.string(), verdict: z.string() }))
    .describe('The first 100; all stand among the parts of the job.'),
  test: urlTest.nullable().describe('The test itself, of a job with a single URL.'),
});
export type UrlResult = z.infer<typeof urlResult>;

/** JSON's numbers have any number of digits, those of JavaScript 15 to 17. */
function isExact(value: unknown): boolean {
  return typeof value !== 'number' || !Number.isInteger(value) || Number.isSafeInteger(value);
}

function isPattern(text: string): boolean {
  try {
    return new RegExp(text, 'u') instanceof RegExp;
  } catch {
    return false;
  }
}
