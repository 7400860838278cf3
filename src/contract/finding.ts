export type Level = 'ok' | 'warn' | 'bad';

/** One thing that `daybook doctor` looked at: what is so, and what to do about it when it is not as it should be. */
export interface Finding {
  area:
    | 'configuration'
    | 'database'
    | 'launcher'
    | 'disk'
    | 'port'
    | 'certificate'
    | 'clock'
    | 'users'
    | 'workers'
    | 'queues';
  level: Level;
  text: string;
  /** Null where nothing is to be done. */
  advice: string | null;
}
