/**
 * postgresql.conf, written anew at every start. It is tuned for little memory at rest (the whole product stays below
 * 220 MB) and many small commits; a person's own settings go into `custom.conf` beside it and win.
 */
export function serverSettings(socketDirectory: string): string {
  return `# Written by Daybook at every start; put settings of your own into custom.conf in this folder.
listen_addresses = ''
unix_socket_directories = '${socketDirectory.replaceAll("'", "''")}'
unix_socket_permissions = 0700
port = ${socketPort}
max_connections = 100

shared_buffers = 64MB
huge_pages = off
work_mem = 8MB
maintenance_work_mem = 64MB
# Reads wait for the disk in their own backend: three I/O processes less than with the default.
io_method = sync
max_logical_replication_workers = 0
# Parallel queries need shared memory by the megabyte, and containers have 64 MB of it.
max_parallel_workers_per_gather = 0
jit = off

fsync = on
synchronous_commit = on
full_page_writes = on
wal_level = replica
max_wal_senders = 2
wal_buffers = 8MB
min_wal_size = 80MB
max_wal_size = 1GB
checkpoint_timeout = 15min
idle_in_transaction_session_timeout = 5min

timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
log_line_prefix = '%m [%p] '
log_checkpoints = off
include_if_exists = 'custom.conf'
`;
}

/** Part of the socket's file name only: nothing listens on TCP. */
export const socketPort = 5432;

/** The one account inside the database; the folder of the socket decides who may use it. */
export const databaseUser = 'daybook';
