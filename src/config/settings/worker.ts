import { allQueues } from '../../contract/worker-queues.ts';
import { optional, setting, type SettingTree } from '../setting.ts';
import * as types from '../value-types.ts';

const namePattern = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;
const queuePattern = /^(\*|[A-Za-z0-9][A-Za-z0-9_.-]{0,63})$/;
const variable = /^(\*|\*?[A-Za-z_][A-Za-z0-9_]*|[A-Za-z_][A-Za-z0-9_]*\*)$/;
const account = types.text('the name or number of an account', /^[A-Za-z0-9_][A-Za-z0-9_.@-]{0,63}\$?$/);

export const workerSettings = {
  worker: {
    name: setting(
      types.text('a name of letters, digits, `.`, `_` and `-`', namePattern),
      ({ machine }) =>
        machine.hostName
          .replaceAll(/[^A-Za-z0-9_.-]/g, '-')
          .replace(/^[^A-Za-z0-9]+/, '')
          .slice(0, 64) || 'worker',
      {
        names: ['DAYBOOK_WORKER_NAME'],
        toml: 'worker.name',
        fallbackShown: 'the host name',
        doc: 'How this worker is called on the page of workers and in the records of its attempts.',
      },
    ),
    slots: setting(
      types.integer(1, 1024),
      ({ machine }) => String(Math.min(1024, Math.max(2, machine.cores * 2))),
      {
        names: ['DAYBOOK_SLOTS'],
        toml: 'worker.slots',
        fallbackShown: 'twice the cores, at least 2',
        doc: 'How many jobs this worker runs at once.',
      },
    ),
    queues: setting(types.list('queue names, or `*`', queuePattern), allQueues, {
      names: ['DAYBOOK_QUEUES'],
      toml: 'worker.queues',
      fallbackShown: '`*`: all, also those that are made later',
      doc: 'Queues from which this worker takes jobs.',
    }),
    labels: setting(types.list('labels', /^[A-Za-z0-9][A-Za-z0-9_.:=/-]{0,63}$/), '', {
      names: ['DAYBOOK_LABELS'],
      toml: 'worker.labels',
      fallbackShown: 'none',
      doc: 'What this worker offers. A job that asks for labels runs only on a worker that has them all.',
    }),
    leaseMs: setting(types.milliseconds(0.5), '60', {
      names: ['DAYBOOK_LEASE_SECONDS'],
      toml: 'worker.lease_seconds',
      doc: 'Seconds of silence after which a worker counts as lost and its jobs are taken back. Equal on all workers.',
    }),
    killGraceMs: setting(types.milliseconds(0), '10', {
      names: ['DAYBOOK_KILL_GRACE_SECONDS'],
      toml: 'worker.kill_grace_seconds',
      doc: 'Seconds between SIGTERM and SIGKILL when a program is to end.',
    }),
    jobTimeoutMs: optional(types.milliseconds(0.1), {
      names: ['DAYBOOK_JOB_TIMEOUT_SECONDS'],
      toml: 'worker.job_timeout_seconds',
      fallbackShown: 'none',
      doc: 'Seconds after which a job that names no limit of its own is ended.',
    }),
    outputLimitBytes: setting(types.size(1024), '1GiB', {
      names: ['DAYBOOK_OUTPUT_LIMIT'],
      toml: 'worker.output_limit',
      doc: 'Output kept per attempt, both streams together; what follows is counted and thrown away.',
    }),
    jobLimits: {
      memoryBytes: optional(types.size(1024 ** 2), {
        names: ['DAYBOOK_JOB_MEMORY'],
        toml: 'worker.job_memory',
        fallbackShown: 'none',
        doc: 'Memory of a job that names no limit of its own, all its processes together.',
      }),
      cpuSeconds: optional(types.seconds(0.1), {
        names: ['DAYBOOK_JOB_CPU_SECONDS'],
        toml: 'worker.job_cpu_seconds',
        fallbackShown: 'none',
        doc: 'CPU seconds of a job that names no limit of its own, all its processes together.',
      }),
      processes: optional(types.integer(1, 1_000_000), {
        names: ['DAYBOOK_JOB_PROCESSES'],
        toml: 'worker.job_processes',
        fallbackShown: 'none',
        doc: 'How many processes a job that names no limit of its own may have at once.',
      }),
      openFiles: optional(types.integer(16, 1_000_000), {
        names: ['DAYBOOK_JOB_OPEN_FILES'],
        toml: 'worker.job_open_files',
        fallbackShown: 'what the worker itself may',
        doc: 'Files that each process of a job that names no limit of its own may have open.',
      }),
    },
    jobVariables: setting(
      types.list('names of variables, each with a `*` at its beginning or its end if need be', variable),
      'JOB_*, PARAM_*, KEY, *_KEY, TOKEN, *_TOKEN, PASSWORD, *_PASSWORD, LANG, LANGUAGE, LC_*, TZ, OMP_NUM_THREADS',
      {
        names: ['DAYBOOK_JOB_VARIABLES'],
        toml: 'worker.job_variables',
        doc:
          'Variables that a submit may set (`env`). Whoever may write scripts may set any. Many programs run what a variable ' +
          'says (`BASH_ENV`, `PERL5OPT`, `PATH`), so `*` lets whoever may submit run anything.',
        cautionOf: (names) =>
          names.includes('*')
            ? {
                text: 'Whoever may submit can run any program, by a variable that another program heeds.',
                advice: 'Name the variables in DAYBOOK_JOB_VARIABLES where that is not meant.',
              }
            : null,
      },
    ),
    jobNice: setting(types.integer(0, 19), '0', {
      names: ['DAYBOOK_JOB_NICE'],
      toml: 'worker.job_nice',
      doc: 'Niceness of a job that names none: how much it steps back when others want the processor.',
    }),
    limitWarnPercent: setting(types.integer(0, 100), '80', {
      names: ['DAYBOOK_LIMIT_WARN_PERCENT'],
      toml: 'worker.limit_warn_percent',
      doc: 'From this part of a limit on, in percent, the job gets an event and a tag that say so. `0`: never.',
    }),
    minFreeDiskBytes: setting(types.size(0), '1GiB', {
      names: ['DAYBOOK_MIN_FREE_DISK'],
      toml: 'worker.min_free_disk',
      doc: 'Free space for home and data below which the worker takes no new work.',
    }),
    user: optional(account, {
      names: ['WORKER_USER'],
      toml: 'worker.user',
      fallbackShown: '`nobody` when started as root, else whoever starts the server',
      doc: 'The account that programs run as. Another than one’s own needs root. `root` must be said here to happen.',
    }),
    group: optional(account, {
      names: ['WORKER_GROUP'],
      toml: 'worker.group',
      fallbackShown: 'the main group of that account',
      doc: 'The group that programs run as.',
    }),
    ownerIds: setting(types.idRange, '1900000000-1999999999', {
      names: ['DAYBOOK_OWNER_IDS'],
      toml: 'worker.owner_ids',
      doc:
        'Started as root, programs of a job whose owner has an account run under a number of their own, the first of these ' +
        'plus the number of the account, in the group of `WORKER_USER`: no program reads or signals one of another owner. ' +
        'The default lies above what systemd gives to containers. Equal on all workers that share files. `off`: all programs ' +
        'run as `WORKER_USER`. See [limits](limits.md#owners).',
    }),
    stdoutCopiesDirectory: optional(types.path, {
      names: ['WORKER_STDOUT_PATH'],
      toml: 'worker.stdout_copies',
      fallbackShown: 'no copies',
      doc: 'A directory that also receives the standard output of every script job, as `<uid>_stdout.log`.',
    }),
    stderrCopiesDirectory: optional(types.path, {
      names: ['WORKER_STDERR_PATH'],
      toml: 'worker.stderr_copies',
      fallbackShown: 'no copies',
      doc: 'The same for standard error, as `<uid>_stderr.log`.',
    }),
  },
  files: {
    limitBytes: setting(types.size(1024), '1GiB', {
      names: ['DAYBOOK_FILE_LIMIT'],
      toml: 'files.limit',
      doc: 'Largest file that a job may take or make.',
    }),
    madeLimitBytes: setting(types.size(1024), '4GiB', {
      names: ['DAYBOOK_MADE_FILES_LIMIT'],
      toml: 'files.made_limit',
      doc: 'Files kept per attempt, all together; what is left out is named in the history of the job.',
    }),
  },
} satisfies SettingTree;
