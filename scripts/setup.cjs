// Runs before `npm start` and `npm test`, on whatever Node the machine has (16 or newer): plain JavaScript of that
// time, no dependencies. Installs what package-lock.json names when that is not installed yet, and builds the pages when
// their source is not the one they were built from; else costs nothing but reading that source.
'use strict';

const { spawnSync } = require('child_process');
const { createHash } = require('crypto');
const fs = require('fs');
const path = require('path');

const root = path.join(__dirname, '..');
const modules = path.join(root, 'node_modules');
const stampFile = path.join(modules, '.daybook-stamp');
const pages = path.join(root, 'web');
const pagesStampFile = path.join(pages, 'dist', '.stamp');
const lockFile = path.join(root, '.daybook-setup.lock');
const leastNode = 24;

class SetupError extends Error {}

function main() {
  const stamp = wantedStamp();
  const pagesStamp = wantedPagesStamp();
  const isInstalled = () => read(stampFile) === stamp;
  const isBuilt = () => read(pagesStampFile) === pagesStamp;
  if (isInstalled() && isBuilt()) return;
  if (!isInstalled()) refuseWhileServerRuns();
  takeLock();
  try {
    // Another setup may have done it while this one waited.
    if (!isInstalled()) {
      console.error('Installing the dependencies of Daybook (once per version; takes a minute) …');
      install();
      verifyNode();
      fs.writeFileSync(stampFile, stamp);
    }
    if (!isBuilt()) {
      console.error('Building the pages of Daybook (once per version; takes some seconds) …');
      buildPages();
      fs.writeFileSync(pagesStampFile, pagesStamp);
    }
  } finally {
    fs.unlinkSync(lockFile);
  }
}

/** What the installation depends on: the lock file and the machine, not the host's Node. */
function wantedStamp() {
  const hash = createHash('sha256')
    .update(fs.readFileSync(path.join(root, 'package-lock.json')))
    .digest('hex');
  return `${hash} ${process.platform} ${process.arch}\n`;
}

/** What the pages are made from: their source, the contract and those of the kinds, and the packages. */
function wantedPagesStamp() {
  const hash = createHash('sha256').update(fs.readFileSync(path.join(root, 'package-lock.json')));
  const files = [path.join(pages, 'index.html'), path.join(pages, 'vite.config.ts')].concat(
    filesIn(path.join(pages, 'src')),
    filesIn(path.join(pages, 'public')),
    filesIn(path.join(root, 'src', 'contract')),
    contractsOfKinds(),
  );
  for (const file of files) hash.update(path.relative(root, file)).update(fs.readFileSync(file));
  return `${hash.digest('hex')}\n`;
}

/** In the folder of each kind, `contract.ts` or what lies in `contract`. */
function contractsOfKinds() {
  const kinds = path.join(root, 'src', 'kinds');
  return filesIn(kinds).filter((file) => {
    const [folder, name] = path.relative(kinds, file).split(path.sep);
    return folder === 'command-forms.ts' || name === 'contract' || name === 'contract.ts';
  });
}

function filesIn(folder) {
  return fs
    .readdirSync(folder, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const file = path.join(folder, entry.name);
      return entry.isDirectory() ? filesIn(file) : [file];
    });
}

function buildPages() {
  const vite = path.join(modules, 'vite', 'bin', 'vite.js');
  const result = spawnSync(pinnedNode(), [vite, 'build', 'web', '--logLevel', 'warn'], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (result.status === 0) return;
  const output = `${result.stdout || ''}${result.stderr || ''}`.trim();
  throw new SetupError(`The pages could not be built.\n${firstLines(output || String(result.error))}`);
}

function install() {
  let result = npm(['ci']);
  // Where the registry lacks the packages of some other platform, npm writes a lock file without them and then
  // `npm ci` refuses that very file. `npm install` takes the same locked versions and leaves those packages out.
  if (result.status !== 0 && isOnlyIncomplete(result.output)) result = npm(['install', '--no-save']);
  if (result.status === 0) return;
  const { output } = result;
  if (result.error)
    throw new SetupError(`npm could not be started (${result.error.message}). Is it installed?`);
  if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|network/i.test(output)) {
    throw new SetupError(
      `The package registry cannot be reached, and the dependencies are not installed yet. Check the network (or npm's registry and proxy settings) and try again.\n${firstLines(output)}`,
    );
  }
  if (/EACCES|EROFS|EPERM|ENOSPC/.test(output)) {
    throw new SetupError(`${modules} cannot be written.\n${firstLines(output)}`);
  }
  throw new SetupError(`npm failed${result.signal ? ` (${result.signal})` : ''}.\n${firstLines(output)}`);
}

function npm(command) {
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const args = command.concat(quiet, '--fetch-retry-maxtimeout=10000');
  const program = process.env.npm_execpath;
  const options = {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 64 * 1024 * 1024,
  };
  const result =
    program && /\.c?js$/.test(program)
      ? spawnSync(process.execPath, [program].concat(args), options)
      : spawnSync('npm', args, Object.assign({ shell: process.platform === 'win32' }, options));
  return Object.assign(result, { output: `${result.stdout || ''}${result.stderr || ''}`.trim() });
}

/** Nothing but optional packages of other platforms is missing from the lock file. */
function isOnlyIncomplete(output) {
  if (!/EUSAGE/.test(output) || /Invalid: /.test(output)) return false;
  const missing = (output.match(/Missing: .* from lock file/g) || []).map((line) => line.split(' ')[1]);
  return (
    missing.length > 0 &&
    missing.every((name) => /(linux|darwin|win32|windows|android|freebsd|openharmony|wasm32?)/.test(name))
  );
}

/** npm says what is wrong first, and its usage and the place of its log after that. */
function firstLines(output) {
  const lines = output.split('\n').filter((line) => !/^npm (error|ERR!)\s*$|^npm warn/i.test(line));
  return lines.slice(0, 8).join('\n');
}

/** The pinned Node comes as an optional package; npm leaves it out without a word where there is none. */
function verifyNode() {
  const major = (version) => Number(/^v?(\d+)/.exec(version || '')?.[1] ?? 0);
  const name = nodePackage();
  if (major(spawnSync(packagedNode(), ['--version'], { encoding: 'utf8' }).stdout) >= leastNode) return;
  if (major(process.versions.node) >= leastNode) return;
  throw new SetupError(
    `Daybook needs Node ${leastNode} or newer. Its own (the package ${name}) does not work here, and this is Node ${process.versions.node}; install Node ${leastNode} and try again.`,
  );
}

function nodePackage() {
  const platform = process.platform === 'win32' ? 'win' : process.platform;
  // macOS on ARM has its Node under another name.
  const isArmMac = process.platform === 'darwin' && process.arch === 'arm64';
  return `${isArmMac ? 'node-bin' : 'node'}-${platform}-${process.arch}`;
}

function packagedNode() {
  return path.join(modules, nodePackage(), 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
}

/** Our own where it works, else the host's, which `verifyNode` found new enough. */
function pinnedNode() {
  const program = packagedNode();
  return spawnSync(program, ['--version']).status === 0 ? program : process.execPath;
}

/** Replacing the files of a running server would break it in the middle. */
function refuseWhileServerRuns() {
  const data = path.resolve(root, process.env.DAYBOOK_DATA || 'data');
  for (const file of readFolder(data)) {
    if (!/^[a-z]+\.lock\.\d+$/.test(file)) continue;
    const holder = parse(read(path.join(data, file)));
    if (holder && isAlive(holder)) {
      throw new SetupError(
        `A server (pid ${holder.pid}) runs from this checkout, and its dependencies have to be installed anew. Stop it first, then try again.`,
      );
    }
  }
}

/** As src/lib/directory-lock.ts writes it: an id that was given out again has another start time. */
function isAlive(holder) {
  if (!Number.isInteger(holder.pid) || !exists(holder.pid)) return false;
  const stat = read(`/proc/${holder.pid}/stat`);
  if (!stat || !holder.startTime) return true;
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] === holder.startTime;
}

function exists(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function takeLock() {
  let hasTold = false;
  for (;;) {
    try {
      fs.writeFileSync(lockFile, String(process.pid), { flag: 'wx' });
      return;
    } catch (error) {
      if (error.code !== 'EEXIST') throw new SetupError(`${root} cannot be written (${error.code}).`);
    }
    const holder = Number(read(lockFile));
    if (holder > 0 && !exists(holder)) removeStale(holder);
    else {
      if (!hasTold) console.error('Another setup is at work in this checkout; waiting for it …');
      hasTold = true;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
    }
  }
}

/** Moves the file away before it is removed: were it a faster starter's new lock, it is put back. */
function removeStale(holder) {
  const aside = `${lockFile}.${process.pid}`;
  try {
    fs.renameSync(lockFile, aside);
  } catch {
    return;
  }
  if (Number(read(aside)) !== holder) {
    try {
      fs.linkSync(aside, lockFile);
    } catch {
      // A third one took it in the meantime; it waits for nobody.
    }
  }
  fs.unlinkSync(aside);
}

function read(file) {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function readFolder(folder) {
  try {
    return fs.readdirSync(folder);
  } catch {
    return [];
  }
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

try {
  main();
} catch (error) {
  console.error(error instanceof SetupError ? error.message : error);
  process.exitCode = 1;
}
