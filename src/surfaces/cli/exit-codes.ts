/**
 * What the command line ends with. `submit --wait` and `--follow` end with the code of the job instead, once it has
 * been accepted; `unfollowed` then says that the job's own code is not known. The help shows this table.
 */
export const exitCodes = {
  ok: { code: 0, meaning: 'done' },
  failed: { code: 1, meaning: 'the server refused it, or it failed' },
  usage: { code: 2, meaning: 'the command was not understood' },
  unreachable: { code: 3, meaning: 'no server answered' },
  notFound: { code: 4, meaning: 'there is no such job, queue, user, …' },
  notAllowed: { code: 5, meaning: 'not signed in, or not allowed' },
  unfollowed: { code: 125, meaning: 'submit --wait: the job was accepted, its end could not be learned' },
  interrupted: { code: 130, meaning: 'Ctrl-C' },
  closedPipe: { code: 141, meaning: 'whoever read the output stopped reading (| head)' },
} as const satisfies Record<string, { code: number; meaning: string }>;
