/** The conditions that this store acts on (PostgreSQL, Appendix A: error codes). */
export const sqlstates = {
  foreignKeyViolation: '23503',
  uniqueViolation: '23505',
  lockNotAvailable: '55P03',
  queryCanceled: '57014',
  diskFull: '53100',
  /** Ours: a migration says in words why it cannot be made now. */
  migrationRefused: 'DB001',
} as const;

/** Whether the database says exactly this; `constraint` is then the name of what was violated. */
export function isSqlError(
  error: unknown,
  state: keyof typeof sqlstates,
): error is Error & { constraint?: string; hint?: string } {
  return sqlstateOf(error) === sqlstates[state];
}

/** True for errors that speak of a row: classes 22 (data exception) and 23 (constraint violation). */
export function isRowError(error: unknown): error is Error {
  return /^2[23]/.test(sqlstateOf(error));
}

/** Empty for whatever is no error of the database. */
export function sqlstateOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
