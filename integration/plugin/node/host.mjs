// A host of forcecred-plugin in Node: an example to read, and TestNodeHost's.
//
//   node host.mjs [--plain] CREDENTIAL.proto PLUGIN [ARGUMENT]...
//
// It starts the plugin, prints what it has learnt as one line of JSON, and ends
// the plugin. With --plain it has no certificate. docs/plugin-hosts.md explains
// each step.
import 'reflect-metadata'; // for @peculiar/x509
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { dirname, resolve } from 'node:path';

import * as grpc from '@grpc/grpc-js';
import * as protoLoader from '@grpc/proto-loader';
import * as x509 from '@peculiar/x509';
import protobuf from 'protobufjs';

const words = process.argv.slice(2);
const plain = words[0] === '--plain' && Boolean(words.shift());
const [protoFile, plugin, ...pluginArguments] = words;

const pem = (label, der) => `-----BEGIN ${label}-----\n${Buffer.from(der).toString('base64').replace(/.{1,64}/g, '$&\n')}-----END ${label}-----\n`;

// A key and a certificate for this one run. The plugin trusts this certificate alone.
async function newCertificate() {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const now = Date.now();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=localhost',
    keys,
    signingAlgorithm: algorithm,
    notBefore: new Date(now - 60e3),
    notAfter: new Date(now + 365 * 86400e3),
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyCertSign, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth, x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: 'localhost' }]),
    ],
  });
  return { certificate: certificate.toString('pem'), key: pem('PRIVATE KEY', await crypto.subtle.exportKey('pkcs8', keys.privateKey)) };
}

// Starts the plugin and reads the one line that it writes to stdout.
async function start(own) {
  const child = spawn(plugin, pluginArguments, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, FORCECRED_PLUGIN: 'credential', PLUGIN_PROTOCOL_VERSIONS: '1', ...(own && { PLUGIN_CLIENT_CERT: own.certificate }) },
  });
  for await (const line of createInterface(child.stdout)) {
    const [core, version, network, address, protocol, certificate] = line.split('|');
    if (core !== '1' || version !== '1' || protocol !== 'grpc') throw new Error('a plugin of another protocol');
    if (Boolean(own) !== Boolean(certificate)) throw new Error('the plugin does not do mutual TLS');
    return { child, address: network === 'unix' ? `unix:${address}` : address, certificate: certificate && pem('CERTIFICATE', Buffer.from(certificate, 'base64')) };
  }
  throw new Error('the plugin did not start; it has said why on stderr');
}

const own = plain ? undefined : await newCertificate();
const { child, address, certificate } = await start(own);
const credentials = plain ? grpc.credentials.createInsecure()
  : grpc.credentials.createSsl(Buffer.from(certificate), Buffer.from(own.key), Buffer.from(own.certificate));
const options = { 'grpc.ssl_target_name_override': 'localhost', 'grpc.default_authority': 'localhost' };

const definition = protoLoader.loadSync(protoFile, { keepCase: true, longs: String, includeDirs: [resolve(dirname(protoFile), '../..')] });
const { CredentialService } = grpc.loadPackageDefinition(definition).forcecred.v1;
const client = new CredentialService(address, credentials, options);
const call = (method, request) => new Promise((resolved, rejected) => {
  client[method](request, (error, answer) => { if (error) rejected(error); else resolved(answer); });
});

// What forcecred says of a failure is in the details of the call's status, as
// google.rpc.Status has them.
const errors = protobuf.parse(`syntax = "proto3"; package google.rpc;
  message Any { string type_url = 1; bytes value = 2; }
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }`, { keepCase: true }).root.loadSync(protoFile, { keepCase: true });
function explain(error) {
  const [status] = error.metadata?.get('grpc-status-details-bin') ?? [];
  if (!status) return { code: grpc.status[error.code], message: error.details };
  const { message, details } = errors.lookupType('google.rpc.Status').decode(status);
  const detail = details.find((d) => d.type_url.endsWith('/forcecred.v1.Error'));
  return { message, ...errors.lookupType('forcecred.v1.Error').decode(detail.value).toJSON() };
}

// Calls of go-plugin's own, whose messages are simple enough to write by hand.
const other = new grpc.Client(address, credentials, options);
const raw = (path, request) => new Promise((resolved, rejected) => {
  other.makeUnaryRequest(path, (b) => b, (b) => b, request, (error, answer) => { if (error) rejected(error); else resolved(answer); });
});

const said = {};
try {
  const health = await raw('/grpc.health.v1.Health/Check', Buffer.concat([Buffer.from([0x0a, 6]), Buffer.from('plugin')]));
  said.serving = health.equals(Buffer.from([0x08, 1]));
  said.credential = (await call('Get', { org: 'prod', min_ttl: { seconds: 300 } })).credential;
  said.error = await call('Get', { org: 'nosuch' }).then(() => null, explain);
  said.watched = await new Promise((resolved, rejected) => {
    const stream = client.Watch({ org: 'prod' });
    stream.on('error', rejected);
    stream.on('data', ({ credential }) => {
      resolved(credential);
      stream.removeListener('error', rejected).on('error', () => {}); // it was cancelled
      stream.cancel();
    });
  });
} finally {
  // The plugin ends once no call is running, and closes the connection.
  const ended = new Promise((resolved) => { child.on('exit', resolved); });
  await raw('/plugin.GRPCController/Shutdown', Buffer.alloc(0)).catch(() => {});
  said.status = await ended;
  client.close();
  other.close();
}
console.log(JSON.stringify(said));
