'use strict';

const CACHE_MARGIN = 60; // seconds that an answer stays good in the cache, beyond what the caller wants

/**
 * How many rejected tokens are replaced within a minute. A user or a resource that is refused whatever
 * the token is would otherwise cause a refresh for each request.
 */
const MAX_DROPS = 3;

/** The cached token of an org, and the requests for another one. */
class Token {
  #credential;
  #received = 0;
  #rejected; // what the org rejected, until an answer replaces it
  #drops = []; // when a rejected token was dropped, for the last minute
  #requests = new Map(); // by minTTL

  /** Returns the cached credential if it lives for minTTL seconds, or for half of a shorter session. */
  cached(minTTL) {
    if (!this.#credential) return undefined;
    const expires = Date.parse(this.#credential.expires_at);
    const lifetime = expires - this.#received;
    const margin = lifetime < minTTL * 1000 ? lifetime / 2 : minTTL * 1000;
    return Date.now() < expires - margin ? this.#credential : undefined;
  }

  /**
   * Drops a token that the org rejected. If another one is cached or being got, the caller is late.
   * Answers to earlier requests are not cached: they may hold the rejected token. After MAX_DROPS within
   * a minute the token stays.
   */
  reject(rejected) {
    if (this.#rejected || (this.#credential && this.#credential.access_token !== rejected)) return;
    const now = performance.now();
    this.#drops = this.#drops.filter((at) => now - at < 60_000);
    if (this.#drops.length === MAX_DROPS && this.#credential) return;
    this.#drops.push(now);
    this.#credential = undefined;
    this.#rejected = rejected;
    this.#requests = new Map();
  }

  /** Asks for another token, or waits for a request that does. ask(request, signal) asks. */
  async request(request, ask, signal) {
    const minTTL = request.min_ttl;
    const running = this.#requests.get(minTTL) ?? this.#start(request, ask);
    running.waiting++;
    let leave;
    const left = new Promise((_, reject) => {
      leave = () => reject(signal.reason);
    });
    signal?.addEventListener('abort', leave);
    try {
      return await Promise.race([running.answer, left]);
    } finally {
      signal?.removeEventListener('abort', leave);
      if (--running.waiting === 0) {
        this.#forget(minTTL, running);
        running.end.abort(); // nobody waits anymore; after an answer this does nothing
      }
    }
  }

  #start(request, ask) {
    const minTTL = request.min_ttl;
    const running = { waiting: 0, end: new AbortController() };
    running.answer = ask({ ...request, min_ttl: minTTL + CACHE_MARGIN, rejected_token: this.#rejected }, running.end.signal).then(
      (credential) => {
        if (this.#forget(minTTL, running)) {
          this.#credential = credential;
          this.#received = Date.now();
          this.#rejected = undefined;
        }
        return credential;
      },
      (error) => {
        this.#forget(minTTL, running);
        throw error;
      },
    );
    running.answer.catch(() => {}); // all callers may have left
    this.#requests.set(minTTL, running);
    return running;
  }

  #forget(minTTL, running) {
    return this.#requests.get(minTTL) === running && this.#requests.delete(minTTL);
  }
}

module.exports = { Token };
