/**
 * For `state in …`: jobs with which Daybook has something to do still. Constants, not values: the partial index on
 * these very states is used where the planner sees them.
 */
export const liveStates = `('waiting', 'scheduled', 'queued', 'running')`;
