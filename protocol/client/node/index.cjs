'use strict';

const { Client } = require('./lib/client.cjs');
const { ForcecredError } = require('./lib/error.cjs');

let shared; // made at the first use, because it looks for the binary
const client = () => (shared ??= new Client());

module.exports = {
  Client,
  ForcecredError,
  getCredential: (org, options) => client().getCredential(org, options),
  refreshFn: (org, options) => client().refreshFn(org, options),
  createConnection: (jsforce, org, options) => client().createConnection(jsforce, org, options),
  createFetch: (org, options) => client().createFetch(org, options),
};
