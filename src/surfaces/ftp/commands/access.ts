import { toBytes, toText } from '../bytes.ts';
import type { Commands } from '../command.ts';
import type { Person, SignInOutcome } from '../ports.ts';
import { Refusal, reply, type Reply } from '../replies.ts';
import type { Session } from '../session.ts';

const mostFailedLogins = 3;
const handshakeMs = 20_000;
const anonymousNames = ['anonymous', 'ftp'];

/** Who it is, and by which protection. */
export const accessCommands: Commands = {
  USER: {
    usage: 'USER <name>',
    argument: 'required',
    isOpen: true,
    isAtOnce: true,
    run: (session, name) => {
      requireSecure(session);
      session.signOut();
      session.user = name;
      return reply(331, isAnonymous(session) ? 'Any password will do.' : 'Now the password, or a token.');
    },
  },
  PASS: {
    usage: 'PASS <password or token>',
    argument: 'optional',
    isOpen: true,
    isAtOnce: true,
    run: (session, password) => {
      requireSecure(session);
      if (session.isSignedIn) throw new Refusal(503, 'Already logged in; USER begins anew.');
      if (session.user === null) throw new Refusal(503, 'Log in with USER first.');
      return signIn(session, toText(session.user), toText(password));
    },
  },
  ACCT: {
    usage: 'ACCT <account>',
    argument: 'optional',
    isOpen: true,
    run: () => reply(202, 'Not needed here.'),
  },
  REIN: {
    usage: 'REIN',
    argument: 'none',
    isOpen: true,
    isAtOnce: true,
    run: (session) => {
      session.signOut();
      return reply(220, 'Ready for USER.');
    },
  },
  QUIT: {
    usage: 'QUIT',
    argument: 'optional',
    isOpen: true,
    isAtOnce: true,
    run: async (session) => {
      session.isQuitting = true;
      if (!session.transfer) {
        await session.control.close(reply(221, 'Goodbye.'));
        return null;
      }
      return reply(221, 'Goodbye; the transfer goes on to its end.');
    },
  },
  AUTH: {
    usage: 'AUTH TLS',
    argument: 'required',
    isOpen: true,
    run: async (session, mechanism) => {
      // `TLS-P` and `SSL` of older drafts would protect data connections, too; clients that say so send PROT all the same.
      if (!/^(TLS(-[CP])?|SSL)$/i.test(mechanism)) throw new Refusal(504, 'Only AUTH TLS is there.');
      const { tls } = session.services;
      if (!tls) throw new Refusal(431, 'This server has no certificate: TLS is not there.');
      if (session.control.isSecure) throw new Refusal(503, 'Already using TLS.');
      const { usual } = await tls.contexts();
      // Whoever was signed in may have been somebody on the way (RFC 4217, section 4.2).
      session.signOut();
      session.hasProtectionSize = false;
      session.isDataPrivate = false;
      await session.secure(usual, { answer: reply(234, 'AUTH TLS successful.'), withinMs: handshakeMs });
      return null;
    },
  },
  PBSZ: {
    usage: 'PBSZ 0',
    argument: 'required',
    isOpen: true,
    run: (session) => {
      if (!session.control.isSecure)
        throw new Refusal(503, 'PBSZ not allowed on insecure control connection.');
      session.hasProtectionSize = true;
      return reply(200, 'PBSZ=0 successful.');
    },
  },
  PROT: {
    usage: 'PROT C or P',
    argument: 'required',
    isOpen: true,
    run: (session, level) => {
      if (!session.control.isSecure)
        throw new Refusal(503, 'PROT not allowed on insecure control connection.');
      if (!session.hasProtectionSize) throw new Refusal(503, 'PBSZ has to come before PROT.');
      switch (level.toUpperCase()) {
        case 'P':
          session.isDataPrivate = true;
          return reply(200, 'Data connections are private.');
        case 'C':
          if (session.services.settings.requiresTls)
            throw new Refusal(534, 'This server sends no data in clear.');
          session.isDataPrivate = false;
          return reply(200, 'Data connections are in clear.');
        case 'S':
        case 'E':
          throw new Refusal(536, `PROT ${level.toUpperCase()} is not there; use C or P.`);
        default:
          throw new Refusal(504, 'PROT takes C or P.');
      }
    },
  },
  CCC: {
    usage: 'CCC',
    argument: 'none',
    isOpen: true,
    // It would let somebody on the way add commands (RFC 4217, section 12.3).
    run: () => reply(534, 'The control connection stays protected.'),
  },
};

/** RFC 2228, section 3: 534 is a refusal for reasons of policy; 530 is what clients read as "log in otherwise". */
function requireSecure({ services, control }: Session): void {
  if (services.settings.requiresTls && !control.isSecure)
    throw new Refusal(530, 'Passwords are not taken in clear here: begin with AUTH TLS.');
}

function isAnonymous({ user, services }: Session): boolean {
  return services.signIn.anonymous !== null && anonymousNames.includes(user ?? '');
}

async function signIn(session: Session, name: string, password: string): Promise<Reply | null> {
  const outcome = await ask(session, name, password);
  // A new USER, or the end, while that was found out.
  if (session.user === null || session.control.isClosed) return reply(503, 'Log in with USER first.');
  switch (outcome.outcome) {
    case 'accepted':
      return welcome(session, outcome.person);
    case 'wait':
      return refuse(
        session,
        `Too many wrong passwords; the next try counts in ${outcome.retryAfterSeconds} seconds.`,
      );
    case 'refused':
      return refuse(session, 'The user, password or token is not right.');
  }
}

async function ask(session: Session, name: string, password: string): Promise<SignInOutcome> {
  const { signIn: door } = session.services;
  if (door.anonymous && isAnonymous(session)) return { outcome: 'accepted', person: await door.anonymous() };
  return door.signIn(name, password, { address: session.control.peer });
}

async function welcome(session: Session, person: Person): Promise<Reply> {
  session.signIn(person);
  const { control, services } = session;
  void services.audit(
    {
      actor: person.name,
      action: 'sessions.create',
      target: 'ftp',
      details: { tls: control.isSecure, readOnly: person.view.isReadOnly },
    },
    { address: control.peer },
  );
  return reply(230, `Welcome, ${person.name}.${person.view.isReadOnly ? ' You may look and fetch.' : ''}`);
}

async function refuse(session: Session, why: string): Promise<Reply | null> {
  session.failedLogins += 1;
  session.services.logger.info(
    { peer: session.control.peer, user: toText(session.user ?? toBytes('')) },
    'An FTP login was refused.',
  );
  session.user = null;
  if (session.failedLogins < mostFailedLogins) return reply(530, why);
  await session.control.close(reply(530, why));
  return null;
}
