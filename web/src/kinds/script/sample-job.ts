/** A harmless script that every installation ships. */
export const sampleJob = {
  kind: 'script' as const,
  name: 'My first job',
  input: { script: 'ls.sh', arguments: [['-la', '']] },
};
