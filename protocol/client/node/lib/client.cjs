'use strict';

const { run } = require('./run.cjs');
const { Token } = require('./token.cjs');
const { fetchWith } = require('./fetch.cjs');

const TIMEOUT = 180_000; // ms; longer than forcecred waits for Salesforce, and for another refresh

class Client {
  #options;
  #tokens = new Map();

  constructor({ path = findBinary(), env = undefined, timeout = TIMEOUT, onNotice = warn } = {}) {
    this.#options = { path, env, timeout, onNotice };
  }

  async getCredential(org, { minTTL = 60, rejectedToken, for: api, signal } = {}) {
    signal?.throwIfAborted();
    const token = this.#tokenOf(org, api);
    if (rejectedToken) token.reject(rejectedToken);
    return token.cached(minTTL) ??
      token.request({ version: 1, org, min_ttl: minTTL, for: api }, (request, end) => run(request, this.#options, end), signal);
  }

  reject(org, accessToken, { for: api } = {}) {
    this.#tokenOf(org, api).reject(accessToken);
  }

  refreshFn(org, options) {
    return (connection, callback) => {
      this.getCredential(org, { ...options, rejectedToken: connection.accessToken }).then(
        (credential) => callback(null, credential.access_token, credential),
        (error) => callback(error),
      );
    };
  }

  async createConnection(jsforce, org, { connection, ...options } = {}) {
    const Connection = jsforce.Connection ?? jsforce;
    const credential = await this.getCredential(org, options);
    return new Connection({
      ...connection,
      instanceUrl: credential.instance_url,
      accessToken: credential.access_token,
      refreshFn: this.refreshFn(org, options),
    });
  }

  createFetch(org, { fetch = globalThis.fetch, ...options } = {}) {
    return fetchWith(this, org, fetch, options);
  }

  #tokenOf(org, api) {
    const key = JSON.stringify([org, api]);
    if (!this.#tokens.has(key)) this.#tokens.set(key, new Token());
    return this.#tokens.get(key);
  }
}

/** Returns the path of this package's own binary, or the name on PATH if npm installed none. */
function findBinary() {
  try {
    return require('../binary.cjs').binaryPath();
  } catch (error) {
    if (error.code !== 'MODULE_NOT_FOUND') throw error;
    return 'forcecred';
  }
}

function warn(notice) {
  process.emitWarning(notice, 'ForcecredWarning');
}

module.exports = { Client };
