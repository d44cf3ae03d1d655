// oidc-provider behind the thinnest of Salesforce's skins, for TestJudges.
//
//   node server.mjs KEY.pem CERT.pem STORE.json CALLBACK-URL
//
// It listens on a free port of 127.0.0.1, lets a user log in who agrees to everything, writes what `forcecred store` reads
// into STORE.json, which only its owner can read, and then says {"port":N} on
// stdout. It ends when its stdin does: it can't outlive the test.
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { text } from 'node:stream/consumers';

import Provider from 'oidc-provider';

const [keyFile, certFile, storeFile, callbackURL] = process.argv.slice(2);
const client = { client_id: '3MVG9.test-client-id', client_secret: `test-client-secret-${randomBytes(16).toString('hex')}` };
const tokenPath = '/services/oauth2/token';

process.stdin.on('close', () => process.exit()).resume();

const server = createServer({ key: readFileSync(keyFile), cert: readFileSync(certFile) });
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const { port } = server.address();
const url = `https://127.0.0.1:${port}`;

const provider = new Provider(url, {
  clients: [{ ...client, token_endpoint_auth_method: 'client_secret_post', grant_types: ['authorization_code', 'refresh_token'], redirect_uris: [callbackURL], response_types: ['code'], application_type: 'native' }],
  clientAuthMethods: ['client_secret_post'],
  scopes: ['api', 'offline_access'], // without the latter it knows no refresh token
  issueRefreshToken: (ctx, client) => client.grantTypeAllowed('refresh_token'), // not for offline_access alone, which wants prompt=consent
  rotateRefreshToken: true, // a spent token that comes back revokes the grant: that is oidc-provider's own rule
  findAccount: (ctx, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
  features: { introspection: { enabled: true }, devInteractions: { enabled: false } },
  interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  cookies: { keys: [randomBytes(16).toString('hex')] },
  routes: {
    token: tokenPath, introspection: '/services/oauth2/introspect',
    authorization: '/services/oauth2/authorize', userinfo: '/services/oauth2/userinfo', jwks: '/id/keys',
  },
  ttl: { AccessToken: 7200, Grant: 86400, IdToken: 600, Interaction: 600, RefreshToken: 86400, Session: 600 },
});

// The skin. All that decides about a refresh token happens in next().
let posts = 0;
let delay = 0;
provider.use(async (ctx, next) => {
  if (ctx.path !== tokenPath) return next();
  posts += 1;
  await new Promise((resolve) => { setTimeout(resolve, delay); });
  await next();
  if (ctx.status === 200) {
    delete ctx.body.expires_in;
    ctx.body.instance_url = url;
  }
});

// A user's consent, as the authorization endpoint would leave it behind.
const grant = new provider.Grant({ accountId: 'test-user', clientId: client.client_id });
grant.addOIDCScope('api offline_access');
const grantId = await grant.save();
const refreshToken = await new provider.RefreshToken({
  accountId: 'test-user', client: await provider.Client.find(client.client_id), grantId, gty: 'authorization_code', scope: 'api offline_access',
}).save();

// agree is a user who logs in, and allows what is asked for.
async function agree(req, res) {
  const { params, prompt, session } = await provider.interactionDetails(req, res);
  if (prompt.name === 'login') {
    return provider.interactionFinished(req, res, { login: { accountId: 'test-user' } });
  }
  const consent = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  consent.addOIDCScope(params.scope);
  return provider.interactionFinished(req, res, { consent: { grantId: await consent.save() } });
}

// judge answers the test: how many token requests there were, and whether a
// refresh token, which is the request's body, would be taken. It hands out none.
async function judge(req, res) {
  const found = await provider.RefreshToken.find(await text(req));
  const alive = Boolean(found?.isValid && await provider.Grant.find(found.grantId));
  res.end(JSON.stringify({ posts, alive }));
}

const oidc = provider.callback();
server.on('request', (req, res) => {
  const { pathname, searchParams } = new URL(req.url, url);
  if (pathname.startsWith('/interaction/')) return agree(req, res);
  if (pathname !== '/judge') return oidc(req, res);
  delay = Number(searchParams.get('delay') ?? delay); // milliseconds, so that a crowd has to wait
  return judge(req, res);
});

writeFileSync(storeFile, JSON.stringify({ org: 'prod', login_url: url, ...client, refresh_token: refreshToken }), { mode: 0o600 });
console.log(JSON.stringify({ port }));
