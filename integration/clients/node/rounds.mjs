// Queries the org in rounds of fifty calls at once. Before each round but the first, the test
// ends the org's sessions.
import { createInterface } from 'node:readline';
import { isDeepStrictEqual } from 'node:util';
import jsforce from 'jsforce';
import { Client, ForcecredError } from 'forcecred';

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const next = async (done) => {
  console.log(done);
  await lines.next();
};
const fifty = (call) => Promise.all(Array.from({ length: 50 }, (_, i) => call(i)));
const check = (got, want) => {
  if (!isDeepStrictEqual(got, want)) throw new Error(`got ${JSON.stringify(got)}, want ${JSON.stringify(want)}`);
};

const forcecred = new Client({ path: process.env.TEST_FORCECRED });
const soql = 'SELECT Id FROM Organization';
const connection = await forcecred.createConnection(jsforce, 'prod');
const query = async () => check((await connection.query(soql)).totalSize, 1);
await fifty(query);
await next('jsforce');
await fifty(query);
await next('jsforce after the end of the session');

const api = forcecred.createFetch('prod');
await fifty(async (i) => {
  const post = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{}' };
  const { status } = i % 2 ? await api('/services/data/v66.0/composite', post) : await api(`/services/data/v66.0/query?q=${encodeURIComponent(soql)}`);
  check(status, 200);
});
await fifty(query);
await next('fetch, and jsforce with its old token');

check((await api('/services/data/')).status, 200);
await next('redirect');

const failure = await forcecred.getCredential('nosuch').catch((error) => error);
check([failure instanceof ForcecredError, failure.code, failure.org, failure.hint !== ''], [true, 'org_not_found', 'nosuch', true]);
const missing = await new Client({ path: 'forcecred-nosuch' }).getCredential('prod').catch((error) => error);
check(missing.code, 'command_not_found');
const aborted = await forcecred.getCredential('prod', { signal: AbortSignal.abort() }).catch((error) => error);
check(aborted.name, 'AbortError');
const late = await new Client({ path: process.env.TEST_FORCECRED, timeout: 0 }).getCredential('prod').catch((error) => error);
check([late.code, late.retryable], ['temporarily_unavailable', true]);
await next('errors');

const stubborn = new Client({ path: process.env.TEST_FORCECRED });
const refused = stubborn.createFetch('prod');
for (let i = 0; i < 20; i++) check((await refused('/services/data/v66.0/refused')).status, 401);
await next('a resource that rejects each token');

lines.return?.();
process.stdin.destroy();
