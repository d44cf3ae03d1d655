'use strict';

const { spawn } = require('node:child_process');
const { inspect } = require('node:util');
const { ForcecredError } = require('./error.cjs');

const MAX_OUTPUT = 1 << 20; // larger than any answer of forcecred

const CODES = new Map([
  [2, 'usage'], [3, 'bad_request'], [4, 'org_not_found'], [5, 'keystore_unavailable'], [6, 'sign_in_again'],
  [7, 'temporarily_unavailable'], [8, 'refused'],
]);

/**
 * Runs `forcecred get` with a request on stdin. If the signal aborts, the process is killed. A refresh
 * that it began goes on in a process of its own.
 */
function run(request, { path, env, timeout, onNotice }, signal) {
  const fail = (code, text, more) =>
    new ForcecredError({ code, message: `get the access token of "${request.org}": ${text}`, org: request.org, ...more }, { cause: more?.cause });
  return new Promise((resolve, reject) => {
    const stdout = [];
    const stderr = [];
    let size = 0;
    let child;
    const end = (settle, value) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      settle(value);
      child?.kill('SIGKILL');
      // A process that forcecred has started may hold the streams open, and this one must be able to end.
      for (const stream of child?.stdio ?? []) stream?.destroy();
    };
    const noBinary = (cause) =>
      end(reject, fail(cause.code === 'ENOENT' ? 'command_not_found' : 'command_not_runnable', `run ${path}: ${cause.code ?? cause.message}`,
        { hint: 'install forcecred on PATH, or set the path of the binary', cause }));
    const onAbort = () => end(reject, signal.reason);
    const timer = setTimeout(() => end(reject, fail('temporarily_unavailable', `forcecred did not answer within ${timeout} ms`, { retryable: true })), timeout);
    signal.addEventListener('abort', onAbort);
    try {
      child = spawn(path, ['get', '--error-format=json'], { env, windowsHide: true });
    } catch (cause) {
      noBinary(cause);
      return;
    }
    const collect = (chunks) => (chunk) => {
      size += chunk.length;
      if (size > MAX_OUTPUT) end(reject, fail('internal', `the output of ${path} is too large`));
      else chunks.push(chunk);
    };
    child.on('error', noBinary);
    child.stdout.on('data', collect(stdout));
    child.stderr.on('data', collect(stderr));
    child.on('close', (status) => {
      const report = decodeReport(stderr);
      if (status !== 0) {
        const code = CODES.get(status) ?? 'internal';
        end(reject, report?.error ? new ForcecredError(report.error) : fail(code, `${path} ended with status ${status}`, { retryable: code === 'temporarily_unavailable' }));
        return;
      }
      const credential = decodeCredential(stdout);
      if (!credential) {
        end(reject, fail('internal', `${path} printed no answer of forcecred`, { hint: 'check that it is the forcecred binary' }));
        return;
      }
      for (const notice of report?.notices ?? []) onNotice(notice);
      end(resolve, credential);
    });
    child.stdin.on('error', () => {}); // the exit status says more
    child.stdin.end(JSON.stringify(request));
  });
}

/** Returns the credential, or undefined. What another program printed is never quoted. */
function decodeCredential(chunks) {
  try {
    const c = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    const isWhole = c.version === 1 && typeof c.access_token === 'string' && c.access_token !== '' &&
      typeof c.instance_url === 'string' && !Number.isNaN(Date.parse(c.expires_at));
    // console.log shows no secret.
    return isWhole ? Object.freeze(Object.defineProperty(c, inspect.custom, { value: () => `Credential { org: ${inspect(c.org)} }` })) : undefined;
  } catch {
    return undefined;
  }
}

/** Returns the error or the notices on stderr, which may have lines of others. */
function decodeReport(chunks) {
  for (const line of Buffer.concat(chunks).toString('utf8').split('\n')) {
    try {
      const report = JSON.parse(line);
      if (report?.version === 1 && (typeof report.error?.code === 'string' || Array.isArray(report.notices))) return report;
    } catch {
      // a line of another program
    }
  }
  return undefined;
}

module.exports = { run };
