import { createFleetStore } from '../../src/adapters/store/fleet/fleet-store.ts';
import { lanes, queues } from './jobs-of-storm.ts';
import type { Storm } from './storm.ts';

/**
 * Two triggers see what no look from outside can: what stood where when a job was removed, and by how much a lane was
 * over its capacity when a place in it was taken.
 */
const witnesses = [
  `create table storm_removed (job_id bigint, uid uuid, was_kept boolean, stood_live boolean)`,
  `create function storm_note_removal() returns trigger language plpgsql as $$
   begin
     insert into storm_removed select old.id, old.uid, old.keep,
       exists (select from queued where job_id = old.id) or exists (select from running where job_id = old.id);
     return old;
   end $$`,
  `create trigger storm_note_removal before delete on jobs for each row execute function storm_note_removal()`,
  `create table storm_overfilled (key text, taken integer, capacity integer)`,
  // A lane that is made while jobs run counts them from the start, however many they are.
  `create function storm_note_overfilled() returns trigger language plpgsql as $$
   begin
     if old.xmin <> pg_current_xact_id()::xid then
       insert into storm_overfilled values (new.key, new.taken, new.capacity);
     end if;
     return null;
   end $$`,
  `create trigger storm_note_overfilled after update on lanes for each row
   when (new.taken > old.taken and new.taken > new.capacity) execute function storm_note_overfilled()`,
];

/** Queues, lanes, a rule of retention that takes what has just ended, and the witnesses. */
export async function prepare({ plain }: Storm): Promise<void> {
  const fleet = createFleetStore(plain);
  for (const queue of queues) await fleet.putQueue(queue, {});
  for (const [key, capacity] of Object.entries(lanes)) await fleet.putLane(key, { capacity });
  for (const statement of witnesses) await plain.query(statement);
  // People wait for a day at least.
  await plain.query('alter table retention_rules drop constraint retention_rules_days_check');
  await plain.query(
    `insert into retention_rules (name, filter, older_than_days, removes, is_enabled, effective_from, created_by, changed_by)
     values ('at once', '', 0, 'job', true, now() - interval '1 day', 'ana', 'ana')`,
  );
}
