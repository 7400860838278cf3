#!/usr/bin/env node
// Plain JavaScript, so that any Node can read it: a Node that runs TypeScript goes straight on, an older one hands
// over to the Node that was installed with the dependencies.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const main = new URL('../src/main.ts', import.meta.url);

if (runsTypeScript()) await import(main.href);
else handOver(pinnedNode());

function runsTypeScript() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  return Boolean(process.features.typescript) && (major > 22 || (major === 22 && minor >= 18));
}

function pinnedNode() {
  const platform = process.platform === 'win32' ? 'win' : process.platform;
  const file = process.platform === 'win32' ? 'node.exe' : 'node';
  return fileURLToPath(new URL(`../node_modules/${packageName(platform)}/bin/${file}`, import.meta.url));
}

/** macOS on ARM has its Node under another name. */
function packageName(platform) {
  const name = `${platform}-${process.arch}`;
  return name === 'darwin-arm64' ? `node-bin-${name}` : `node-${name}`;
}

function handOver(node) {
  if (!existsSync(node)) {
    process.stderr.write(
      `Daybook needs Node 24, and this is Node ${process.versions.node}; run "npm ci --ignore-scripts" in its folder once, or use a newer Node.\n`,
    );
    process.exitCode = 1;
    return;
  }
  const child = spawn(node, [fileURLToPath(main), ...process.argv.slice(2)], { stdio: 'inherit' });
  // At a terminal Ctrl-C reaches both of us; sent on, it would count as the second one, which cancels jobs.
  const isAtTerminal = process.stdin.isTTY || process.stderr.isTTY;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2']) {
    const isSentOn = signal === 'SIGTERM' || signal === 'SIGUSR2' || !isAtTerminal;
    process.on(signal, () => isSentOn && child.kill(signal));
  }
  child.on('error', (error) => {
    process.stderr.write(`${node} cannot be started: ${error.message}\n`);
    process.exitCode = 126;
  });
  child.on('exit', (code, signal) => {
    if (signal === null) {
      process.exitCode = code;
      return;
    }
    // End the same way, so that whoever waits sees the signal.
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}
