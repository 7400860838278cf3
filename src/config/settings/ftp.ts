import { optional, setting, type SettingTree } from '../setting.ts';
import * as types from '../value-types.ts';

const account = types.text('a name of letters, digits, `.`, `_`, `@` and `-`', /^[A-Za-z0-9._@-]{1,64}$/);

export const ftpSettings = {
  tls: {
    certificateFile: optional(types.path, {
      names: ['DAYBOOK_TLS_CERT'],
      toml: 'tls.certificate',
      fallbackShown: 'none: no TLS',
      doc: 'Certificate of this server in PEM, with those between it and a known one, for FTP. Needs DAYBOOK_TLS_KEY. Read again when it changes.',
    }),
    keyFile: optional(types.path, {
      names: ['DAYBOOK_TLS_KEY'],
      toml: 'tls.key',
      fallbackShown: 'none',
      doc: 'Its private key in PEM, without a password.',
    }),
  },
  ftp: {
    host: optional(types.host('a host name or an address', /^[A-Za-z0-9_.:%-]{1,253}$/), {
      names: ['DAYBOOK_FTP_HOST', 'FTP_HOSTNAME'],
      toml: 'ftp.host',
      fallbackShown: 'that of DAYBOOK_HOST',
      doc: 'Address on which FTP listens.',
    }),
    port: setting(types.port, '2121', {
      names: ['DAYBOOK_FTP_PORT', 'FTP_PORT'],
      toml: 'ftp.port',
      doc: 'Port of the FTP server, which shows the home directory. `off` switches it off, `0` takes any free port. A port that was set and is taken stops the start; the default one, when taken, only leaves this part off.',
    }),
    implicitPort: setting(types.port, 'off', {
      names: ['DAYBOOK_FTPS_PORT'],
      toml: 'ftp.implicit_tls_port',
      doc: 'Port for clients that speak TLS from the first byte (990 by custom). Needs DAYBOOK_TLS_CERT. Others ask for TLS on the port of FTP.',
    }),
    requiresTls: setting(types.flag, '0', {
      names: ['DAYBOOK_FTP_TLS_REQUIRED'],
      toml: 'ftp.tls_required',
      doc: 'Takes passwords and sends data by TLS only. Needs DAYBOOK_TLS_CERT.',
    }),
    allowsUploadTls13: setting(types.flag, '0', {
      names: ['DAYBOOK_FTP_UPLOAD_TLS13'],
      toml: 'ftp.upload_tls13',
      doc: 'Takes uploads by TLS 1.3, too. Without it their data connections speak TLS 1.2: with 1.3 a client that sends, closes and never reads loses bytes that it sent rightly.',
      cautionOf: (isAllowed) =>
        isAllowed
          ? {
              text: 'Uploads to the FTP server by TLS 1.3 can fail for clients that never read from their data connection.',
              advice: 'Unset DAYBOOK_FTP_UPLOAD_TLS13, unless TLS 1.2 is forbidden.',
            }
          : null,
    }),
    passivePorts: optional(types.portRange, {
      names: ['DAYBOOK_FTP_PASSIVE_PORTS'],
      toml: 'ftp.passive_ports',
      fallbackShown: 'any free ones',
      doc: 'Ports for passive data connections, such as `50000-50999`: those that a firewall has to let through. One for each session at a time.',
    }),
    publicAddress: optional(types.text('an IPv4 address or a host name', /^[A-Za-z0-9_.-]{1,253}$/), {
      names: ['DAYBOOK_FTP_PUBLIC_ADDRESS'],
      toml: 'ftp.public_address',
      fallbackShown: 'the address that the client reached',
      doc: 'What PASV tells clients to connect to, where this machine stands behind a NAT. EPSV needs none.',
    }),
    dataPeers: setting(types.addressRanges, '', {
      names: ['DAYBOOK_FTP_DATA_PEERS'],
      toml: 'ftp.data_peers',
      fallbackShown: 'none',
      doc: 'Addresses and CIDR ranges that data connections may come from, or be asked to, besides the address of the control connection: for clients behind a NAT with several addresses. Whoever is in one of them can take the place of another client there.',
    }),
    user: optional(account, {
      names: ['FTP_USER'],
      toml: 'ftp.user',
      fallbackShown: 'none: accounts only',
      doc: 'A name that, with FTP_PASSWORD, reads and writes the whole home directory by FTP and may do nothing else. Accounts and tokens come in besides.',
    }),
    password: optional(types.secretText, {
      names: ['FTP_PASSWORD'],
      toml: 'ftp.password',
      secret: 'all',
      doc: 'The password of FTP_USER.',
    }),
    directory: optional(types.path, {
      names: ['FTP_DIRECTORY'],
      toml: 'ftp.directory',
      fallbackShown: 'the home directory',
      doc: 'For configurations of before: FTP shows the home directory (WORKER_DIRECTORY_PATH), and anything else here stops the start.',
    }),
    allowsAnonymous: setting(types.flag, '0', {
      names: ['DAYBOOK_FTP_ANONYMOUS'],
      toml: 'ftp.anonymous',
      doc: 'Lets whoever reaches the port look at the home directory and fetch from it, as `anonymous`.',
      cautionOf: (isAllowed) =>
        isAllowed
          ? {
              text: 'Whoever reaches the port of FTP can read the home directory without an account.',
              advice: 'Unset DAYBOOK_FTP_ANONYMOUS where that is not meant.',
            }
          : null,
    }),
    sessions: setting(types.integer(1, 10_000), '500', {
      names: ['DAYBOOK_FTP_SESSIONS'],
      toml: 'ftp.sessions',
      doc: 'How many FTP sessions may be open at once.',
    }),
    sessionsPerAddress: setting(types.integer(1, 10_000), '100', {
      names: ['DAYBOOK_FTP_SESSIONS_PER_ADDRESS'],
      toml: 'ftp.sessions_per_address',
      doc: 'How many of them may come from one address.',
    }),
    bytesPerSecond: setting(types.size(0), '0', {
      names: ['DAYBOOK_FTP_RATE'],
      toml: 'ftp.rate',
      doc: 'Bytes a second that one transfer moves at most. `0`: as many as it can.',
    }),
    idleMs: setting(types.milliseconds(1), '300', {
      names: ['DAYBOOK_FTP_IDLE_SECONDS'],
      toml: 'ftp.idle_seconds',
      doc: 'Seconds without a command after which a session ends. Transfers do not count.',
    }),
    stallMs: setting(types.milliseconds(1), '120', {
      names: ['DAYBOOK_FTP_STALL_SECONDS'],
      toml: 'ftp.stall_seconds',
      doc: 'Seconds without a byte after which a transfer ends; the session stays.',
    }),
    loginMs: setting(types.milliseconds(1), '60', {
      names: ['DAYBOOK_FTP_LOGIN_SECONDS'],
      toml: 'ftp.login_seconds',
      doc: 'Seconds that a client has to sign in.',
    }),
  },
} satisfies SettingTree;
